"""Losses of probabilistic forecasts."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class PinballLoss(keras.losses.Loss):
    """The quantile loss: an error counts `q` when too low and `1 - q` when too high.

    Args:
        quantiles: Probabilities, in the order of the last axis of the forecast.
        **kwargs: Arguments of `keras.losses.Loss`.

    Example:
        >>> from zoo.losses import PinballLoss
        >>> import numpy as np
        >>> y_true, y_pred = np.full((1, 1, 1, 1), 3.0), np.array([[[[[1.0, 4.0]]]]])
        >>> float(PinballLoss((0.1, 0.9))(y_true, y_pred))  # (0.1 * 2 + 0.1 * 1) / 2
        0.15000000596046448

    Reference:
        Koenker and Bassett, *Regression quantiles*, 1978.
    """

    def __init__(self, quantiles=(0.1, 0.5, 0.9), name="pinball", **kwargs):
        super().__init__(name=name, **kwargs)
        self.quantiles = tuple(quantiles)

    def call(self, y_true, y_pred):
        """Loss of each value: `y_true` `(...)` against `y_pred` `(..., quantiles)`."""
        error = ops.expand_dims(ops.cast(y_true, y_pred.dtype), -1) - y_pred
        q = ops.convert_to_tensor(self.quantiles, y_pred.dtype)
        return ops.mean(ops.maximum(q * error, (q - 1) * error), axis=-1)

    def get_config(self):
        """Arguments to rebuild the loss."""
        return {**super().get_config(), "quantiles": self.quantiles}


@keras.saving.register_keras_serializable(package="zoo")
class GaussianNLL(keras.losses.Loss):
    """Negative log-likelihood, in nats, of a normal distribution.

    Forecasts hold the mean and the standard deviation in their last axis.

    Example:
        >>> from zoo.losses import GaussianNLL
        >>> import numpy as np
        >>> round(float(GaussianNLL()(np.zeros((1, 1)), np.array([[[0.0, 1.0]]]))), 4)
        0.9189
    """

    def __init__(self, name="gaussian_nll", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        """Loss of each value: `y_true` `(...)` against `y_pred` `(..., 2)`."""
        mean, stddev = y_pred[..., 0], y_pred[..., 1]
        z = (ops.cast(y_true, y_pred.dtype) - mean) / stddev
        return 0.5 * ops.square(z) + ops.log(stddev) + 0.5 * math.log(2 * math.pi)
