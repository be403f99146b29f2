"""Recurrent forecasters."""

import math
from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_choice, check_counts, check_series_input
from zoo.layers import LayerNormRNNCell
from zoo.models.heads import forecast_head, head_shape, shape_forecast
from zoo.models.mlp import dropped
from zoo.registry import register_model

CELLS = ("simple_rnn", "lstm", "gru", "layer_norm")


@register_model
def simple_rnn(
    input_shape: Sequence[int | None],
    horizon: int = 1,
    targets: int = 1,
    units: int = 20,
    num_layers: int = 2,
    recurrent_head: bool = False,
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    name: str = "simple_rnn",
) -> keras.Model:
    """Stacked SimpleRNN layers that forecast from the last step only.

    Args:
        input_shape: `(time, features)`; time may be `None`.
        units: Size of each hidden layer. Defaults to 20.
        num_layers: Number of hidden layers; 0 is allowed with `recurrent_head`. Defaults to 2.
        recurrent_head: Make the output layer itself a SimpleRNN, as the book's first models do,
            instead of a dense layer. Its tanh confines forecasts to (-1, 1). Defaults to False.
        horizon, targets, head, quantiles, name: As for `linear_forecaster`, as is the result.

    >>> zoo.simple_rnn((None, 1), num_layers=0, recurrent_head=True).count_params()
    3

    Reference: Book, chapter 15, 2nd edition cells 23 (one unit), 28, 33 and 51.
    """
    check_counts(units=units)
    if num_layers != 0 or not recurrent_head:
        check_counts(num_layers=num_layers)
    x = inputs = keras.Input(check_series_input(input_shape), name="series")
    for index in range(num_layers):
        more = recurrent_head or index < num_layers - 1
        x = layers.SimpleRNN(units, return_sequences=more, name=f"rnn_{index}")(x)
    if recurrent_head:
        units = math.prod(head_shape(horizon, targets, head, quantiles))
        x = layers.SimpleRNN(units, name="rnn_head")(x)
    x = layers.Reshape((1, units), name="last_step")(x)
    shaped = shape_forecast if recurrent_head else forecast_head
    return keras.Model(inputs, shaped(x, horizon, targets, head, quantiles), name=name)


@register_model
def deep_rnn(
    input_shape: Sequence[int | None],
    horizon: int = 1,
    targets: int = 1,
    cell: str = "gru",
    units: int = 20,
    num_layers: int = 2,
    dropout: float = 0.0,
    batch_normalization: bool = False,
    return_sequences: bool = True,
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    name: str = "deep_rnn",
) -> keras.Model:
    """Stacked recurrent layers of any kind, by default sequence to sequence.

    Args:
        input_shape: `(time, features)`; time may be `None`.
        horizon: Number of steps to forecast at every step. Defaults to 1.
        cell: `"simple_rnn"`, `"lstm"`, `"gru"` or `"layer_norm"`. Defaults to `"gru"`.
        units: Size of each layer. Defaults to 20.
        num_layers: Number of recurrent layers. Defaults to 2.
        dropout: Fraction of the features dropped between layers and before the head, in [0, 1).
            Defaults to 0.
        batch_normalization: Normalise the output of every recurrent layer. Defaults to False.
        return_sequences: Forecast at every step (more gradient, the book's advice) instead of
            the last one only. Defaults to True.
        targets, head, quantiles, name: As for `linear_forecaster`.

    Returns:
        Uncompiled model: `(batch, time, features)` to `(batch, time, horizon, targets)`, or to
        `(batch, 1, horizon, targets)` without `return_sequences`.

    >>> zoo.deep_rnn((50, 1), horizon=10, cell="lstm").output_shape
    (None, 50, 10, 1)

    Reference: Book, chapter 15, 2nd edition cells 57, 61, 65, 70 and 76.
    """
    check_counts(units=units, num_layers=num_layers)
    x = inputs = keras.Input(check_series_input(input_shape), name="series")
    for index in range(num_layers):
        more = return_sequences or index < num_layers - 1
        x = recurrent_layer(cell, units, return_sequences=more, name=f"{cell}_{index}")(x)
        if batch_normalization:
            x = layers.BatchNormalization(name=f"batch_norm_{index}")(x)
        x = dropped(x, dropout, f"dropout_{index}")
    if not return_sequences:
        x = layers.Reshape((1, units), name="last_step")(x)
    return keras.Model(inputs, forecast_head(x, horizon, targets, head, quantiles), name=name)


def recurrent_layer(cell, units, return_sequences, name):
    """A recurrent layer by the name of its cell."""
    if cell == "layer_norm":
        cell = LayerNormRNNCell(units, name="cell")
        return layers.RNN(cell, return_sequences=return_sequences, name=name)
    kinds = {"simple_rnn": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}
    check_choice(CELLS, cell=cell)
    return kinds[cell](units, return_sequences=return_sequences, name=name)
