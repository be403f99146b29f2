"""Labelled texts of one part of the data, and what a model reads of them."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Part:
    """Some labelled texts.

    Args:
        texts: The texts, `(n,)`.
        labels: Number of the class of each, -1 for none, int64 `(n,)`.
        classes: Names of the classes, by number.
        numbers: Number of each text in its file, from 1, `(n,)`.
        inputs: What a model reads of each: int32 arrays of ids, or strings, in a list.

    >>> texts, ids = np.array(["a b", "b"], object), [np.int32([2, 3]), np.int32([3])]
    >>> part = Part(texts, np.array([0, 1]), ("no", "yes"), np.array([1, 2]), ids)
    >>> part.names.tolist(), part.take([1]).texts.tolist()
    (['no', 'yes'], ['b'])
    """

    texts: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    numbers: np.ndarray
    inputs: list

    def __len__(self):
        return len(self.labels)

    @property
    def names(self) -> np.ndarray:
        """Name of the class of each text."""
        return np.array(self.classes, object)[self.labels]

    def take(self, rows) -> "Part":
        """The texts at some positions."""
        rows = np.asarray(rows, np.int64)
        return replace(
            self,
            texts=self.texts[rows],
            labels=self.labels[rows],
            numbers=self.numbers[rows],
            inputs=[self.inputs[row] for row in rows],
        )
