"""Arrays that are too large for memory."""

import numpy as np


class StoredArray:
    """Rows of a temporary file, read when they are needed.

    The file has no name, and its space is free again when the program ends.

    Args:
        store: Array in the file, `(n, ...)`.
        rows: Which of its rows these are. Defaults to all.

    >>> array = StoredArray(np.arange(6).reshape(3, 2), np.array([0, 2]))
    >>> array.shape, np.take(array, [1], axis=0).tolist(), len(array.part([0]))
    ((2, 2), [[4, 5]], 1)
    """

    def __init__(self, store, rows=None):
        self.store, self.rows = store, rows
        self.shape = (len(store) if rows is None else len(rows), *store.shape[1:])
        self.dtype, self.ndim = store.dtype, store.ndim

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        return np.asarray(self.store[index if self.rows is None else self.rows[index]])

    def take(self, indices, axis=0, out=None, mode="raise"):
        """What `numpy.take` calls."""
        return self[indices]

    def part(self, positions) -> "StoredArray":
        """Those at some positions, still in the file."""
        return StoredArray(self.store, positions if self.rows is None else self.rows[positions])
