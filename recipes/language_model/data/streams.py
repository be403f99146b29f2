"""Batches of ids: streams whose next batch goes on where the last one ended, or single windows.

A window that starts at position `s` reads the ids `s ... s + window - 1` and has as targets the ids
one step ahead. Batches are positions in one array; nothing is copied before a batch is gathered.
"""

import numpy as np

from recipes.data.batches import Batches
from recipes.data.stored import StoredArray


class _IdBatches(Batches):
    """Windows of one array of ids, by their first positions `starts`, `(m,)`."""

    def __init__(self, ids, window, starts, batch_size, seed=None):
        super().__init__(starts, batch_size, seed)
        self.ids = ids if isinstance(ids, StoredArray) else np.asarray(ids, np.int32)
        self.window = window

    def assemble(self, examples, ops=np):
        """Ids and the ids one step ahead, both `(batch, window)`."""
        steps = examples[:, None] + np.arange(self.window)
        return ops.take(self.ids, steps, axis=0), ops.take(self.ids, steps + 1, axis=0)


class StreamBatches(_IdBatches):
    """Contiguous streams: row `r` of batch `k` goes on where row `r` of batch `k - 1` ended.

    The rows are stretches of equal length, side by side. In training what is left over is shared
    out anew in each epoch, before the first and after the last row, so that the borders of the
    windows move and no position is left out for good. In validation the windows are made a little
    shorter instead, so that hardly anything is left over. A `ValueError` if the part is too short.

    Args:
        ids: All ids, `(n,)` int32.
        start: First position of the part to read.
        end: The position after its last.
        window: Ids that a row of a batch reads.
        batch_size: Number of streams.
        seed: See `Batches`; `None` starts every epoch at `start`.
        epochs: In so many epochs the streams are read once, and each epoch goes on where the last
            one ended.

    >>> batches = StreamBatches(np.arange(13), 0, 13, window=3, batch_size=2)
    >>> for starts in batches.order().reshape(len(batches), 2):
    ...     print(batches.assemble(starts)[0].tolist())
    [[0, 1, 2], [6, 7, 8]]
    [[3, 4, 5], [9, 10, 11]]
    """

    def __init__(self, ids, start, end, window, batch_size, seed=None, epochs=1):
        targets = end - start - 1
        each = targets // batch_size
        if seed is None:
            steps = -(-each // window)
            window = each // max(1, steps)
        else:
            steps = each // window
        if not steps:
            raise ValueError(
                f"{batch_size} streams of windows of {window} need {batch_size * window + 1} ids. "
                f"Received: {end - start}"
            )
        rows = start + np.arange(batch_size) * steps * window
        self.steps, self.turns = steps, epochs
        starts = rows + np.arange(-(-steps // epochs))[:, None] * window
        super().__init__(ids, window, starts.reshape(-1), batch_size, seed)
        self.left_over = targets - batch_size * steps * window
        self.drops_rest = True  # no batch is ever smaller, and the model is told so

    def order(self) -> np.ndarray:
        """First positions of the windows, batch after batch."""
        if self.seed is None:
            return self.examples
        generator = np.random.default_rng([self.seed, self.epoch])
        each = len(self)
        turn = min(self.epoch % self.turns * each, self.steps - each)
        return self.examples + turn * self.window + generator.integers(self.left_over + 1)


class SlidingWindowBatches(_IdBatches):
    """All windows, or every so many, in random order.

    Args:
        ids: All ids, `(n,)` int32.
        segments: `(m, 2)`, stretches that no window may leave: first position, one after the last.
        window: Ids that a window reads.
        batch_size: Windows in a batch.
        seed: See `Batches`.
        stride: Ids from one window to the next.

    >>> batches = SlidingWindowBatches(np.arange(9), [(0, 5), (5, 9)], 3, 4)
    >>> batches.assemble(batches.order())[1].tolist()
    [[1, 2, 3], [2, 3, 4], [6, 7, 8]]
    """

    def __init__(self, ids, segments, window, batch_size, seed=None, stride=1):
        super().__init__(ids, window, _starts(segments, window, stride), batch_size, seed)


class RandomWindowBatches(_IdBatches):
    """Windows side by side at random places, in random order: nearly all ids once an epoch.

    Args:
        seed: Seed of places and order.
        ids, window, batch_size, segments: As for `SlidingWindowBatches`.

    >>> batches = RandomWindowBatches(np.arange(41), [(0, 41)], window=10, batch_size=3, seed=1)
    >>> sorted(np.diff(np.sort(batches.order())).tolist())
    [10, 10]
    """

    def __init__(self, ids, segments, window, batch_size, seed):
        starts = _starts(segments, window, 1)
        self.count = max(1, len(starts) // window)
        super().__init__(ids, window, starts, min(batch_size, self.count), seed)

    def __len__(self):
        return self.count // self.batch_size

    def order(self) -> np.ndarray:
        """First positions of the windows of this epoch, in the order in which they are seen."""
        generator = np.random.default_rng([self.seed, self.epoch])
        reach = (self.count - 1) * self.window
        first = generator.integers(len(self.examples) - reach)
        chosen = self.examples[first : first + reach + 1 : self.window]
        return generator.permutation(chosen)[: len(self) * self.batch_size]


def _starts(segments, window, stride):
    """First positions of the windows inside of each segment."""
    found = [np.arange(start, end - window, stride) for start, end in segments]
    starts = np.concatenate([np.zeros(0, np.int64), *found])
    if not len(starts):
        raise ValueError(
            f"A window of {window} needs {window + 1} ids in a row. Received: segments of "
            f"{[int(end - start) for start, end in segments][:5]}"
        )
    return starts
