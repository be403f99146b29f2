"""Examples that lie in arrays, one row an example: batches of them, and a few."""

import numpy as np

from recipes.data.batches import Batches


def spread(count: int, most: int) -> np.ndarray:
    """Positions of at most so many of `count` things, evenly spaced, int64.

    >>> spread(5, 3).tolist()
    [0, 2, 4]
    """
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


class ArrayBatches(Batches):
    """Batches of the rows of arrays.

    Args:
        x: Inputs: an array `(n, ...)`, or a dict of them.
        y: Targets `(n, ...)`.
        batch_size: Rows in a batch.
        seed: See `Batches`.
        weights: Weight of each row in the loss, `(n,)`. Defaults to none.

    >>> batches = ArrayBatches(np.arange(6).reshape(3, 2), np.arange(3), batch_size=2)
    >>> len(batches), batches.assemble(batches.order()[2:])
    (2, (array([[4, 5]]), array([2])))
    """

    def __init__(self, x, y, batch_size, seed=None, weights=None):
        super().__init__(np.arange(len(y)), batch_size, seed)
        self.x = x
        self.y = y
        self.weights = weights

    def assemble(self, examples, ops=np):
        """Inputs, targets and, where there are any, weights of the rows `examples`."""
        if isinstance(self.x, dict):
            inputs = {name: ops.take(part, examples, axis=0) for name, part in self.x.items()}
        else:
            inputs = ops.take(self.x, examples, axis=0)
        found = (inputs, ops.take(self.y, examples, axis=0))
        return found if self.weights is None else (*found, ops.take(self.weights, examples, axis=0))
