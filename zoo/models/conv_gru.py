"""A convolution that shortens the series, in front of GRUs."""

from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_counts, check_series_input
from zoo.models.heads import forecast_head
from zoo.models.mlp import dropped
from zoo.registry import register_model


@register_model
def conv_gru(
    input_shape: Sequence[int | None],
    horizon: int = 1,
    targets: int = 1,
    filters: int = 20,
    kernel_size: int = 4,
    strides: int = 2,
    units: int = 20,
    num_layers: int = 2,
    dropout: float = 0.0,
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    name: str = "conv_gru",
) -> keras.Model:
    """A strided causal Conv1D halves the series, then stacked GRUs read it.

    The window is padded on the left by as little as it takes for the last output to see the last
    input (plain strided causal padding would drop it). For the book's sizes that is nothing.

    Args:
        input_shape: `(time, features)`; both must be known.
        horizon: Number of steps to forecast at every output step. Defaults to 1.
        filters: Output channels of the convolution. Defaults to 20.
        kernel_size: Width of the convolution. Defaults to 4.
        strides: Input steps for each output step. Defaults to 2.
        units: Size of each GRU layer. Defaults to 20.
        num_layers: Number of GRU layers. Defaults to 2.
        dropout: Fraction of the features dropped between layers. Defaults to 0.
        targets, head, quantiles, name: As for `linear_forecaster`.

    Returns:
        Uncompiled model: `(batch, time, features)` to `(batch, time_out, horizon, targets)`
        where output `j` stands at input step `time - 1 - strides * (time_out - 1 - j)`.

    >>> zoo.conv_gru((50, 1), horizon=10).output_shape  # the book's Y[:, 3::2]
    (None, 24, 10, 1)

    Reference: Book, chapter 15, 2nd edition cell 83.
    """
    time, features = check_series_input(input_shape, needs_time=True)
    check_counts(filters=filters, kernel_size=kernel_size, strides=strides)
    check_counts(units=units, num_layers=num_layers)
    inputs = keras.Input((time, features), name="series")
    # At least one full kernel, and the last kernel ends on the last step.
    padding = max(kernel_size - time, 0)
    padding += (kernel_size - time - padding) % strides
    x = layers.ZeroPadding1D((padding, 0), name="align")(inputs) if padding else inputs
    x = layers.Conv1D(filters, kernel_size, strides=strides, padding="valid", name="conv")(x)
    for index in range(num_layers):
        x = layers.GRU(units, return_sequences=True, name=f"gru_{index}")(x)
        x = dropped(x, dropout, f"dropout_{index}")
    return keras.Model(inputs, forecast_head(x, horizon, targets, head, quantiles), name=name)
