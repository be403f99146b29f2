"""A small causal Transformer."""

import keras
from keras import layers

from zoo.checks import check_counts
from zoo.layers import CausalSelfAttention
from zoo.models.language import next_token_logits, token_embedding, token_ids
from zoo.models.mlp import dropped
from zoo.registry import register_model


@register_model
def transformer_language_model(
    vocabulary_size: int,
    context: int = 256,
    num_layers: int = 4,
    num_heads: int = 4,
    embedding_dim: int = 128,
    feed_forward_dim: int | None = None,
    dropout: float = 0.0,
    tie_embeddings: bool = False,
    name: str = "transformer_language_model",
) -> keras.Model:
    """Blocks of causal self-attention and two dense layers that predict the next id.

    Normalisation stands in front of each part of a block (pre-norm), positions are rotary, and
    each layer attends to the last `context` steps: sequences may be of any length, and stepping
    through one keeps just so many keys and values.

    Args:
        context: How many steps each layer sees, the current one included. Defaults to 256.
        num_layers: Number of blocks. Defaults to 4.
        num_heads: Number of attention heads. Defaults to 4.
        embedding_dim: Channels; a multiple of `2 * num_heads`. Defaults to 128.
        feed_forward_dim: Size of the hidden dense layer (GELU) of each block. Defaults to
            `4 * embedding_dim`.
        dropout: Fraction of the channels dropped behind the embedding and behind both parts of a
            block, in [0, 1). Defaults to 0.
        tie_embeddings: Whether the head has the embedding's weights, no bias. Defaults to False.
        vocabulary_size, name: As for `char_rnn`, as is the result.

    >>> model = zoo.transformer_language_model(65, context=64, num_layers=2)
    >>> model.output_shape
    (None, None, 65)

    Reference: Vaswani et al., *Attention is all you need*, 2017; Radford et al., *Language models
    are unsupervised multitask learners*, 2019 (pre-norm); Su et al., *RoFormer*, 2021 (rotary
    positions); book, chapter 16.
    """
    feed_forward_dim = 4 * embedding_dim if feed_forward_dim is None else feed_forward_dim
    check_counts(vocabulary_size=vocabulary_size, context=context, num_layers=num_layers)
    check_counts(num_heads=num_heads, embedding_dim=embedding_dim)
    check_counts(feed_forward_dim=feed_forward_dim)
    inputs = token_ids()
    embedding = token_embedding(vocabulary_size, embedding_dim, tie_embeddings)
    x = embedding(inputs)
    x = dropped(x, dropout, "embedding_dropout")
    for index in range(num_layers):
        prefix = f"block_{index}"
        y = layers.LayerNormalization(name=f"{prefix}_attention_norm")(x)
        y = CausalSelfAttention(num_heads, context, name=f"{prefix}_attention")(y)
        x = _residual(x, y, dropout, f"{prefix}_attention")
        y = layers.LayerNormalization(name=f"{prefix}_dense_norm")(x)
        y = layers.Dense(feed_forward_dim, activation="gelu", name=f"{prefix}_dense_0")(y)
        y = layers.Dense(embedding_dim, name=f"{prefix}_dense_1")(y)
        x = _residual(x, y, dropout, f"{prefix}_dense")
    x = layers.LayerNormalization(name="norm")(x)
    outputs = next_token_logits(x, vocabulary_size, embedding if tie_embeddings else None)
    return keras.Model(inputs, outputs, name=name)


def _residual(x, y, dropout, prefix):
    return layers.Add(name=f"{prefix}_add")([x, dropped(y, dropout, f"{prefix}_dropout")])
