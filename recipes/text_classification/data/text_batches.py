"""Batches of labelled texts."""

import numpy as np

from recipes.data.batches import SortedBatches
from zoo.layers.raw_texts import rounded_lengths


class TextBatches(SortedBatches):
    """Ids of texts and their labels.

    A batch is padded with 0 to its longest text, rounded up, so that batches come in few shapes.
    In memory there is no padding.

    Args:
        ids: Ids of each text, a list of arrays of one or more, see `TextTokenizer.encode_list`.
        labels: Labels, an array `(n, ...)`.
        weights: Weight of each text in the loss, `(n,)`. Defaults to none.
        bucketing: Whether to sort them. Otherwise texts come in random order, and all of them are
            padded to the longest one. Defaults to True.
        batch_size, seed: See `Batches`.

    >>> ids = [np.arange(2, 32), np.array([5, 6, 7]), np.array([1])]
    >>> batches = TextBatches(ids, np.array([0, 1, 0]), batch_size=2)
    >>> batches.assemble(batches.order()[:2])
    (array([[5, 6, 7, 0, 0, 0, 0, 0],
           [1, 0, 0, 0, 0, 0, 0, 0]], dtype=int32), array([1, 0]))
    """

    def __init__(self, ids, labels, batch_size, seed=None, weights=None, bucketing=True):
        self.lengths = np.array([len(each) for each in ids], np.int64)
        ends = np.cumsum(self.lengths)
        self.starts = ends - self.lengths
        self.flat = np.concatenate([*ids, [0]]).astype(np.int32)
        self.padding = ends[-1]  # where to find a 0
        longest = self.lengths if bucketing else np.full(len(ids), self.lengths.max())
        self.widths = rounded_lengths(longest)
        self.labels, self.weights = labels, weights
        super().__init__(len(ids), batch_size, seed)

    def assemble(self, examples, ops=np):
        """`(ids, labels)` or `(ids, labels, weights)`; the ids are int32 `(batch, length)`."""
        starts, lengths, widths = (
            ops.take(each, examples, axis=0) for each in (self.starts, self.lengths, self.widths)
        )
        steps = ops.arange(ops.max(widths))
        places = ops.where(steps < lengths[:, None], starts[:, None] + steps, self.padding)
        found = ops.take(self.flat, places, axis=0), ops.take(self.labels, examples, axis=0)
        return found if self.weights is None else (*found, ops.take(self.weights, examples, axis=0))

    def sorted(self, examples):
        """By the length that they are padded to."""
        return examples[np.argsort(self.widths[examples], kind="stable")]
