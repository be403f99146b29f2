"""What all forecasters share: the output head and the alignment of outputs with inputs.

Outputs have the shape `(batch, time_out, horizon, targets)`; output `j` forecasts the `horizon`
steps that follow its own input step, and the last output always stands at the last input step.
Quantile heads append an axis of quantiles, Gaussian heads one of (mean, standard deviation).
"""

import math
import warnings
from collections.abc import Iterable
from itertools import pairwise

import keras
from keras import layers

from zoo.checks import check_choice, check_counts, check_series_input
from zoo.layers import (
    GaussianParameters,
    LastSteps,
    SelectColumns,
    SortQuantiles,
    WindowDenormalization,
    WindowNormalization,
)
from zoo.tokenizers import all_layers

HEADS = ("point", "quantile", "gaussian")


def forecast_head(x, horizon, targets=1, head="point", quantiles=(0.1, 0.5, 0.9)):
    """Turns features `(batch, time_out, channels)` into forecasts with one linear layer."""
    x = layers.Dense(math.prod(head_shape(horizon, targets, head, quantiles)), name="head")(x)
    return shape_forecast(x, horizon, targets, head, quantiles)


def shape_forecast(x, horizon, targets=1, head="point", quantiles=(0.1, 0.5, 0.9)):
    """Gives `(batch, time_out, outputs)` the shape and the meaning of a forecast."""
    sizes = head_shape(horizon, targets, head, quantiles)
    x = layers.Reshape((-1 if x.shape[1] is None else x.shape[1], *sizes), name="forecast")(x)
    if head == "quantile":
        return SortQuantiles(name="quantiles")(x)
    if head == "gaussian":
        return GaussianParameters(name="gaussian")(x)
    return x


def target_series(input_shape, targets, name):
    """An input, and the targets' own columns of it: each series is forecast from its own past.

    Warns of the columns behind them, which such a model never reads. Called by factories only: the
    warning names their caller's line.
    """
    inputs = keras.Input(check_series_input(input_shape, needs_time=True), name="series")
    check_counts(targets=targets)
    features = inputs.shape[-1]
    if features < targets:
        raise ValueError(
            f"{name} forecasts each series from its own past. Expected at least targets={targets} "
            f"features in input_shape. Received: {features}"
        )
    if features == targets:
        return inputs, inputs
    warnings.warn(
        f"{name} forecasts each series from its own past: the {features - targets} features "
        f"behind the {targets} to forecast are never used.",
        stacklevel=3,
    )
    return inputs, SelectColumns(range(targets), name="targets")(inputs)


def shape_series(x, horizon, targets=1, head="point", quantiles=(0.1, 0.5, 0.9)):
    """Gives one forecast a series, `(batch, targets, outputs * horizon)`, the shape of all."""
    x = layers.Reshape((targets, -1, horizon), name="series_forecasts")(x)
    x = layers.Permute((3, 1, 2), name="horizon_first")(x)
    x = layers.Reshape((1, math.prod(x.shape[1:])), name="last_step")(x)
    return shape_forecast(x, horizon, targets, head, quantiles)


def series_outputs(horizon, head="point", quantiles=(0.1, 0.5, 0.9)):
    """How many numbers a head needs for one series."""
    return math.prod(head_shape(horizon, 1, head, quantiles))


def normalize_windows(
    model: keras.Model,
    method: str = "standard",
    channels: int | None = None,
    affine: bool = False,
    head: str = "point",
) -> keras.Model:
    """A forecaster that sees each window from its own level and spread, on the same weights.

    Of a model that forecasts at every step, the last forecast is kept: the earlier ones would know,
    by what their inputs were normalised with, of values to come.

    Args:
        model: Forecaster from `(batch, time, features)` to `(batch, time_out, horizon, targets)`,
            which has a last axis more with a probabilistic head.
        method: `"standard"` or `"last"`, see `zoo.layers.WindowNormalization`.
        channels: Number of leading features to normalise: the targets, and maybe past covariates.
            Defaults to the targets.
        affine: Whether the normalised channels are scaled and shifted by weights of their own.
            Defaults to False.
        head: The model's: `"point"`, `"quantile"` or `"gaussian"`. Defaults to `"point"`.

    Returns:
        Uncompiled model: `(batch, time, features)` to `(batch, 1, horizon, targets)`.

    Raises:
        ValueError: If there is no such method, or head and channels do not fit the model.

    >>> model = zoo.normalize_windows(zoo.deep_rnn((50, 1), horizon=10), "last")
    >>> series = np.random.default_rng(42).normal(size=(2, 50, 1))
    >>> forecast = model(series)
    >>> forecast.shape
    TensorShape([2, 1, 10, 1])
    >>> np.allclose(model(series + 100), forecast + 100, atol=1e-3)
    True

    Reference: Kim et al., *Reversible instance normalization for accurate time-series forecasting
    against distribution shift*, 2022.
    """
    check_choice(HEADS, head=head)
    if len(model.output_shape) != 4 + (head != "point"):
        raise ValueError(f"{model.name!r} has not such a head. Received: head={head!r}")
    features, targets = model.input_shape[-1], model.output_shape[3]
    channels = targets if channels is None else channels
    if not targets <= channels <= features:
        raise ValueError(
            f"Expected channels from {targets} (the targets of {model.name!r}) to {features} (its "
            f"features). Received: channels={channels}"
        )
    inputs = keras.Input(model.input_shape[1:], name="series")
    normalization = WindowNormalization(method, channels, affine, name="window_normalization")
    x, shift, scale = normalization(inputs)
    x = LastSteps(1, name="last_forecast")(model(x))
    outputs = WindowDenormalization(head, name="window_denormalization")([x, shift, scale])
    return keras.Model(inputs, outputs, name=f"normalized_{model.name}")


def head_shape(horizon, targets=1, head="point", quantiles=(0.1, 0.5, 0.9)):
    """The axes behind `(batch, time_out)` of a head's output.

    >>> head_shape(10, 2), head_shape(10, 2, "quantile", (0.1, 0.9))
    ((10, 2), (10, 2, 2))
    """
    check_counts(horizon=horizon, targets=targets)
    check_choice(HEADS, head=head)
    if head == "point":
        return (horizon, targets)
    if head == "gaussian":
        return (horizon, targets, 2)
    quantiles = tuple(quantiles) if isinstance(quantiles, Iterable) else (quantiles,)
    inside = all(0 < q < 1 for q in quantiles)
    if not quantiles or not inside or any(a >= b for a, b in pairwise(quantiles)):
        raise ValueError(
            f"quantiles must be increasing numbers between 0 and 1. Received: {quantiles}"
        )
    return (horizon, targets, len(quantiles))


def output_stride(model: keras.Model) -> int:
    """How many input steps lie between two outputs of a sequence-to-sequence forecaster.

    1 for all but models that downsample, such as `conv_gru`: the product of the strides of their
    convolutions. With it, a data pipeline knows which targets belong to which output: output `j`
    of `time_out` stands at input step `time - 1 - stride * (time_out - 1 - j)`.

    >>> zoo.output_stride(zoo.conv_gru((50, 1), horizon=10))
    2
    """
    convolutions = (part for part in all_layers(model) if isinstance(part, keras.layers.Conv1D))
    return math.prod(layer.strides[0] for layer in convolutions)
