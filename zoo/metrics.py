"""Metrics of sequence-to-sequence models."""

import keras
from keras import ops

from zoo.checks import check_choice
from zoo.configured import Configured
from zoo.losses import real_weight

_ERRORS = {"mse": ops.square, "mae": ops.abs}


class LastStep(Configured, keras.metrics.Mean):
    """Mean squared or absolute error of the forecasts made at the last input step.

    A sequence-to-sequence model learns from forecasts made all along the window; only those made
    at its end tell how well it forecasts.

    Args:
        error: `"mse"` or `"mae"`.
        point: For probabilistic heads, the index in the last axis that is the point forecast
            (the median, or 0 for the mean of a Gaussian). Defaults to None: a point head.
        name: Name of the metric. Defaults to `last_step_mse` or `last_step_mae`.
        **kwargs: Arguments of `keras.metrics.Mean`.

    >>> metric = zoo.metrics.LastStep("mae")
    >>> y_pred = np.array([7.0, 1.0, 2.0]).reshape(1, 3, 1, 1)
    >>> float(metric(np.zeros((1, 3, 1, 1)), y_pred))
    2.0

    Reference: Book, chapter 15, `last_time_step_mse` (2nd edition, cell 57).
    """

    def __init__(
        self, error: str = "mse", point: int | None = None, name: str | None = None, **kwargs
    ):
        check_choice(_ERRORS, error=error)
        super().__init__(name=name or f"last_step_{error}", **kwargs)
        self.error, self.point = error, point

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch: `y_true` `(batch, time_out, horizon, targets)`."""
        y_pred = y_pred if self.point is None else y_pred[..., self.point]
        error = ops.cast(y_true[:, -1], y_pred.dtype) - y_pred[:, -1]
        return super().update_state(_ERRORS[self.error](error), sample_weight=sample_weight)


class LastStepLoss(Configured, keras.metrics.Mean):
    """A loss of the forecasts made at the last input step alone.

    Args:
        loss: A Keras loss, such as `zoo.losses.PinballLoss`.
        name: Name of the metric. Defaults to `"last_step_loss"`.
        **kwargs: Arguments of `keras.metrics.Mean`.

    >>> metric = zoo.metrics.LastStepLoss(zoo.losses.GaussianNLL())
    >>> y_pred = np.array([[9.0, 1.0], [0.0, 1.0]]).reshape(1, 2, 1, 1, 2)
    >>> round(float(metric(np.zeros((1, 2, 1, 1)), y_pred)), 4)
    0.9189
    """

    def __init__(self, loss: keras.losses.Loss, name: str = "last_step_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.loss = keras.losses.get(loss)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch: `y_true` `(batch, time_out, horizon, targets)`."""
        values = self.loss.call(y_true[:, -1], y_pred[:, -1])
        return super().update_state(values, sample_weight=sample_weight)


class TokenAccuracy(Configured, keras.metrics.Mean):
    """Fraction of the real tokens whose id has the largest logit; id 0 is padding and never counts.

    Args:
        **kwargs: Arguments of `keras.metrics.Mean`.

    >>> logits = np.array([[[0.0, 2.0, 1.0], [0.0, 2.0, 1.0], [3.0, 0.0, 0.0]]])
    >>> float(zoo.metrics.TokenAccuracy()(np.array([[1, 2, 0]]), logits))
    0.5
    """

    def __init__(self, name: str = "token_accuracy", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch: ids `(batch, time)` and logits `(batch, time, vocabulary_size)`."""
        y_true = ops.cast(y_true, "int32")
        right = ops.equal(y_true, ops.cast(ops.argmax(y_pred, axis=-1), "int32"))
        weight = real_weight(y_true, sample_weight, self.dtype)
        return super().update_state(ops.cast(right, self.dtype), sample_weight=weight)
