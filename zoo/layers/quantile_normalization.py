"""Numeric columns made normally distributed through their quantiles."""

import math
from collections.abc import Sequence

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from zoo.layers.base import SameShapeLayer
from zoo.layers.numeric import finite_columns

#: Outputs lie within these bounds.
_BOUND = 5.0


class QuantileNormalization(SameShapeLayer):
    """Maps each feature to a normal distribution, whatever its own looks like.

    The empirical distribution function, linear between stored quantiles, turns a value into the
    fraction of training values below it; the normal quantile function turns that into a number of
    standard deviations. Outputs lie within +-5, and NaN stays NaN. The map never decreases. A
    value that fills several quantiles (many zeros, say) goes to the middle of its share.

    Args:
        knots: For each feature its quantiles in the data's units, a list of increasing numbers.
        shares: For each feature the shares, from 0 to 1, that belong to its knots.
        dtype: Defaults to `"float32"` under every policy: raw units need the digits.

    >>> skewed = np.exp(np.linspace(-3, 3, 1001)).reshape(-1, 1)
    >>> layer = zoo.layers.QuantileNormalization.from_data(skewed)
    >>> layer(np.array([[0.0], [1.1], [1e9]])).numpy().ravel().round(1)
    array([-5.,  0.,  5.], dtype=float32)

    Reference: The transform of scikit-learn's `QuantileTransformer(output_distribution="normal")`,
    with which Gorishniy et al. (2021) scale all inputs; that one sends a repeated minimum or
    maximum to its bound.
    """

    def __init__(
        self,
        knots: Sequence[Sequence[float]],
        shares: Sequence[Sequence[float]],
        dtype: str = "float32",
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        self.knots = [np.asarray(values, "float32") for values in knots]
        self.shares = [np.asarray(values, "float64") for values in shares]
        if [k.shape for k in self.knots] != [s.shape for s in self.shares] or not self.knots:
            raise ValueError(
                "knots and shares must be lists of equal lengths, one for each feature. Received: "
                f"{[k.size for k in self.knots]} knots, {[s.size for s in self.shares]} shares"
            )
        for name, features in (("knots", self.knots), ("shares", self.shares)):
            for values in features:
                if values.ndim != 1 or not values.size or not np.all(np.diff(values) > 0):
                    raise ValueError(
                        f"{name} must increase within a feature. Received: {values.tolist()}"
                    )
        self._starts, self._blocks, self._lines = _search_tables(self.knots, self.shares)

    @classmethod
    def from_data(cls, x: ArrayLike, max_knots: int = 256, **kwargs) -> "QuantileNormalization":
        """The layer for a training array `(rows, features)`; NaN and infinities are left out.

        Args:
            x: Training rows, `(rows, features)`.
            max_knots: Number of quantiles to store for a feature, at most. Defaults to 256.
            **kwargs: Further arguments of the layer.
        """
        knots, shares = [], []
        for column in finite_columns(x):
            share = np.linspace(0, 1, min(max_knots, column.size)) if column.size > 1 else [0.5]
            found = np.quantile(column, share).astype("float32")
            values, group = np.unique(found, return_inverse=True)
            knots.append(values.tolist())
            shares.append((np.bincount(group, share) / np.bincount(group)).tolist())
        return cls(knots, shares, **kwargs)

    def call(self, inputs):
        """Maps inputs of shape `(batch, features)`."""
        x = ops.cast(inputs, "float32")
        low, high = ([k[i] for k in self.knots] for i in (0, -1))
        x = ops.clip(x, *(ops.convert_to_tensor(v, "float32") for v in (low, high)))
        left, width, share, rise = ops.unstack(self._line_of(x), 4, axis=-1)
        share = share + ops.clip((x - left) / width, 0.0, 1.0) * rise
        bound = math.erf(_BOUND / math.sqrt(2))
        z = math.sqrt(2) * ops.erfinv(ops.clip(2.0 * share - 1.0, -bound, bound))
        return ops.cast(z, self.compute_dtype)

    def _line_of(self, x):
        """The piece of the distribution function that each value lies on, `(batch, features, 4)`.

        Knots are searched in two steps, first for the block and then within it, so that nothing
        grows with their number but with its square root. NaN ends up in the first piece.
        """
        features, width = self._starts.shape
        rows = width * ops.arange(features, dtype="int32")
        block = rows + _count(x, ops.convert_to_tensor(self._starts[:, 1:]))
        inside = ops.take(ops.convert_to_tensor(self._blocks[:, 1:]), block, axis=0)
        index = width * block + _count(x, inside)
        return ops.take(ops.convert_to_tensor(self._lines), index, axis=0)


def _count(x, knots):
    """How many of its knots each value has reached."""
    return ops.sum(ops.cast(ops.expand_dims(x, -1) >= knots, "int32"), axis=-1)


def _search_tables(knots, shares):
    """First knots of the blocks, knots of each block, and the line that starts at each knot."""
    width = math.isqrt(max(len(values) for values in knots) - 1) + 1
    table = np.full((len(knots), width * width), np.inf, "float32")
    lines = np.zeros((len(knots), width * width, 4), "float32")
    for row, (values, share) in enumerate(zip(knots, shares, strict=True)):
        table[row, : len(values)] = values
        # Bounds that float32 can hold; the last knot starts no line, so its rise is 0.
        widths = np.clip(np.diff(values.astype("float64")), 1e-37, 3e38)
        rest = np.stack([values, np.append(widths, 1), share, np.append(np.diff(share), 0)], 1)
        lines[row, : len(values)] = rest
    return table[:, ::width], table.reshape(-1, width), lines.reshape(-1, 4)
