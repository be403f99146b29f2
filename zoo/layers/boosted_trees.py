"""Boosted trees as a layer: they travel inside a saved model, on every backend."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from zoo.layers.base import Layer

_ARRAYS = ("feature", "threshold", "missing_left", "left", "right", "value", "codes")
#: Codes that a split of categories can tell apart.
CODES = 256


class BoostedTrees(Layer):
    """The sum of the leaves that a row falls into, one leaf a tree.

    Every tree has as many nodes; leaves lead to themselves. The layer predicts and does not learn:
    fit the trees elsewhere, and make the layer with `from_arrays`.

    Args:
        trees: Number of trees; tree `t` adds to output `t % outputs`.
        nodes: Number of nodes in a tree.
        depth: Steps from the root to the deepest leaf.
        outputs: Number of outputs.
        numeric: Number of numeric features; those that follow are codes, 0 for missing.
        splits: Number of different splits of categories.

    >>> stump = {
    ...     "feature": [[0, 0, 0]], "threshold": [[1.5, 0, 0]], "missing_left": [[0, 0, 0]],
    ...     "left": [[1, 1, 2]], "right": [[2, 1, 2]], "value": [[0, -1, 1]],
    ... }
    >>> layer = zoo.layers.BoostedTrees.from_arrays(stump, base=[10.0], depth=1, numeric=1)
    >>> layer({"numeric": np.array([[1.0], [2.0], [np.nan]], "float32")}).numpy()
    array([[ 9.],
           [11.],
           [11.]], dtype=float32)
    """

    def __init__(
        self,
        trees: int,
        nodes: int,
        depth: int,
        outputs: int = 1,
        numeric: int = 0,
        splits: int = 0,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", "trainable": False, **kwargs})
        self.trees, self.nodes, self.depth = trees, nodes, depth
        self.outputs, self.numeric, self.splits = outputs, numeric, splits

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, Any],
        base: Any,
        depth: int,
        numeric: int,
        members: Any = (),
        **kwargs: Any,
    ) -> "BoostedTrees":
        """The layer of some trees.

        Args:
            arrays: By name, `(trees, nodes)`: `feature` that a node splits by; `threshold` up to
                which numbers go `left`, otherwise `right` (numbers of nodes); `missing_left`,
                whether missing values do; `value` of leaves; and, where there are categories,
                `codes`, the row of `members` that a node splits by, -1 for numbers.
            base: What is added to each output, `(outputs,)`.
            depth: Steps from the root to the deepest leaf.
            numeric: Number of numeric features.
            members: Which codes go left, `(splits, 256)` booleans.
            **kwargs: Arguments of `keras.layers.Layer`.
        """
        shape = trees, nodes = np.asarray(arrays["feature"]).shape
        layer = cls(trees, nodes, depth, len(base), numeric, len(members), **kwargs)
        layer.build(None)
        found = {"codes": np.full(shape, -1), **arrays}
        table = np.zeros((max(1, layer.splits), CODES))
        table[: layer.splits] = members if layer.splits else 0
        layer.set_weights([*(np.asarray(found[name]) for name in _ARRAYS), np.asarray(base), table])
        return layer

    def build(self, input_shape):
        """Creates what `from_arrays` or a saved file fills."""
        # All are float32, in which whole numbers are exact up to 2**24.
        shapes: dict[str, tuple] = dict.fromkeys(_ARRAYS, (self.trees, self.nodes))
        shapes |= {"base": (self.outputs,), "members": (max(1, self.splits), CODES)}
        self.arrays = {
            name: self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)
            for name, shape in shapes.items()
        }
        self.built = True

    def call(self, inputs):
        """Maps `{"numeric": (batch, n), "categories": (batch, m)}` to `(batch, outputs)`."""
        there = [name for name in ("numeric", "categories") if name in inputs]
        parts = [ops.cast(inputs[name], "float32") for name in there]
        x = ops.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
        # Indices into flat arrays: `take_along_axis` is several times slower on TensorFlow.
        rows = ops.arange(ops.shape(x)[0], dtype="int32")[:, None] * ops.shape(x)[1]
        cells = ops.reshape(x, (-1,))
        flat = {name: ops.reshape(self.arrays[name], (-1,)) for name in _ARRAYS}
        feature, split = (ops.cast(flat[name], "int32") for name in ("feature", "codes"))
        first = ops.arange(self.trees, dtype="int32") * self.nodes
        sides = [flat["left"], flat["right"]]
        sides.append(ops.where(flat["missing_left"] > 0.5, *sides))
        below = ops.reshape(ops.cast(ops.stack(sides, axis=1), "int32"), (-1,))
        members = ops.reshape(self.arrays["members"], (-1,))

        def descend(_, node):
            column = ops.take(feature, node)
            values = ops.take(cells, rows + column)
            absent, right = ops.isnan(values), values > ops.take(flat["threshold"], node)
            if self.splits:
                code = ops.cast(ops.clip(ops.where(absent, 0.0, values), 0, CODES - 1), "int32")
                row = ops.take(split, node)
                inside = ops.take(members, ops.maximum(row, 0) * CODES + code) > 0.5
                right = ops.where(row >= 0, ops.logical_not(inside), right)
            if "categories" in inputs:
                no_code = ops.logical_and(column >= self.numeric, values < 0.5)
                absent = ops.logical_or(absent, no_code)
            side = ops.where(absent, 2, ops.cast(right, "int32"))
            return first + ops.take(below, 3 * node + side)

        # A loop, because as a graph of every level it would take seconds to build.
        root = ops.zeros_like(rows) + first
        leaves = ops.take(flat["value"], ops.fori_loop(0, self.depth, descend, root))
        leaves = ops.reshape(leaves, (-1, self.trees // self.outputs, self.outputs))
        return ops.sum(leaves, axis=1) + self.arrays["base"]

    def compute_output_shape(self, input_shape):
        """`(batch, outputs)`."""
        return (next(iter(input_shape.values()))[0], self.outputs)
