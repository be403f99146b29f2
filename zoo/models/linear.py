"""Linear forecasters: the models to beat."""

from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_series_input
from zoo.layers import MovingAverage, SeparateDense, WindowDenormalization, WindowNormalization
from zoo.models.heads import forecast_head, series_outputs, shape_series, target_series
from zoo.registry import register_model


@register_model
def linear_forecaster(
    input_shape: Sequence[int | None],
    horizon: int = 1,
    targets: int = 1,
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    name: str = "linear_forecaster",
) -> keras.Model:
    """One dense layer on the flattened window.

    Args:
        input_shape: `(time, features)`; both must be known.
        horizon: Number of steps to forecast. Defaults to 1.
        targets: Number of series to forecast. Defaults to 1.
        head: `"point"`, `"quantile"` or `"gaussian"`. Defaults to `"point"`.
        quantiles: Probabilities of a quantile head.

    Returns:
        Uncompiled model: `(batch, time, features)` to `(batch, 1, horizon, targets)`.

    >>> zoo.linear_forecaster((50, 1), horizon=10).count_params()
    510

    Reference: Book, chapter 15, 2nd edition cells 18 and 49.
    """
    time, features = check_series_input(input_shape, needs_time=True)
    inputs = keras.Input((time, features), name="series")
    x = layers.Reshape((1, time * features), name="window")(inputs)
    return keras.Model(inputs, forecast_head(x, horizon, targets, head, quantiles), name=name)


@register_model
def nlinear(
    input_shape: Sequence[int | None],
    horizon: int = 1,
    targets: int = 1,
    individual: bool = False,
    subtract_last: bool = True,
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    name: str = "nlinear",
) -> keras.Model:
    """NLinear: one linear map of the past of each series, seen from its last value.

    Args:
        input_shape: `(time, features)`; both must be known. The first `targets` features are the
            series to forecast; a warning says that the others are not used.
        individual: Whether each series has a map of its own. Defaults to False: one for all.
        subtract_last: Whether the last value is subtracted before and added after it. Without,
            for windows that are normalised already. Defaults to True.
        horizon, targets, head, quantiles, name: As for `linear_forecaster`, as is the result.

    >>> zoo.nlinear((336, 7), horizon=96, targets=7).count_params()
    32352

    Reference: Zeng et al., *Are Transformers effective for time series forecasting?*, 2022, section
    4.
    """
    inputs, x = target_series(input_shape, targets, name)
    if subtract_last:
        x, last, scale = WindowNormalization("last", name="subtract_last")(x)
    x = layers.Permute((2, 1), name="series_first")(x)
    x = _linear(series_outputs(horizon, head, quantiles), individual, "linear")(x)
    outputs = shape_series(x, horizon, targets, head, quantiles)
    if subtract_last:
        outputs = WindowDenormalization(head, name="add_last")([outputs, last, scale])
    return keras.Model(inputs, outputs, name=name)


@register_model
def dlinear(
    input_shape: Sequence[int | None],
    horizon: int = 1,
    targets: int = 1,
    kernel_size: int = 25,
    individual: bool = False,
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    name: str = "dlinear",
) -> keras.Model:
    """DLinear: one linear map of the trend of each series, one of the rest.

    Args:
        kernel_size: Steps of the moving average that is the trend. Defaults to 25.
        horizon, targets, head, quantiles, name: As for `linear_forecaster`, as is the result.
        input_shape, individual: As for `nlinear`.

    >>> zoo.dlinear((336, 7), horizon=96, targets=7).count_params()
    64704

    Reference: Zeng et al., *Are Transformers effective for time series forecasting?*, 2022, section
    4.
    """
    inputs, x = target_series(input_shape, targets, name)
    trend = MovingAverage(kernel_size, name="trend")(x)
    parts = {"trend": trend, "remainder": layers.Subtract(name="remainder")([x, trend])}
    size = series_outputs(horizon, head, quantiles)
    for part, x in parts.items():
        x = layers.Permute((2, 1), name=f"{part}_series_first")(x)
        parts[part] = _linear(size, individual, f"{part}_linear")(x)
    x = layers.Add(name="sum")(list(parts.values()))
    return keras.Model(inputs, shape_series(x, horizon, targets, head, quantiles), name=name)


def _linear(units, individual, name):
    if individual:
        return SeparateDense(units, name=name)
    # As in the published code: of larger first weights, much stays where a series varies little.
    initializer = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return layers.Dense(units, kernel_initializer=initializer, name=name)
