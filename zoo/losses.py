"""Losses that Keras does not have."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.checks import check_fractions
from zoo.configured import Configured


class PinballLoss(Configured, keras.losses.Loss):
    """The quantile loss: an error counts `q` when too low and `1 - q` when too high.

    Args:
        quantiles: Probabilities, in the order of the last axis of the forecast.
        **kwargs: Arguments of `keras.losses.Loss`.

    >>> y_true, y_pred = np.full((1, 1, 1, 1), 3.0), np.array([[[[[1.0, 4.0]]]]])
    >>> float(zoo.losses.PinballLoss((0.1, 0.9))(y_true, y_pred))  # (0.1 * 2 + 0.1 * 1) / 2
    0.15000000596046448

    Reference: Koenker and Bassett, *Regression quantiles*, 1978.
    """

    def __init__(
        self, quantiles: Sequence[float] = (0.1, 0.5, 0.9), name: str = "pinball", **kwargs
    ):
        super().__init__(name=name, **kwargs)
        self.quantiles = tuple(quantiles)

    def call(self, y_true, y_pred):
        """Loss of each value: `y_true` `(...)` against `y_pred` `(..., quantiles)`."""
        error = ops.expand_dims(ops.cast(y_true, y_pred.dtype), -1) - y_pred
        q = ops.convert_to_tensor(self.quantiles, y_pred.dtype)
        return ops.mean(ops.maximum(q * error, (q - 1) * error), axis=-1)


class GaussianNLL(Configured, keras.losses.Loss):
    """Negative log-likelihood, in nats, of a normal distribution.

    Forecasts hold the mean and the standard deviation in their last axis.

    >>> round(float(zoo.losses.GaussianNLL()(np.zeros((1, 1)), np.array([[[0.0, 1.0]]]))), 4)
    0.9189
    """

    def __init__(self, name: str = "gaussian_nll", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        """Loss of each value: `y_true` `(...)` against `y_pred` `(..., 2)`."""
        mean, stddev = y_pred[..., 0], y_pred[..., 1]
        z = (ops.cast(y_true, y_pred.dtype) - mean) / stddev
        return 0.5 * ops.square(z) + ops.log(stddev) + 0.5 * math.log(2 * math.pi)


class SmoothedSparseCrossentropy(Configured, keras.losses.Loss):
    """Crossentropy, in nats, of integer labels and logits, with label smoothing.

    The target distribution gives `1 - label_smoothing` to the label and spreads the rest evenly
    over all classes, the label included: what Keras does for one-hot labels only.

    Args:
        label_smoothing: Fraction to spread, in [0, 1). Defaults to 0.1.
        **kwargs: Arguments of `keras.losses.Loss`.

    >>> loss = zoo.losses.SmoothedSparseCrossentropy(0.2)
    >>> logits = np.log([[0.5, 0.25, 0.25]])
    >>> round(float(loss(np.array([0]), logits)), 4)  # 0.8 log 2 + 0.2 (5 log 2) / 3
    0.7856

    Reference: Szegedy et al., *Rethinking the Inception architecture*, 2016, section 7.
    """

    def __init__(
        self, label_smoothing: float = 0.1, name: str = "smoothed_sparse_crossentropy", **kwargs
    ):
        super().__init__(name=name, **kwargs)
        check_fractions(label_smoothing=label_smoothing)
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        """Loss of each example: labels `(...)` or `(..., 1)` against logits `(..., classes)`."""
        found = keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
        if not self.label_smoothing:
            return found
        uniform = ops.logsumexp(y_pred, axis=-1) - ops.mean(y_pred, axis=-1)
        return (1 - self.label_smoothing) * found + self.label_smoothing * uniform


class MaskedCrossentropy(SmoothedSparseCrossentropy):
    """Crossentropy, in nats per real token, of ids and logits; id 0 is padding and never counts.

    The mean is over the real tokens of the batch, so that more padding changes neither the loss
    nor its gradient. (Averaging it over batches of different lengths, as `fit` does, weights them
    by their number of sequences.)

    Args:
        label_smoothing: Fraction to spread over all ids, in [0, 1). Defaults to 0.
        reduction: As in `keras.losses.Loss`. Defaults to `"mean_with_sample_weight"`: the mean
            over real tokens.
        **kwargs: Arguments of `keras.losses.Loss`.

    >>> logits = np.log([[[0.25, 0.5, 0.25], [0.1, 0.1, 0.8]]])
    >>> round(float(zoo.losses.MaskedCrossentropy()(np.array([[1, 0]]), logits)), 4)  # log 2
    0.6931

    Reference: Book, chapter 16 (3rd edition, cells 98 and following), where older versions of Keras
    divided by the number of all positions.
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        reduction: str = "mean_with_sample_weight",
        name: str = "masked_crossentropy",
        **kwargs,
    ):
        super().__init__(label_smoothing, name=name, reduction=reduction, **kwargs)

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The loss of ids `(batch, time)` and logits `(batch, time, vocabulary_size)`."""
        return super().__call__(y_true, y_pred, real_weight(y_true, sample_weight, self.dtype))


def real_weight(ids: Any, sample_weight: Any, dtype: str) -> Any:
    """How much each id `(batch, time)` counts: 0 for padding, else 1 or its sample weight."""
    weight = ops.cast(ops.not_equal(ids, 0), dtype)
    if sample_weight is None:
        return weight
    sample_weight = ops.cast(sample_weight, dtype)
    if len(sample_weight.shape) == 1:  # one a sequence
        sample_weight = ops.expand_dims(sample_weight, -1)
    return weight * sample_weight


class PerMemberLoss(Configured, keras.losses.Loss):
    """The mean, over the members of an ensemble, of each member's own loss.

    For models that hold several predictors, with outputs `(batch, members, ...)`, all of which
    learn from the same target. In the loss of the members' mean, their errors could cancel.

    Args:
        loss: A Keras loss object, such as `keras.losses.MeanSquaredError()`. Its reduction is
            not used: this loss has its own.
        **kwargs: Arguments of `keras.losses.Loss`.

    >>> loss = zoo.losses.PerMemberLoss(keras.losses.MeanSquaredError())
    >>> y_true, y_pred = np.array([[2.0]]), np.array([[[1.0], [3.0]]])
    >>> float(loss(y_true, y_pred))  # each errs by 1; their mean is exact
    1.0

    Reference: Gorishniy et al., *TabM*, 2025, section 3.
    """

    def __init__(self, loss: keras.losses.Loss, name: str = "per_member_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.loss = keras.losses.get(loss)
        if not isinstance(self.loss, keras.losses.Loss):
            raise ValueError(
                "Expected a Keras loss object, such as keras.losses.MeanSquaredError(). "
                f"Received: loss={loss!r}"
            )

    def call(self, y_true, y_pred):
        """Loss of each example: `y_true` `(batch, ...)`, `y_pred` `(batch, members, ...)`."""
        y_true = ops.repeat(ops.expand_dims(y_true, 1), y_pred.shape[1], axis=1)
        return ops.mean(self.loss.call(y_true, y_pred), axis=1)


# As files of format 1 name it.
keras.saving.get_custom_objects()["zoo>EachMember"] = PerMemberLoss
