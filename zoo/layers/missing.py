"""Missing numbers: a learned value in their place, and a flag beside it."""

from collections.abc import Sequence

from keras import ops

from zoo.layers.base import TracedLayer


class FillMissing(TracedLayer):
    """Puts a learned value in the place of each NaN, and flags it where asked to.

    It belongs behind the scaling: the values start at 0, the middle of a scaled feature. No NaN
    passes, forwards or backwards. Infinite inputs count as missing too.

    Args:
        flags: Numbers of the features that get a flag: a column more at the end, 1 where the
            feature is missing and 0 elsewhere. Defaults to none.

    Raises:
        ValueError: If a flag names no feature, or one twice.

    >>> zoo.layers.FillMissing(flags=[1])(np.array([[0.5, np.nan], [np.nan, 2.0]])).numpy()
    array([[0.5, 0. , 1. ],
           [0. , 2. , 0. ]], dtype=float32)
    """

    def __init__(self, flags: Sequence[int] = (), **kwargs):
        super().__init__(**kwargs)
        self.flags = [int(flag) for flag in flags]

    def build(self, input_shape):
        """Creates one value a feature."""
        features = input_shape[-1]
        good = all(0 <= flag < features for flag in self.flags)
        if not good or len(set(self.flags)) < len(self.flags):
            raise ValueError(
                f"flags must be different feature numbers below {features}. "
                f"Received: flags={list(self.flags)}"
            )
        self.value = self.add_weight(shape=(features,), initializer="zeros", name="value")

    def call(self, inputs):
        """Fills inputs of shape `(batch, features)`."""
        missing = ops.logical_not(ops.isfinite(inputs))
        mask = ops.cast(missing, self.compute_dtype)
        filled = ops.where(missing, ops.zeros_like(inputs), inputs) + mask * self.value
        if not self.flags:
            return filled
        return ops.concatenate([filled, ops.take(mask, list(self.flags), axis=-1)], axis=-1)
