"""Windows of a series and their targets, in the shape of any forecaster."""

from typing import Any

import keras
import numpy as np

from zoo.models.heads import output_stride


def windows(
    series: Any, model: keras.Model, window: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets to train a forecaster of the zoo on, at every step of a series.

    Args:
        series: Array `(time,)`, `(time, features)` or `(series, time, features)`, or a `DataFrame`
            with a row a step: the features that the model reads, first those that it forecasts.
        model: A forecaster with a point, quantile or Gaussian head.
        window: Steps of an input, for a model that takes any number. Defaults to the model's.

    Returns:
        float32 arrays `(n, window, features)`, and `(n, time_out, horizon, targets)` with what
        follows each step at which the model forecasts.

    >>> model = zoo.wavenet(input_shape=(50, 1), horizon=10)
    >>> x, y = zoo.windows(np.arange(100.0), model)
    >>> x.shape, y.shape
    ((41, 50, 1), (41, 50, 10, 1))
    >>> x[0, -1].tolist(), y[0, -1, :3].tolist()
    ([49.0], [[50.0], [51.0], [52.0]])
    """
    if len(model.input_shape) != 3 or not 4 <= len(model.output_shape) <= 5:
        raise ValueError(
            "Expected a forecaster, (batch, time, features) to (batch, time_out, horizon, targets)."
            f" Received: {model.name!r}, {model.input_shape} to {model.output_shape}"
        )
    size, features = model.input_shape[1:]
    if window is None and size is None:
        raise ValueError(f"{model.name!r} takes windows of any size: expected a window of yours.")
    window = size if window is None else window
    time_out, horizon, targets = model.compute_output_shape((1, window, features))[1:4]
    values = np.asarray(series, "float32")
    values = values[:, None] if values.ndim == 1 else values
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[2] != features or values.shape[1] < window + horizon:
        raise ValueError(
            f"Expected at least {window + horizon} steps of {features} features, as {model.name!r} "
            f"reads and forecasts them. Received: shape {np.shape(series)}"
        )
    stride = output_stride(model)
    starts = np.arange(values.shape[1] - window - horizon + 1)[:, None]
    inputs = starts + np.arange(window)
    ahead = starts[..., None] + window - stride * np.arange(time_out)[::-1, None]
    x = values[:, inputs].reshape(-1, window, features)
    y = values[:, ahead + np.arange(horizon), :targets]
    return x, y.reshape(-1, time_out, horizon, targets)
