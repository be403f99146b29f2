"""Regularizers that Keras does not have."""

import keras
from keras import ops

from zoo.checks import check_above_zero, check_fractions
from zoo.configured import Configured


class KLSparsity(Configured, keras.regularizers.Regularizer):
    """Pulls the mean activity of each unit over a batch towards a small target.

    The divergence between two coins: one that falls as often as the unit is active, and one as
    often as the target says; summed over the units. It is an `activity_regularizer`, for
    activations in (0, 1). Keras divides such penalties by the size of the batch: made up for here.

    Args:
        weight: Factor of the penalty. Defaults to 1.5e-4, about the book's 5e-3 at its batches of
            32, by which its Keras divided.
        target: Mean activity that is not penalised, in (0, 1). Defaults to 0.1.

    >>> round(float(KLSparsity(1.0, target=0.1)(np.array([[0.5, 0.1]]))), 4)  # one of two
    0.3681

    Reference: Book, chapter 17, 3rd edition cells 75 to 78.
    """

    def __init__(self, weight: float = 1.5e-4, target: float = 0.1):
        check_above_zero(weight=weight, target=target)
        check_fractions(target=target)
        self.weight, self.target = weight, target

    def __call__(self, activity):
        """The penalty on activities `(batch, units)`, times the size of the batch."""
        activity = ops.cast(activity, "float32")
        mean = ops.clip(ops.mean(activity, axis=0), 1e-6, 1 - 1e-6)
        p = self.target
        found = p * ops.log(p / mean) + (1 - p) * ops.log((1 - p) / (1 - mean))
        return self.weight * ops.sum(found) * ops.cast(ops.shape(activity)[0], "float32")
