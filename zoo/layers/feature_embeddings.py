"""Embeddings of numeric features: piecewise linear and periodic.

A network that reads a number through several functions of it fits the jumps and kinks of tables
far better than one that reads the number alone.
"""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from zoo.checks import check_above_zero, check_counts
from zoo.layers.base import TracedLayer
from zoo.layers.numeric import finite_columns


class PiecewiseLinearEncoding(TracedLayer):
    """Writes each number as how far it has filled each of its feature's bins.

    A bin with edges `a` and `b` gives `(x - a) / (b - a)`, cut off at 0 and 1; the first bin is
    not cut off at 0, nor the last at 1, so that values out of range keep their order. Bins that a
    feature does not have give 0.

    Args:
        bin_edges: For each feature its edges, a list of two or more increasing numbers, in the
            units of the inputs. See `edges`.
        dtype: Defaults to `"float32"` under every policy: narrow bins need the digits.

    >>> layer = zoo.layers.PiecewiseLinearEncoding([[0.0, 1.0, 3.0], [0.0, 10.0]])
    >>> layer(np.array([[2.0, 5.0]])).numpy()
    array([[[1. , 0.5],
            [0.5, 0. ]]], dtype=float32)

    Reference: Gorishniy et al., *On embeddings for numerical features in tabular deep learning*,
    2022, section 3.2.
    """

    def __init__(self, bin_edges: Sequence[Sequence[float]], dtype: str = "float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.bin_edges = [np.asarray(edges, "float32") for edges in bin_edges]
        for edges in self.bin_edges:
            if edges.ndim != 1 or edges.size < 2 or not np.all(np.diff(edges) > 0):
                raise ValueError(
                    "bin_edges must hold two or more increasing numbers for each feature. "
                    f"Received: {edges.tolist()}"
                )
        self.num_bins = max((edges.size - 1 for edges in self.bin_edges), default=0)
        if not self.num_bins:
            raise ValueError(f"bin_edges must hold a feature. Received: bin_edges={bin_edges!r}")
        # Left edge, width and bounds of every bin, each `(features, num_bins)`.
        shape = (4, len(self.bin_edges), self.num_bins)
        self._bins = left, width, low, high = np.zeros(shape, "float32")
        width += 1.0  # bins that a feature does not have are bounded by 0 and 0
        for row, edges in enumerate(self.bin_edges):
            bins = edges.size - 1
            left[row, :bins], width[row, :bins], high[row, :bins] = edges[:-1], np.diff(edges), 1.0
            low[row, 0], high[row, bins - 1] = -np.inf, np.inf

    @staticmethod
    def edges(x: ArrayLike, num_bins: int = 48) -> list[list[float]]:
        """Edges at the quantiles of training values, for `bin_edges`.

        Args:
            x: Training rows `(rows, features)`, scaled as the inputs will be. Finite values count.
            num_bins: Number of bins of a feature. Features with fewer distinct quantiles get
                fewer, and one that does not vary a single bin. Defaults to 48.

        >>> PiecewiseLinearEncoding.edges(np.array([[0.0], [1.0], [2.0], [7.0]]), num_bins=2)
        [[0.0, 1.5, 7.0]]
        """
        steps = np.linspace(0, 1, num_bins + 1)
        found = (np.quantile(column, steps).astype("float32") for column in finite_columns(x))
        return [_distinct(values.tolist()) for values in found]

    def call(self, inputs):
        """Encodes inputs of shape `(batch, features)`."""
        left, width, low, high = (ops.convert_to_tensor(v, self.compute_dtype) for v in self._bins)
        filled = (ops.expand_dims(inputs, -1) - left) / width
        return ops.minimum(ops.maximum(filled, low), high)


def _distinct(values):
    """The sorted values without those that lie too close to the one before: bins need a width."""
    least = max(1e-6 * (values[-1] - values[0]), 1e-30)
    edges = values[:1]
    for value in values[1:]:
        if value - edges[-1] > least:
            edges.append(value)
    return edges if len(edges) > 1 else [edges[0], edges[0] + max(1.0, abs(edges[0]))]


class PeriodicEmbedding(TracedLayer):
    """Cosines and sines of each number at learned frequencies of its feature's own.

    Args:
        num_frequencies: Number of frequencies of a feature. Defaults to 48.
        sigma: Standard deviation of the frequencies before training, in periods per unit of the
            scaled input: the setting that matters. Defaults to 0.1.

    >>> zoo.layers.PeriodicEmbedding(num_frequencies=16)(np.zeros((2, 8))).shape
    TensorShape([2, 8, 32])

    Reference: Gorishniy et al., *On embeddings for numerical features in tabular deep learning*,
    2022, section 3.3.
    """

    def __init__(self, num_frequencies: int = 48, sigma: float = 0.1, **kwargs):
        super().__init__(**kwargs)
        check_counts(num_frequencies=num_frequencies)
        check_above_zero(sigma=sigma)
        self.num_frequencies, self.sigma = num_frequencies, sigma

    def build(self, input_shape):
        """Draws the frequencies."""
        self.frequencies = self.add_weight(
            shape=(input_shape[-1], self.num_frequencies),
            initializer=keras.initializers.RandomNormal(stddev=self.sigma),
            name="frequencies",
        )

    def call(self, inputs):
        """Embeds inputs of shape `(batch, features)`."""
        angles = 2 * math.pi * ops.expand_dims(inputs, -1) * self.frequencies
        return ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=-1)
