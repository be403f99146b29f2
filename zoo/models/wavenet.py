"""WaveNet: dilated causal convolutions, as the book simplifies them and as the paper has them."""

import warnings
from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_counts, check_series_input
from zoo.layers import GatedActivation
from zoo.models.heads import forecast_head
from zoo.models.mlp import dropped
from zoo.registry import register_model


def receptive_field(kernel_size: int, dilation_rates: Sequence[int]) -> int:
    """Number of input steps that one output of stacked dilated convolutions sees.

    >>> receptive_field(2, [1, 2, 4, 8] * 2)  # the book's stack sees 31 of its 50 steps
    31
    """
    return 1 + (kernel_size - 1) * sum(dilation_rates)


@register_model
def wavenet_lite(
    input_shape: Sequence[int | None],
    horizon: int = 1,
    targets: int = 1,
    filters: int = 20,
    kernel_size: int = 2,
    num_blocks: int = 2,
    num_layers: int = 4,
    dropout: float = 0.0,
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    name: str = "wavenet_lite",
) -> keras.Model:
    """The book's WaveNet-like stack: causal Conv1D layers whose dilation doubles.

    Args:
        input_shape: `(time, features)`; time may be `None`.
        horizon: Number of steps to forecast at every step. Defaults to 1.
        filters: Channels of every layer. Defaults to 20.
        kernel_size: Width of the kernels. Defaults to 2.
        num_blocks: Number of times the dilations start over. Defaults to 2.
        num_layers: Layers in a block, with dilations 1, 2, 4, ... Defaults to 4.
        dropout: Fraction of the channels dropped after each layer. Defaults to 0.
        targets, head, quantiles, name: As for `linear_forecaster`.

    Returns:
        Uncompiled model: `(batch, time, features)` to `(batch, time, horizon, targets)`.

    >>> zoo.wavenet_lite((None, 1), horizon=10).count_params()
    6010

    Reference: Book, chapter 15, 2nd edition cell 86.
    """
    time, features = check_series_input(input_shape)
    check_counts(
        filters=filters, kernel_size=kernel_size, num_blocks=num_blocks, num_layers=num_layers
    )
    dilation_rates = [2**index for index in range(num_layers)]
    _warn_if_short(time, receptive_field(kernel_size, dilation_rates * num_blocks), name)
    x = inputs = keras.Input((time, features), name="series")
    for block in range(num_blocks):
        for index, rate in enumerate(dilation_rates):
            prefix = f"block_{block}_layer_{index}"
            x = _causal_conv(filters, kernel_size, rate, "relu", f"{prefix}_conv")(x)
            x = dropped(x, dropout, f"{prefix}_dropout")
    return keras.Model(inputs, forecast_head(x, horizon, targets, head, quantiles), name=name)


@register_model
def wavenet(
    input_shape: Sequence[int | None],
    horizon: int = 1,
    targets: int = 1,
    filters: int = 32,
    kernel_size: int = 2,
    num_blocks: int = 2,
    num_layers: int = 5,
    skip_filters: int | None = None,
    dropout: float = 0.0,
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    name: str = "wavenet",
) -> keras.Model:
    """WaveNet as published: gated activations, residual and skip paths, and a linear head.

    Each layer computes `z = tanh(conv) * sigmoid(conv)` with a dilated causal convolution; a 1x1
    convolution of `z` is added to the layer's input (residual path) and another one to the sum
    that feeds the output (skip path). Forecasts come from that sum through two 1x1 convolutions
    with ReLU. An output sees `receptive_field(...)` input steps: the input convolution's
    `kernel_size - 1`, and `(kernel_size - 1) * (2**num_layers - 1)` for each block.

    Args:
        filters: Channels of the residual path and of the gates. Defaults to 32.
        kernel_size: Width of the causal kernels. Defaults to 2.
        num_layers: Layers in a block, with dilations 1, 2, 4, ... Defaults to 5.
        skip_filters: Channels of the skip path. Defaults to `filters`.
        dropout: Fraction of the channels dropped at the input of each layer. Defaults to 0.
        targets, head, quantiles, name: As for `linear_forecaster`.
        input_shape, horizon, num_blocks: As for `wavenet_lite`, as is the result.

    Warns:
        UserWarning: If the receptive field is shorter than the window: the oldest steps would
            never be used.

    >>> zoo.wavenet((50, 1), horizon=10).output_shape
    (None, 50, 10, 1)
    >>> zoo.wavenet((50, 1), horizon=10, head="quantile").output_shape
    (None, 50, 10, 1, 3)

    Reference: van den Oord et al., *WaveNet*, 2016, section 2; book, chapter 15, 2nd edition cells
    88 to 91 (which apply tanh twice and a softmax to a regression target).
    """
    time, features = check_series_input(input_shape)
    skip_filters = filters if skip_filters is None else skip_filters
    check_counts(
        filters=filters, kernel_size=kernel_size, num_blocks=num_blocks, num_layers=num_layers
    )
    check_counts(skip_filters=skip_filters)
    dilation_rates = [2**index for index in range(num_layers)]
    _warn_if_short(time, receptive_field(kernel_size, [1, *dilation_rates * num_blocks]), name)
    inputs = keras.Input((time, features), name="series")
    x = _causal_conv(filters, kernel_size, 1, None, "input_conv")(inputs)
    skips = []
    for block in range(num_blocks):
        for index, rate in enumerate(dilation_rates):
            prefix = f"block_{block}_layer_{index}"
            z = dropped(x, dropout, f"{prefix}_dropout")
            z = _causal_conv(2 * filters, kernel_size, rate, None, f"{prefix}_conv")(z)
            z = GatedActivation(name=f"{prefix}_gate")(z)
            skips.append(layers.Dense(skip_filters, name=f"{prefix}_skip")(z))
            last = block == num_blocks - 1 and index == num_layers - 1
            if not last:  # nothing would read the last layer's residual output
                z = layers.Dense(filters, name=f"{prefix}_residual")(z)
                x = layers.Add(name=f"{prefix}_add")([x, z])
    x = layers.Add(name="skip_sum")(skips) if len(skips) > 1 else skips[0]
    x = layers.Activation("relu", name="skip_relu")(x)
    x = layers.Dense(skip_filters, activation="relu", name="output_dense")(x)
    return keras.Model(inputs, forecast_head(x, horizon, targets, head, quantiles), name=name)


def _causal_conv(filters, kernel_size, rate, activation, name):
    how = {"dilation_rate": rate, "padding": "causal", "activation": activation, "name": name}
    return layers.Conv1D(filters, kernel_size, **how)


def _warn_if_short(time, field, name):
    if time is not None and field < time:
        warnings.warn(
            f"{name} sees {field} steps (its receptive field) of a window of {time}: the oldest "
            f"{time - field} are never used. Raise num_layers, num_blocks or kernel_size.",
            stacklevel=3,
        )
