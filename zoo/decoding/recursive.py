"""Forecasts of many steps by feeding back the forecast of the next one."""

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from zoo.checks import check_counts
from zoo.compiled import Loop, kept_on
from zoo.decoding.stepper import Stepper
from zoo.layers import Denormalization, GaussianParameters, SeasonalResidual, SortQuantiles
from zoo.tokenizers import all_layers


def forecast_recursively(
    model: keras.Model,
    context: ArrayLike,
    steps: int,
    future_covariates: ArrayLike | None = None,
    cached: bool | None = None,
    point: int | None = None,
) -> np.ndarray:
    """Forecasts step by step: each forecast of the next step becomes the next input.

    Everything runs in one compiled loop, which is kept on the model: the next call with the same
    shapes starts at once. There are two ways to compute a step:

    - cached: the model is stepped (see `Stepper`), which costs the same whatever the receptive
      field. Each forecast sees the whole past, as far back as the receptive field reaches.
    - not cached: the window slides, and the model is called on the whole of it at every step. Each
      forecast sees one window: the one the model was built for, or else one as long as the
      context. Before the window there are zeros (convolutions) or the initial state.

    The two agree as long as the receptive field fits into the window; a recurrent model's never
    does. Cached forecasts then use more of the past than the model saw in training.

    Args:
        model: Forecaster from `(batch, time, features)` to `(batch, time_out, horizon, targets)`,
            quantile and Gaussian heads included. Its features are targets, then future covariates.
        context: The past, `(batch, time, features)`. A sliding window needs at least as many
            steps as the model's own window.
        steps: Number of steps to forecast.
        future_covariates: What is known ahead, `(batch, steps, features - targets)`: entry `[:, i]`
            belongs to the step that forecast `i` is about. Needed if the model has them.
        cached: Force one way or the other. Defaults to None: cached if the model can be stepped.
        point: For quantile heads, the index of the quantile to feed back. Defaults to None: the
            middle one, which should be the median; the mean for Gaussian heads.

    Returns:
        NumPy array `(batch, steps, targets)`: point forecasts.

    Raises:
        ValueError: If shapes do not fit, or `cached=True` and the model cannot be stepped.

    >>> model = zoo.deep_rnn((None, 1), horizon=10)
    >>> zoo.decoding.forecast_recursively(model, np.zeros((4, 50, 1)), steps=100).shape
    (4, 100, 1)
    """
    features, targets = _sizes(model)
    check_counts(steps=steps)
    context = np.asarray(context, "float32")
    if context.ndim != 3 or context.shape[2] != features or not context.size:
        raise ValueError(
            f"context must have the shape (batch, time, {features}), as {model.name!r} reads "
            f"{features} features. Received: {context.shape}"
        )
    rest = features - targets
    if rest and future_covariates is None:
        raise ValueError(
            f"{model.name!r} reads {features} features and forecasts {targets}: the other {rest} "
            f"must be known ahead. Pass future_covariates of shape (batch, steps, {rest})."
        )
    expected = (len(context), steps, rest)
    if future_covariates is None:
        future_covariates = np.zeros(expected)
    future_covariates = np.asarray(future_covariates, "float32")
    if future_covariates.shape != expected:
        raise ValueError(
            f"future_covariates must have the shape {expected}. Received: {future_covariates.shape}"
        )
    key = ("forecast_recursively", steps, cached, point)
    loop = kept_on(model, key, lambda: Recursion(model, steps, cached, point))
    if not loop.cached and loop.window is not None and context.shape[1] < loop.window:
        raise ValueError(
            f"context must have at least the {loop.window} steps of the window of "
            f"{model.name!r}. Received: {context.shape[1]}"
        )
    return loop.predict_on_batch([context, future_covariates])


class Recursion(Loop):
    """Inputs `[context, future covariates]`, outputs `(batch, steps, targets)`."""

    def __init__(self, model, steps, cached, point):
        super().__init__("forecast_recursively", model)
        self.steps = steps
        self.point = _point_index(model, point)
        self.stepper: Any = None if cached is False else _stepper(model, must=bool(cached))
        self.cached = self.stepper is not None
        self.window = model.input_shape[1]

    def call(self, inputs):
        """Forecasts, for each series."""
        context, future = inputs
        batch, time, _ = ops.shape(context)
        targets = self.model.output_shape[3]
        unknown = ops.zeros((batch, self.steps, targets), context.dtype)
        future = ops.concatenate([unknown, future], axis=-1)
        # Time first, so that a step is one contiguous slice.
        series = ops.transpose(ops.concatenate([context, future], axis=1), (1, 0, 2))
        run = self._run_cached if self.cached else self._run_sliding
        series = run(series, batch, time)
        return ops.transpose(series[time:, :, :targets], (1, 0, 2))

    def _run_cached(self, series, batch, time):
        def body(now, series, state):
            inputs = ops.expand_dims(ops.take(series, now, axis=0), 1)
            outputs, state = self.stepper.step(inputs, state, now)
            # While the context lasts, the next value is known: write it over itself.
            forecast = self._next(outputs, series.dtype)
            true = ops.take(series, now + 1, axis=0)[:, : forecast.shape[-1]]
            value = ops.where(now + 1 < time, true, forecast)
            return now + 1, _write(series, now + 1, value), state

        start = (ops.zeros((), "int32"), series, self.stepper.initial_state(batch))
        last = time + self.steps - 1
        return ops.while_loop(lambda now, *_: now < last, body, start)[1]

    def _run_sliding(self, series, batch, time):
        length = self.window or time

        def body(now, series):
            window = ops.take(series, now - length + ops.arange(length, dtype="int32"), axis=0)
            outputs = self.model(ops.transpose(window, (1, 0, 2)), training=False)
            return now + 1, _write(series, now, self._next(outputs, series.dtype))

        last = time + self.steps
        start = (ops.convert_to_tensor(time, "int32"), series)
        return ops.while_loop(lambda now, *_: now < last, body, start)[1]

    def _next(self, outputs, dtype):
        """The point forecast of the next step, `(batch, targets)`."""
        forecast = outputs[:, -1, 0]
        return ops.cast(forecast if self.point is None else forecast[..., self.point], dtype)


def _write(series, step, values):
    return ops.slice_update(series, (step, 0, 0), ops.expand_dims(values, 0))


def _stepper(model, must):
    try:
        return kept_on(model, ("stepper",), lambda: Stepper(model))
    except ValueError:
        if must:
            raise
        return None


def _sizes(model):
    """Numbers of features and of targets, of a model that is a forecaster."""
    inputs, outputs = model.input_shape, model.output_shape
    if len(inputs) != 3 or len(outputs) not in (4, 5) or not isinstance(inputs, tuple):
        raise ValueError(
            "Recursive forecasts need a forecaster from (batch, time, features) to (batch, time, "
            f"horizon, targets). {model.name!r} maps {inputs} to {outputs}."
        )
    features, targets = inputs[2], outputs[3]
    if features < targets:
        raise ValueError(
            f"{model.name!r} forecasts {targets} targets out of {features} features: feeding its "
            "forecasts back needs every target among the features."
        )
    return features, targets


def _point_index(model, point):
    """Which entry of the last axis is the point forecast; None if there is no such axis."""
    if len(model.output_shape) == 4:
        return None
    size = model.output_shape[4]
    if point is not None:
        if not -size <= point < size:
            raise ValueError(f"point must lie in [0, {size}). Received: point={point}")
        return point
    known = GaussianParameters | SortQuantiles | SeasonalResidual | Denormalization
    kinds = {layer.head for layer in all_layers(model) if isinstance(layer, known)}
    if kinds == {"gaussian"}:
        return 0
    if kinds == {"quantile"} and size % 2:
        return size // 2
    raise ValueError(
        f"Which of the {size} values in the last axis of {model.name!r} to feed back is not clear. "
        "Pass its index as point."
    )
