"""The linear forecaster: the model to beat."""

from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_series_input
from zoo.models.heads import forecast_head
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
        name: Name of the model.

    Returns:
        Uncompiled model: `(batch, time, features)` to `(batch, 1, horizon, targets)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import zoo
        >>> zoo.linear_forecaster((50, 1), horizon=10).count_params()
        510

    Reference:
        Book, chapter 15, 2nd edition cells 18 and 49.
    """
    time, features = check_series_input(input_shape, needs_time=True)
    inputs = keras.Input((time, features), name="series")
    x = layers.Reshape((1, time * features), name="window")(inputs)
    outputs = forecast_head(x, horizon, targets, head, quantiles)
    return keras.Model(inputs, outputs, name=name)
