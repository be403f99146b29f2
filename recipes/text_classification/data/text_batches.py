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
        examples: See `Batches`; then `ids` are four arrays, as `laid_out` makes them.

    >>> ids = [np.arange(2, 32), np.array([5, 6, 7]), np.array([1])]
    >>> batches = TextBatches(ids, np.array([0, 1, 0]), batch_size=2)
    >>> batches.assemble(batches.order()[:2])
    (array([[5, 6, 7, 0, 0, 0, 0, 0],
           [1, 0, 0, 0, 0, 0, 0, 0]], dtype=int32), array([1, 0]))
    """

    def __init__(
        self, ids, labels, batch_size, seed=None, weights=None, bucketing=True, examples=None
    ):
        laid = laid_out(ids) if examples is None else ids
        self.flat, self.starts, self.lengths, self.widths = laid
        if not bucketing:
            self.widths = np.full(len(ids), self.widths.max())
        self.labels, self.weights = labels, weights
        super().__init__(len(labels), batch_size, seed, examples)

    def assemble(self, examples, ops=np):
        """`(ids, labels)` or `(ids, labels, weights)`; the ids are int32 `(batch, length)`."""
        starts, lengths, widths = (
            ops.take(each, examples, axis=0) for each in (self.starts, self.lengths, self.widths)
        )
        steps = ops.arange(ops.max(widths))
        inside = steps < lengths[:, None]
        ids = ops.take(self.flat, ops.where(inside, starts[:, None] + steps, 0), axis=0)
        found = ops.where(inside, ids, 0), ops.take(self.labels, examples, axis=0)
        return found if self.weights is None else (*found, ops.take(self.weights, examples, axis=0))

    def sorted(self, examples):
        """By the length that they are padded to."""
        return examples[np.argsort(self.widths[examples], kind="stable")]


def laid_out(ids, start=0):
    """Ids of texts side by side, int32 `(total,)`; where each begins, how long it is, and padded.

    >>> [each.tolist() for each in laid_out([np.array([5, 6, 7]), np.array([1])], start=10)]
    [[5, 6, 7, 1], [10, 13], [3, 1], [8, 8]]
    """
    lengths = np.array([len(each) for each in ids], np.int64)
    starts = start + np.cumsum(lengths) - lengths
    flat = np.concatenate([np.zeros(0, np.int32), *ids]).astype(np.int32)
    return flat, starts, lengths, rounded_lengths(lengths)
