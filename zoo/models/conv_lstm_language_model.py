"""The book's network for Bach chorales."""

from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_counts, check_sizes
from zoo.models.language import next_token_logits, token_embedding, token_ids
from zoo.models.mlp import dropped
from zoo.registry import register_model


@register_model
def conv_lstm_language_model(
    vocabulary_size: int,
    embedding_dim: int = 5,
    filters: int | Sequence[int] = (32, 48, 64, 96),
    kernel_size: int = 2,
    units: int = 256,
    dropout: float = 0.0,
    name: str = "conv_lstm_language_model",
) -> keras.Model:
    """Causal convolutions whose dilation doubles, then an LSTM, that predict the next id.

    Args:
        embedding_dim: Size of the embedding. Defaults to 5.
        filters: Channels of each convolution; their dilations are 1, 2, 4, ... Each has a ReLU
            and is followed by batch normalisation. Defaults to `(32, 48, 64, 96)`.
        kernel_size: Width of the kernels. Defaults to 2.
        units: Size of the LSTM. Defaults to 256.
        dropout: Fraction of the channels dropped around the LSTM, in [0, 1). Defaults to 0.
        vocabulary_size, name: As for `char_rnn`, as is the result.

    >>> zoo.conv_lstm_language_model(vocabulary_size=47).count_params()  # the book's
    396810

    Reference: Book, chapter 15, exercise 10 (2nd edition cell 136).
    """
    check_counts(vocabulary_size=vocabulary_size, embedding_dim=embedding_dim)
    check_counts(kernel_size=kernel_size, units=units)
    filters = check_sizes(filters=filters)
    if not filters:
        raise ValueError("filters must name at least one convolution. Received: filters=()")
    inputs = token_ids()
    x = token_embedding(vocabulary_size, embedding_dim)(inputs)
    for index, channels in enumerate(filters):
        x = layers.Conv1D(
            channels, kernel_size, dilation_rate=2**index, padding="causal", activation="relu",
            name=f"conv_{index}",
        )(x)  # fmt: skip
        x = layers.BatchNormalization(name=f"batch_norm_{index}")(x)
    x = dropped(x, dropout, "conv_dropout")
    x = layers.LSTM(units, return_sequences=True, name="lstm")(x)
    x = dropped(x, dropout, "lstm_dropout")
    return keras.Model(inputs, next_token_logits(x, vocabulary_size), name=name)
