"""Classifiers of texts: an encoder of ids, a pooling of its real steps, and a head."""

from collections.abc import Sequence
from functools import partial

import keras
from keras import layers, ops

from zoo.checks import CLASSIFIERS, check_choice, check_counts, check_fractions, check_sizes
from zoo.layers import AttentionPooling, MaskedPooling, NgramIds, PaddingMask
from zoo.models.language import token_embedding, token_ids
from zoo.models.mlp import dense_head, dropped
from zoo.models.rnn import recurrent_layer
from zoo.models.transformer import transformer_encoder
from zoo.registry import register_model

#: The encoders, and the pooling of each unless told otherwise.
ENCODERS = {
    "bigru": "last", "gru": "last", "lstm": "last", "bilstm": "last", "conv": "max",
    "transformer": "mean", "mean": "mean",
}  # fmt: skip
POOLINGS = ("last", "mean", "max", "attention")


@register_model
def text_classifier(
    vocabulary_size: int,
    num_classes: int = 1,
    head: str = "binary",
    encoder: str = "bigru",
    units: int = 64,
    num_layers: int = 1,
    pooling: str | None = None,
    embedding_dim: int = 128,
    dropout: float = 0.0,
    word_dropout: float = 0.0,
    kernel_sizes: int | Sequence[int] = (3, 4, 5),
    num_heads: int = 4,
    ngrams: int = 1,
    buckets: int = 100_000,
    mask: bool = True,
    name: str = "text_classifier",
) -> keras.Model:
    """Reads ids and answers with the logits of classes.

    Id 0 is padding, behind the last real id of a row: it changes no output. A row of nothing else
    counts as a text of one padding id, so that its output is finite and always the same. The parts
    are the layers `embedding`, the encoder's, `pooling` (except for the last state of a recurrent
    one) and `head`.

    Args:
        vocabulary_size: Number of ids, padding included.
        num_classes: Number of classes or labels; 1 for a binary head. Defaults to 1.
        head: `"binary"`, `"multilabel"` or `"multiclass"`. Defaults to `"binary"`.
        encoder: `"gru"`, `"lstm"`; `"bigru"`, `"bilstm"` (in both directions); `"conv"`
            (convolutions of several sizes side by side); `"transformer"`
            (`zoo.transformer_encoder`); or `"mean"`: nothing but the embeddings, with dense layers
            behind their mean. Defaults to `"bigru"`.
        units: Size of each layer of the encoder: recurrent (each direction has half of them in
            one that has both), filters of each kernel size, the hidden dense layer of each block
            of a transformer, or the dense layers behind a mean. Defaults to 64.
        num_layers: Number of those layers; `"mean"` with 0 is linear, as fastText. Defaults to 1.
        pooling: What becomes of all steps: `"last"` (of both directions: the state after the last
            real id, and after the first), `"mean"`, `"max"` or `"attention"` (a mean with learned
            weights). Defaults to None: last for recurrent encoders, max for conv, else the mean.
        embedding_dim: Size of the embedding. Defaults to 128.
        dropout: Fraction dropped behind the embedding and each layer, in [0, 1). Defaults to 0.
        word_dropout: Fraction of whole ids whose embeddings are dropped, in [0, 1), not in a
            transformer. Defaults to 0.
        kernel_sizes: Sizes of the kernels of `"conv"`, one or several. Defaults to `(3, 4, 5)`.
        num_heads: Number of attention heads of `"transformer"`. Defaults to 4.
        ngrams: Longest run of ids that has an embedding of its own, in `"mean"` only, see
            `zoo.layers.NgramIds`. Defaults to 1: none.
        buckets: Number of embeddings that all those runs share. Defaults to 100,000.
        mask: Whether padding is left out. False shows what happens where it is not: a recurrent
            encoder forgets the text while it reads padding. Defaults to True.

    Returns:
        Uncompiled model: ids `(batch, time)` to float32 logits, `(batch, 1)` for a binary head,
        else `(batch, num_classes)`; to be trained with `zoo.objective(head)`.

    >>> model = zoo.text_classifier(vocabulary_size=1000)
    >>> model(np.array([[5, 3, 7, 0], [8, 0, 0, 0]])).shape
    TensorShape([2, 1])
    >>> zoo.text_classifier(1000, 4, head="multiclass", encoder="conv").output_shape
    (None, 4)

    The book's for Reber strings, and fastText:

    >>> zoo.text_classifier(9, encoder="gru", units=30, embedding_dim=5).count_params()
    3406
    >>> zoo.text_classifier(1000, encoder="mean", num_layers=0, ngrams=2).count_params()
    12928129

    Reference: Book, chapter 16: 2nd edition cells 78 and 130, 3rd edition cells 68 (without a
    mask), 71, 75 and 181; Kim, *Convolutional neural networks for sentence classification*, 2014
    (conv); Joulin et al., *Bag of tricks for efficient text classification*, 2016, and Iyyer et
    al., *Deep unordered composition rivals syntactic methods*, 2015 (mean, word dropout).
    """
    check_choice(ENCODERS, encoder=encoder)
    check_choice(CLASSIFIERS, head=head)
    pooling = ENCODERS[encoder] if pooling is None else pooling
    check_choice(POOLINGS, pooling=pooling)
    sizes = check_sizes(kernel_sizes=kernel_sizes)
    if not sizes or len(set(sizes)) < len(sizes):
        raise ValueError(f"kernel_sizes must be different sizes. Received: {kernel_sizes!r}")
    check_counts(
        vocabulary_size=vocabulary_size, units=units, embedding_dim=embedding_dim, ngrams=ngrams,
        buckets=buckets,
    )  # fmt: skip
    if encoder != "mean" or num_layers != 0:
        check_counts(num_layers=num_layers)
    if encoder.startswith("bi") and units % 2:
        raise ValueError(f"Two directions need even units. Received: units={units}")
    check_fractions(word_dropout=word_dropout)
    _check_pairs(encoder, pooling, ngrams, word_dropout, mask)

    if encoder == "transformer":
        transformer = transformer_encoder(
            vocabulary_size, num_layers, embedding_dim, num_heads, feed_forward_dim=units,
            dropout=dropout,
        )  # fmt: skip
        ids = transformer.input
        x, real = transformer.output["outputs"], transformer.output["mask"]
    else:
        ids = token_ids()
        read, size = ids, vocabulary_size
        if ngrams > 1:
            hashed = NgramIds(vocabulary_size, buckets, ngrams, name="ngrams")
            read, size = hashed(ids), hashed.size
        real = PaddingMask(name="mask")(read) if mask else None
        x = token_embedding(size, embedding_dim)(read)
        if word_dropout:
            x = layers.Dropout(word_dropout, noise_shape=(None, None, 1), name="word_dropout")(x)
        x = dropped(x, dropout, "embedding_dropout")
    if encoder == "conv":
        x = _convolve(x, real, units, num_layers, sizes, dropout)
    elif encoder not in ("transformer", "mean"):
        x = _recur(x, real, encoder, units, num_layers, dropout, pooling)
    if len(x.shape) == 3:
        kind = AttentionPooling if pooling == "attention" else partial(MaskedPooling, pooling)
        x = kind(name="pooling")(x, mask=real)
    for index in range(num_layers if encoder == "mean" else 0):
        x = layers.Dense(units, "relu", kernel_initializer="he_normal", name=f"hidden_{index}")(x)
    x = dropped(x, dropout, "dropout")
    return keras.Model(ids, dense_head(x, num_classes, head), name=name)


def _recur(x, mask, encoder, units, num_layers, dropout, pooling):
    """Stacked recurrent layers: all steps, or the last state if that is what is pooled."""
    cell = encoder.removeprefix("bi")
    for index in range(num_layers):
        x = dropped(x, dropout, f"dropout_{index}") if index else x
        more = index < num_layers - 1 or pooling != "last"
        size = units // 2 if encoder != cell else units
        layer = recurrent_layer(cell, size, return_sequences=more, name=f"{cell}_{index}")
        if encoder != cell:
            layer = layers.Bidirectional(layer, name=f"bidirectional_{index}")
        x = layer(x, mask=mask)
    return x


def _convolve(x, mask, units, num_layers, kernel_sizes, dropout):
    """Stacked layers of convolutions side by side, to which padding is zeros."""
    for index in range(num_layers):
        x = dropped(x, dropout, f"dropout_{index}") if index else x
        if mask is not None:
            x = x * ops.cast(ops.expand_dims(mask, -1), x.dtype)
        parts = [
            layers.Conv1D(
                units, size, padding="same", activation="relu", name=f"conv_{index}_{size}"
            )(x)
            for size in kernel_sizes
        ]
        x = parts[0] if len(parts) == 1 else layers.Concatenate(name=f"concatenate_{index}")(parts)
    return x


def _check_pairs(encoder, pooling, ngrams, word_dropout, mask):
    """Raises a `ValueError` for arguments that do not go with this encoder."""
    wrong = {
        "ngrams above 1 go with the encoder 'mean' only": ngrams > 1 and encoder != "mean",
        "pooling='last' goes with all encoders but 'mean', which knows no order": (
            pooling == "last" and encoder == "mean"
        ),
        "word_dropout goes with all encoders but 'transformer'": (
            word_dropout > 0 and encoder == "transformer"
        ),
        "mask=False goes with all encoders but 'transformer', which always masks": (
            not mask and encoder == "transformer"
        ),
    }
    for message, is_wrong in wrong.items():
        if is_wrong:
            raise ValueError(
                f"{message}. Received: encoder={encoder!r}, pooling={pooling!r}, ngrams={ngrams}, "
                f"word_dropout={word_dropout}, mask={mask}"
            )
