"""Retrieval: what the nearest training rows had for a target, as features of a row."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from zoo.checks import check_counts
from zoo.layers.base import Layer


class NearestTargets(Layer):
    """Means of the targets of the nearest of some candidates, which the saved layer holds.

    Near is what differs little in weighted numbers and in few weighted categories: a pair of rows
    has the squared distance `sum_j w_j**2 (x_j - y_j)**2 + 2 sum_c w_c**2 [x_c != y_c]`. A mean
    weights each neighbor by `1 / (distance + a tenth of that of the farthest one)`. Make the layer
    with `from_data`.

    A row that is a candidate itself is its own nearest neighbor, and is told its own target:
    features to train on come from the layer of other rows.

    Args:
        candidates: Number of candidates.
        numeric: Number of numeric features; none are `(batch, 0)`.
        categories: Number of columns of codes.
        targets: Number of targets of a candidate.
        neighbors: How many neighbors each mean is of. Defaults to `(4, 12, 32)`.

    >>> rows = {"numeric": np.array([[0.0], [1.0], [5.0]], "float32")}
    >>> targets = [[10.0], [20.0], [30.0]]
    >>> layer = NearestTargets.from_data(rows, targets, weights=[1.0], neighbors=[1, 2])
    >>> layer({"numeric": np.array([[4.5]], "float32")}).numpy()[:, 0]
    array([30.], dtype=float32)

    Reference: Gorishniy et al., *TabR: tabular deep learning meets nearest neighbors*, 2023.
    """

    def __init__(
        self,
        candidates: int,
        numeric: int,
        categories: int,
        targets: int,
        neighbors: Sequence[int] = (4, 12, 32),
        **kwargs: Any,
    ):
        super().__init__(**{"dtype": "float32", "trainable": False, **kwargs})
        check_counts(candidates=candidates, targets=targets, **{"neighbors": max(neighbors)})
        self.candidates, self.numeric, self.categories = candidates, numeric, categories
        self.targets, self.neighbors = targets, tuple(int(count) for count in neighbors)

    @classmethod
    def from_data(
        cls, features: dict, targets: ArrayLike, weights: ArrayLike, **kwargs: Any
    ) -> "NearestTargets":
        """The layer of some training rows.

        Args:
            features: Their features, as in the call.
            targets: Their targets, `(rows, targets)`.
            weights: Weight of each numeric feature, then of each column of codes.
            **kwargs: Arguments of `keras.layers.Layer`, and `neighbors`.
        """
        targets = np.asarray(targets, "float32")
        none = np.empty((len(targets), 0))
        parts = [np.asarray(features.get(name, none), "float32") for name in _KINDS]
        layer = cls(len(targets), *[part.shape[1] for part in (*parts, targets)], **kwargs)
        layer.build(None)
        layer.set_weights([*parts, targets, np.asarray(weights, "float32")])
        return layer

    def build(self, input_shape):
        """Creates what `from_data` or a saved file fills."""
        # All are float32, in which whole numbers are exact up to 2**24.
        sizes = {"numbers": self.numeric, "codes": self.categories, "values": self.targets}
        shapes: dict[str, tuple] = {n: (self.candidates, size) for n, size in sizes.items()}
        shapes["metric"] = (self.numeric + self.categories,)
        for name, shape in shapes.items():
            weight = self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)
            setattr(self, name, weight)
        self.built = True

    def call(self, inputs):
        """Maps `{"numeric": (batch, n), "categories": (batch, m)}` to `(batch, all means)`."""
        weights = self.metric[: self.numeric], self.metric[self.numeric :]
        count = min(max(self.neighbors), self.candidates)
        distances = 0.0
        found = {name: ops.cast(inputs[name], "float32") for name in _KINDS if name in inputs}
        if self.numeric:
            x, y = found["numeric"] * weights[0], self.numbers * weights[0]
            squares = ops.sum(y * y, axis=1) - 2 * ops.matmul(x, ops.transpose(y))
            distances = distances + squares + ops.sum(x * x, axis=1, keepdims=True)
        for column in range(self.categories):
            codes = found["categories"][:, column : column + 1]
            differs = ops.not_equal(codes, self.codes[:, column])
            distances = distances + 2 * weights[1][column] ** 2 * ops.cast(differs, "float32")
        # The product loses digits where rows are near: distances of the nearest are taken again.
        _, near = ops.top_k(-distances, min(count + 1, self.candidates))
        again = 0.0
        if self.numeric:
            y = ops.take(self.numbers, near, axis=0) - found["numeric"][:, None]
            again = again + ops.sum(ops.square(y * weights[0]), axis=-1)
        if self.categories:
            codes = ops.take(self.codes, near, axis=0)
            differs = ops.cast(ops.not_equal(codes, found["categories"][:, None]), "float32")
            again = again + 2 * ops.sum(differs * ops.square(weights[1]), axis=-1)
        closest, places = ops.top_k(-again, count)
        near = ops.take_along_axis(ops.cast(near, "int32"), ops.cast(places, "int32"), axis=1)
        distance, values = ops.sqrt(-closest), ops.take(self.values, near, axis=0)
        means = []
        for wanted in self.neighbors:
            some = min(wanted, count)
            share = 1 / (distance[:, :some] + 0.1 * distance[:, some - 1 : some] + 1e-3)
            share = share / ops.sum(share, axis=1, keepdims=True)
            means.append(ops.sum(share[..., None] * values[:, :some], axis=1))
        return ops.concatenate(means, axis=1)

    def compute_output_shape(self, input_shape):
        """`(batch, means * targets)`."""
        return (next(iter(input_shape.values()))[0], len(self.neighbors) * self.targets)


_KINDS = ("numeric", "categories")
