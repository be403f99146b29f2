"""The recurrent language model."""

import keras

from zoo.checks import check_counts
from zoo.layers import OneHot
from zoo.models.language import next_token_logits, token_embedding, token_ids
from zoo.models.mlp import dropped
from zoo.models.rnn import recurrent_layer
from zoo.registry import register_model
from zoo.stateful import to_stateful


@register_model
def char_rnn(
    vocabulary_size: int,
    units: int = 128,
    num_layers: int = 1,
    cell: str = "gru",
    embedding_dim: int | None = None,
    dropout: float = 0.0,
    tie_embeddings: bool = False,
    stateful: bool = False,
    batch_size: int | None = None,
    name: str = "char_rnn",
) -> keras.Model:
    """Stacked recurrent layers that predict the next id at every step.

    Args:
        vocabulary_size: Number of ids.
        units: Size of each layer. Defaults to 128.
        num_layers: Number of recurrent layers. Defaults to 1.
        cell: `"gru"`, `"lstm"`, `"simple_rnn"` or `"layer_norm"`. Defaults to `"gru"`.
        embedding_dim: Size of the embedding. Defaults to None: one-hot vectors.
        dropout: Fraction of the channels dropped behind the embedding and behind every recurrent
            layer, in [0, 1). Defaults to 0.
        tie_embeddings: Whether the head shares the weights of the embedding, without a bias; a
            linear projection stands between, where `units` is another size. Defaults to False.
        stateful: Whether batches continue each other, see `zoo.to_stateful`. Defaults to False.
        batch_size: Number of series of a stateful model. Defaults to None.

    Returns:
        Uncompiled model: ids `(batch, time)` to logits `(batch, time, vocabulary_size)`;
        `logits[:, t]` are about id `t + 1`.

    Raises:
        ValueError: If an argument is out of range, or `stateful` and `batch_size` do not go
            together.

    >>> model = zoo.char_rnn(39, embedding_dim=16)  # the 3rd edition's
    >>> model.output_shape, model.count_params()
    ((None, None, 39), 61719)
    >>> zoo.char_rnn(39, stateful=True, batch_size=32).output_shape
    (32, None, 39)

    Reference: Book, chapter 16: 2nd edition cells 30 and 49, 3rd edition cells 32 and 54.
    """
    check_counts(vocabulary_size=vocabulary_size, units=units, num_layers=num_layers)
    if embedding_dim is not None:
        check_counts(embedding_dim=embedding_dim)
    elif tie_embeddings:
        raise ValueError(
            "tie_embeddings needs an embedding. Received: tie_embeddings=True, embedding_dim=None"
        )
    if stateful != (batch_size is not None):
        raise ValueError(
            "stateful=True needs a batch_size, and nothing else does. Received: "
            f"stateful={stateful}, batch_size={batch_size}"
        )
    inputs = token_ids()
    embedding = None
    if embedding_dim is None:
        x = OneHot(vocabulary_size, name="one_hot")(inputs)
    else:
        embedding = token_embedding(vocabulary_size, embedding_dim, tie_embeddings)
        x = embedding(inputs)
        x = dropped(x, dropout, "embedding_dropout")
    for index in range(num_layers):
        x = recurrent_layer(cell, units, return_sequences=True, name=f"{cell}_{index}")(x)
        x = dropped(x, dropout, f"dropout_{index}")
    outputs = next_token_logits(x, vocabulary_size, embedding if tie_embeddings else None)
    model = keras.Model(inputs, outputs, name=name)
    return model if batch_size is None else to_stateful(model, batch_size)
