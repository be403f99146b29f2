"""Numeric columns: chosen, brought to comparable sizes, and filled where one is missing.

What scales them keeps NaN as it is (`FillMissing` comes after it) and holds its constants in its
configuration. `from_data` computes these from a NumPy array: pass it training rows only.
"""

from collections.abc import Sequence

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from zoo.layers.base import SameShapeLayer, TracedLayer


class StandardScale(SameShapeLayer):
    """Subtracts the mean, divides by the standard deviation, and clips what lies far out.

    `keras.layers.Normalization` does the same without the clip: the book's validation set holds
    one row at 525 standard deviations, which alone makes up 38 % of a linear model's error.

    Args:
        mean: Mean of each feature, a list of numbers in the data's units.
        scale: Standard deviation of each feature, a list of numbers above 0.
        clip: Bound of the outputs on either side, in standard deviations. Defaults to `None`: none.
        dtype: Defaults to `"float32"` under every policy: raw units need the digits.

    >>> layer = zoo.layers.StandardScale.from_data(np.array([[1.0], [3.0], [np.nan]]), clip=5)
    >>> layer(np.array([[2.0], [1243.0], [np.nan]])).numpy().ravel()
    array([ 0.,  5., nan], dtype=float32)

    Reference: Book, chapter 10, 2nd edition cell 70, 3rd edition cell 84.
    """

    def __init__(
        self,
        mean: Sequence[float],
        scale: Sequence[float],
        clip: float | None = None,
        dtype: str = "float32",
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        self.mean, self.scale = _constants("mean", mean, scale)
        if clip is not None and not clip > 0:
            raise ValueError(f"clip must be above 0, or None. Received: clip={clip!r}")
        self.clip = clip

    @classmethod
    def from_data(cls, x: ArrayLike, **kwargs) -> "StandardScale":
        """The layer for a training array `(rows, features)`; NaN and infinities are left out.

        A feature that does not vary is divided by 1.
        """
        columns = [(column.mean(), column.std()) for column in finite_columns(x)]
        scales = [std if std > 1e-7 * abs(mean) else 1.0 for mean, std in columns]
        return cls([mean for mean, _ in columns], scales, **kwargs)

    def call(self, inputs):
        """Scales inputs of shape `(batch, features)`."""
        x = _shift_and_divide(ops.cast(inputs, self.compute_dtype), self.mean, self.scale)
        return x if self.clip is None else ops.clip(x, -self.clip, self.clip)


class RobustScaleSmoothClip(SameShapeLayer):
    """Subtracts the median, divides by the inter-quartile range, and bends the ends to +-3.

    The result `u` of the division becomes `u / sqrt(1 + (u / 3)**2)`: nearly `u` in the middle,
    never beyond 3 whatever comes in, and increasing everywhere, so that outliers keep their order.

    Args:
        median: Median of each feature, a list of numbers in the data's units.
        scale: What each feature is divided by, a list of numbers above 0.
        dtype: Defaults to `"float32"` under every policy: raw units need the digits.

    >>> layer = zoo.layers.RobustScaleSmoothClip.from_data(np.arange(9.0).reshape(9, 1))
    >>> layer(np.array([[4.0], [8.0], [2100.0]])).numpy().ravel().round(3)  # 0, 1, 524 ranges
    array([0.   , 0.949, 3.   ], dtype=float32)

    Reference: Holzmüller et al., *Better by default: strong pre-tuned MLPs and boosted trees on
    tabular data*, 2024, section 3.
    """

    def __init__(
        self, median: Sequence[float], scale: Sequence[float], dtype: str = "float32", **kwargs
    ):
        super().__init__(dtype=dtype, **kwargs)
        self.median, self.scale = _constants("median", median, scale)

    @classmethod
    def from_data(cls, x: ArrayLike, **kwargs) -> "RobustScaleSmoothClip":
        """The layer for a training array `(rows, features)`; NaN and infinities are left out.

        Where the inter-quartile range is 0 (more than half the values are equal), the range from
        minimum to maximum takes its place, and 1 where the feature does not vary at all.
        """
        medians, scales = [], []
        for column in finite_columns(x):
            low, first, median, third, high = np.percentile(column, (0, 25, 50, 75, 100))
            medians.append(median)
            scales.append(third - first or high - low or 1.0)
        return cls(medians, scales, **kwargs)

    def call(self, inputs):
        """Scales inputs of shape `(batch, features)`."""
        x = _shift_and_divide(ops.cast(inputs, self.compute_dtype), self.median, self.scale)
        # sin(arctan(v)) is v / sqrt(1 + v**2), and does not overflow when v is huge.
        return 3.0 * ops.sin(ops.arctan(x / 3.0))


def finite_columns(x):
    """The finite values of each column of an array `(rows, features)`, or a 0, in float64."""
    x = np.asarray(x, "float64")
    if x.ndim != 2:
        raise ValueError(f"Expected an array (rows, features). Received: shape={x.shape}")
    columns = (column[np.isfinite(column)] for column in x.T)
    return [column if column.size else np.zeros(1) for column in columns]


def _constants(name, shift, scale):
    shift, scale = np.asarray(shift, "float64"), np.asarray(scale, "float64")
    fits = shift.ndim == 1 and shift.shape == scale.shape
    if not fits or not np.all(np.isfinite(shift)) or not np.all(np.isfinite(scale) & (scale > 0)):
        raise ValueError(
            f"{name} and scale must be lists of finite numbers, one for each feature, and scale "
            f"above 0. Received: {name}={shift.tolist()}, scale={scale.tolist()}"
        )
    return shift, scale


def _shift_and_divide(x, shift, scale):
    shift, scale = (ops.convert_to_tensor(value, x.dtype) for value in (shift, scale))
    return (x - shift) / scale


class FillMissing(TracedLayer):
    """Puts a learned value in the place of each NaN, and flags it where asked to.

    It belongs behind the scaling: the values start at 0, the middle of a scaled feature. No NaN
    passes, forwards or backwards. Infinite inputs count as missing too.

    Args:
        flags: Numbers of the features that get a flag: a column more at the end, 1 where the
            feature is missing and 0 elsewhere. Defaults to none.

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


class SelectColumns(TracedLayer):
    """Keeps some columns, in the order asked for.

    Args:
        columns: Numbers of the columns to keep.

    >>> zoo.layers.SelectColumns([2, 0])(np.array([[1.0, 2.0, 3.0]])).numpy()
    array([[3., 1.]], dtype=float32)
    """

    def __init__(self, columns: Sequence[int], **kwargs):
        super().__init__(**kwargs)
        self.columns = [int(column) for column in columns]

    def call(self, inputs):
        """Selects from inputs of shape `(..., columns)`."""
        return ops.take(inputs, list(self.columns), axis=-1)
