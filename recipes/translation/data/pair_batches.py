"""Batches of sentence pairs."""

import numpy as np

from recipes.data.batches import SortedBatches


class PairBatches(SortedBatches):
    """Sources and targets, for a model that learns each target token from the ones before it.

    A batch is padded with 0 to its longest sentence, rounded up: its shape is one of few.

    Args:
        sources: Ids of the sources, int32 `(n, source_time)`, padded with 0.
        targets: Ids of the targets, int32 `(n, 1 + time)`, padded with 0; the first is the start.
        multiple: Lengths are rounded up to a multiple of it.
        batch_size, seed: See `Batches`.
        examples: See `Batches`; then the sources are what `laid_out` gives, and stand for both.

    >>> sources = np.int32([[5, 6, 7, 8, 9], [4, 0, 0, 0, 0]])
    >>> targets = np.int32([[1, 7, 2], [1, 2, 0]])
    >>> batches = PairBatches(sources, targets, batch_size=1, multiple=2)
    >>> inputs, labels = batches.assemble(batches.order()[:1])
    >>> inputs["source"], inputs["target"], labels
    (array([[4, 0]], dtype=int32), array([[1, 0]], dtype=int32), array([[2, 0]], dtype=int32))
    """

    def __init__(self, sources, targets, batch_size, seed=None, multiple=4, examples=None):
        self.multiple = multiple
        arrays = laid_out(sources, targets, multiple) if examples is None else sources
        self.sources, self.source_lengths, self.inputs, self.labels, self.label_lengths = arrays
        super().__init__(len(self.sources), batch_size, seed, examples)

    def assemble(self, examples, ops=np):
        """`({"source": ..., "target": ...}, labels)`, int32 arrays `(batch, length)`."""
        source = self._rounded(ops.max(ops.take(self.source_lengths, examples, axis=0)))
        time = self._rounded(ops.max(ops.take(self.label_lengths, examples, axis=0)))
        inputs = {
            "source": ops.take(self.sources, examples, axis=0)[:, :source],
            "target": ops.take(self.inputs, examples, axis=0)[:, :time],
        }
        return inputs, ops.take(self.labels, examples, axis=0)[:, :time]

    def _rounded(self, lengths):
        return -(-lengths // self.multiple) * self.multiple

    def sorted(self, examples):
        """By the length of the source, and that of the target."""
        lengths = self.source_lengths[examples], self.label_lengths[examples]
        return examples[np.lexsort([self._rounded(each) for each in lengths])]


def laid_out(sources, targets, multiple, longest=None):
    """The sources and their lengths, what the model reads, what it learns to write, and how long.

    They are as wide as the longest one, or as `longest` says.
    """
    # What the model reads and what it learns to write are one step apart.
    read, written = targets[:, :-1], targets[:, 1:]
    inputs, _ = _widened(np.where(written != 0, read, 0), multiple, longest)
    return *_widened(sources, multiple, longest), inputs, *_widened(written, multiple, longest)


def _widened(ids, multiple, longest):
    """The ids, their width a multiple of `multiple`, and the length of each row, at least 1."""
    ids = np.asarray(ids, np.int32)
    lengths = np.maximum((ids != 0).sum(axis=1, dtype=np.int32), 1)
    longest = longest or int(lengths.max())
    wide = np.zeros((len(ids), -(-longest // multiple) * multiple), np.int32)
    wide[:, : ids.shape[1]] = ids[:, :longest]
    return wide, lengths
