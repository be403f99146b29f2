"""The Transformer, from a source to a target, and its encoder alone."""

from typing import Any

import keras
from keras import layers

from zoo.checks import check_counts, check_fractions
from zoo.layers import PaddingMask, PositionalEmbedding, TransformerDecoder, TransformerEncoderBlock
from zoo.models.language import token_ids
from zoo.registry import register_model


@register_model
def transformer(
    source_vocabulary_size: int,
    target_vocabulary_size: int,
    num_layers: int = 2,
    embedding_dim: int = 128,
    num_heads: int = 8,
    key_dim: int | None = None,
    feed_forward_dim: int | None = None,
    dropout: float = 0.1,
    attention_dropout: float = 0.0,
    norm: str = "pre",
    positions: str = "sinusoidal",
    max_length: int = 512,
    scale_embeddings: bool = True,
    tie_embeddings: bool = False,
    activation: str = "relu",
    name: str = "transformer",
) -> keras.Model:
    """An encoder that reads the source and a causal decoder that writes the target.

    Ids are int32, 0 is padding and comes last. The two parts are `model.get_layer("encoder")`, the
    `transformer_encoder`, and `model.get_layer("decoder")`, a `zoo.layers.TransformerDecoder`;
    `zoo.decoding.decode` and `zoo.decoding.beam_search` translate with them.

    Args:
        source_vocabulary_size: Number of ids of the source.
        target_vocabulary_size: Number of ids of the target.
        num_layers: Number of blocks of the encoder, and of the decoder. Defaults to 2.
        embedding_dim: Channels. Defaults to 128.
        num_heads: Number of attention heads. Defaults to 8.
        key_dim: Size of each head. Defaults to `embedding_dim // num_heads`.
        feed_forward_dim: Size of the hidden dense layer of each block. Defaults to
            `4 * embedding_dim`.
        dropout: Fraction of the channels dropped behind the embeddings and behind each part of a
            block, in [0, 1). Defaults to 0.1.
        attention_dropout: Fraction of the attention weights dropped, in [0, 1). Defaults to 0.
        norm: Where each part of a block is normalised: `"pre"`, in front of it, which trains
            without warm-up, or `"post"`, behind its residual path. Defaults to `"pre"`.
        positions: `"sinusoidal"` or `"learned"`. Defaults to `"sinusoidal"`.
        max_length: Longest source and target with learned positions. Defaults to 512.
        scale_embeddings: Whether embeddings are scaled by `sqrt(embedding_dim)` before the
            positions are added. Defaults to True.
        tie_embeddings: Whether the head shares the weights of the target's embedding, without a
            bias. Defaults to False.
        activation: Of the hidden dense layers. Defaults to `"relu"`.

    Returns:
        Uncompiled model: `{"source": (batch, source_time), "target": (batch, time)}`, where the
        target is shifted right and starts with the start id, to float32 logits `(batch, time,
        target_vocabulary_size)`; `logits[:, t]` are about the id after `target[:, t]`.

    >>> model = zoo.transformer(1000, 800, num_layers=1, embedding_dim=64, num_heads=4)
    >>> ids = {"source": np.ones((2, 9), "int32"), "target": np.ones((2, 7), "int32")}
    >>> model(ids).shape
    TensorShape([2, 7, 800])

    The 3rd edition's, cell 137:

    >>> book = {"embedding_dim": 128, "key_dim": 128, "feed_forward_dim": 128}
    >>> book |= {"norm": "post", "scale_embeddings": False}
    >>> zoo.transformer(1000, 1000, **book, dropout=0.1, attention_dropout=0.1).name
    'transformer'

    Reference: Vaswani et al., *Attention is all you need*, 2017; book, chapter 16, 3rd edition cell
    137.
    """
    check_counts(source_vocabulary_size=source_vocabulary_size)
    check_counts(target_vocabulary_size=target_vocabulary_size)
    shared: dict[str, Any] = {
        "num_layers": num_layers, "embedding_dim": embedding_dim, "num_heads": num_heads,
        "key_dim": key_dim, "feed_forward_dim": feed_forward_dim, "dropout": dropout,
        "attention_dropout": attention_dropout, "norm": norm, "positions": positions,
        "max_length": max_length, "scale_embeddings": scale_embeddings, "activation": activation,
    }  # fmt: skip
    encoder = transformer_encoder(source_vocabulary_size, **shared, name="encoder")
    decoder = TransformerDecoder(
        target_vocabulary_size, **shared, tie_embeddings=tie_embeddings, name="decoder"
    )
    inputs = {
        "source": keras.Input((None,), dtype="int32", name="source"),
        "target": keras.Input((None,), dtype="int32", name="target"),
    }
    return keras.Model(inputs, decoder(inputs["target"], encoder(inputs["source"])), name=name)


@register_model
def transformer_encoder(
    vocabulary_size: int,
    num_layers: int = 2,
    embedding_dim: int = 128,
    num_heads: int = 8,
    key_dim: int | None = None,
    feed_forward_dim: int | None = None,
    dropout: float = 0.1,
    attention_dropout: float = 0.0,
    norm: str = "pre",
    positions: str = "sinusoidal",
    max_length: int = 512,
    scale_embeddings: bool = True,
    activation: str = "relu",
    name: str = "transformer_encoder",
) -> keras.Model:
    """Blocks of self-attention that see the whole sequence but its padding.

    Args:
        vocabulary_size: Number of ids, int32; 0 is padding.
        num_layers: Number of blocks. Defaults to 2.
        key_dim, feed_forward_dim, dropout, attention_dropout, norm, positions: See `transformer`.
        embedding_dim, num_heads, max_length, scale_embeddings, activation, name: See `transformer`.

    Returns:
        Uncompiled model: ids `(batch, time)` to a memory, `{"outputs": (batch, time,
        embedding_dim), "mask": (batch, time)}`. The mask is True for real ids, outputs elsewhere
        mean nothing. A sequence without any real id counts as one padding id.

    >>> encoder = zoo.transformer_encoder(1000, embedding_dim=64)
    >>> memory = encoder(np.array([[5, 3, 0]]))
    >>> memory["outputs"].shape, memory["mask"].numpy()
    (TensorShape([1, 3, 64]), array([[ True,  True, False]]))

    Reference: Vaswani et al., *Attention is all you need*, 2017; book, chapter 16, 3rd edition cell
    135.
    """
    check_counts(vocabulary_size=vocabulary_size, num_layers=num_layers, num_heads=num_heads)
    check_counts(embedding_dim=embedding_dim, max_length=max_length)
    check_fractions(dropout=dropout, attention_dropout=attention_dropout)
    if key_dim is None and embedding_dim % num_heads:
        raise ValueError(
            f"Expected embedding_dim to be a multiple of num_heads, or key_dim to be given. "
            f"Received: embedding_dim={embedding_dim}, num_heads={num_heads}"
        )
    key_dim = embedding_dim // num_heads if key_dim is None else key_dim
    feed_forward_dim = 4 * embedding_dim if feed_forward_dim is None else feed_forward_dim
    check_counts(key_dim=key_dim, feed_forward_dim=feed_forward_dim)
    ids = token_ids()
    mask = PaddingMask(name="mask")(ids)
    x = PositionalEmbedding(
        vocabulary_size, embedding_dim, positions, max_length, scale_embeddings, dropout,
        name="embedding",
    )(ids)  # fmt: skip
    for index in range(num_layers):
        x = TransformerEncoderBlock(
            num_heads, key_dim, feed_forward_dim, dropout, attention_dropout, norm, activation,
            name=f"block_{index}",
        )(x, mask)  # fmt: skip
    if norm == "pre":
        x = layers.LayerNormalization(name="norm")(x)
    return keras.Model(ids, {"outputs": x, "mask": mask}, name=name)
