"""Categories that come as codes: embeddings, and crosses of two columns.

All columns of a layer share one table of weights, so that one gather reads them all.
"""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops
from keras.initializers import Initializer

from zoo.checks import check_choice
from zoo.layers.base import TracedLayer


def known_codes(codes, sizes: Sequence[int]):
    """Codes in `[0, size)` of their column, and 0, which stands for unknown, for all others."""
    codes = ops.cast(codes, "int32")
    known = ops.logical_and(codes >= 0, codes < ops.convert_to_tensor(sizes, "int32"))
    return ops.where(known, codes, ops.zeros_like(codes))


class CategoryEmbedding(TracedLayer):
    """A learned vector for each value of each column.

    Args:
        sizes: Number of codes of each column, unknown (code 0) included.
        units: Size of the vectors.
        combiner: `"sum"` adds the vectors of a row up: the same as one dense layer on all columns
            one-hot. Defaults to `None`.
        embeddings_initializer: Initializer of the vectors. Defaults to `"uniform"`.

    >>> layer = zoo.layers.CategoryEmbedding(sizes=(3, 5), units=4)
    >>> layer(np.array([[2, 4], [0, 1]])).shape
    TensorShape([2, 2, 4])
    >>> layer.count_params()
    32

    Reference: Cheng et al., *Wide & Deep learning for recommender systems*, 2016; book, chapter 13.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        units: int,
        combiner: str | None = None,
        embeddings_initializer: str | Initializer = "uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.sizes = _check_sizes(sizes)
        check_choice((None, "sum"), combiner=combiner)
        self.units, self.combiner = units, combiner
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, input_shape):
        """Creates the table."""
        _check_columns(input_shape, self.sizes)
        self.embeddings = self.add_weight(
            shape=(sum(self.sizes), self.units),
            initializer=self.embeddings_initializer,
            name="embeddings",
        )

    def call(self, inputs):
        """Looks up codes of shape `(batch, columns)`."""
        rows = known_codes(inputs, list(self.sizes)) + _offsets(self.sizes)
        vectors = ops.take(self.embeddings, rows, axis=0)
        return ops.sum(vectors, axis=1) if self.combiner else vectors


class CrossedCategories(TracedLayer):
    """A weight for each pair of values of two columns, added up over the pairs of columns.

    What a wide path memorises: that a value of one column means something else beside this value
    of another. Pairs of columns with more than `buckets` pairs of values share weights: the pair
    `(a, b)` has weight `(a * step + b) mod buckets`, whose `step` keeps near pairs apart.

    Args:
        sizes: Number of codes of each column, unknown (code 0) included.
        crosses: Pairs of column numbers.
        units: Number of weights of a pair of values: the outputs.
        buckets: Pairs of values that a cross keeps apart, up to 46,340. Defaults to 10,000.

    >>> layer = zoo.layers.CrossedCategories(sizes=(3, 5), crosses=[(0, 1)], units=1)
    >>> layer(np.array([[2, 4], [0, 1]])).shape
    TensorShape([2, 1])
    >>> layer.count_params()
    15

    Reference: Cheng et al., *Wide & Deep learning for recommender systems*, 2016, section 3.1.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        crosses: Sequence[Sequence[int]],
        units: int,
        buckets: int = 10_000,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.sizes = _check_sizes(sizes)
        self.crosses = [[int(column) for column in pair] for pair in crosses]
        columns = range(len(self.sizes))
        if not self.crosses or any(
            len(set(pair)) != 2 or len(pair) != 2 or not set(pair) <= set(columns)
            for pair in self.crosses
        ):
            raise ValueError(
                f"crosses must be pairs of two column numbers below {len(self.sizes)}. "
                f"Received: crosses={crosses!r}"
            )
        if not 1 <= buckets <= 46_340:  # its square must fit into 32 bits
            raise ValueError(f"buckets must lie from 1 to 46340. Received: buckets={buckets!r}")
        self.units, self.buckets = units, buckets
        pairs = [(self.sizes[a], self.sizes[b]) for a, b in self.crosses]
        exact = [a * b <= buckets for a, b in pairs]
        self.tables = [a * b if ok else buckets for (a, b), ok in zip(pairs, exact, strict=True)]
        self._steps = [b if ok else _step(buckets) for (_, b), ok in zip(pairs, exact, strict=True)]

    def build(self, input_shape):
        """Creates the weights, at 0: a pair never seen in training adds nothing."""
        _check_columns(input_shape, self.sizes)
        self.kernel = self.add_weight(
            shape=(sum(self.tables), self.units), initializer="zeros", name="kernel"
        )

    def call(self, inputs):
        """Looks up codes of shape `(batch, columns)`."""
        codes = known_codes(inputs, list(self.sizes))
        columns = [pair[0] for pair in self.crosses] + [pair[1] for pair in self.crosses]
        left, right = ops.split(ops.take(codes, columns, axis=1), 2, axis=1)
        tables = ops.convert_to_tensor(list(self.tables), "int32")
        steps = ops.convert_to_tensor(list(self._steps), "int32")
        left, right = ops.mod(left, tables), ops.mod(right, tables)  # so that nothing overflows
        rows = ops.mod(left * steps + right, tables) + _offsets(self.tables)
        return ops.sum(ops.take(self.kernel, rows, axis=0), axis=1)


def _check_sizes(sizes):
    sizes = [int(size) for size in sizes]
    if not sizes or min(sizes) < 1:
        raise ValueError(f"sizes must be whole numbers of at least 1. Received: sizes={sizes}")
    return sizes


def _check_columns(input_shape, sizes):
    if len(input_shape) != 2 or input_shape[1] != len(sizes):
        raise ValueError(
            f"Expected codes (batch, {len(sizes)}). Received: input_shape={tuple(input_shape)}"
        )


def _offsets(sizes):
    """The row of a common table at which each column's part starts."""
    return ops.convert_to_tensor(np.cumsum([0, *sizes[:-1]]), "int32")


def _step(buckets):
    """A step without common divisor near the golden section of the buckets."""
    step = max(1, round(buckets * (math.sqrt(5) - 1) / 2))
    while math.gcd(step, buckets) > 1:
        step -= 1
    return step
