"""Training windows of music, each in a key drawn anew in every epoch."""

import numpy as np

from recipes.language_model.data.streams import SlidingWindowBatches

#: Semitones to move music by, so that every key comes once.
KEYS = range(-5, 7)


class KeyBatches(SlidingWindowBatches):
    """Windows of note ids, each moved up or down by some semitones, if its notes stay in range.

    The move is drawn by window and epoch, from the seed and the epoch alone, out of those that
    leave every note of the window an id. Silence stays silence.

    Args:
        ids: All ids, `(n,)`: 0 for silence, then one a semitone.
        seed: Seed of order and moves.
        vocabulary_size: Number of ids.
        semitones: Moves to draw from. Defaults to -5 to 6: every key once.
        window, stride, batch_size, segments: As for `SlidingWindowBatches`.

    >>> batches = KeyBatches(np.array([1, 0, 2, 1]), [(0, 4)], 3, 1, 7, 4, vocabulary_size=4)
    >>> found = set()
    >>> for batches.epoch in range(20):  # 2 semitones up, and the 2 would have no id
    ...     found.add(tuple(batches.assemble(batches.order())[0][0].tolist()))
    >>> sorted(found)
    [(1, 0, 2), (2, 0, 3)]
    """

    def __init__(
        self, ids, segments, window, batch_size, seed, stride, vocabulary_size, semitones=KEYS
    ):
        super().__init__(ids, segments, window, batch_size, seed, stride)
        semitones, last = np.array(semitones), vocabulary_size - 1
        notes = self.ids[self.examples[:, None] + np.arange(window + 1)]
        highest = notes.max(axis=1, keepdims=True)
        lowest = np.where(notes > 0, notes, last).min(axis=1, keepdims=True)
        silent = highest == 0
        self.fits = silent | ((lowest + semitones >= 1) & (highest + semitones <= last))
        self.length = len(self.ids)
        # The ids of all keys, one after the other: a window is a position, whatever its key.
        moved = [np.where(self.ids > 0, self.ids + step, 0) for step in semitones]
        self.ids = np.concatenate(moved).astype(np.int32)

    def order(self) -> np.ndarray:
        """First positions of the windows of this epoch, among the ids of all keys."""
        starts = super().order()
        fits = self.fits[np.searchsorted(self.examples, starts)].cumsum(axis=1)
        drawn = np.random.default_rng([self.seed, self.epoch, 1]).random((len(starts), 1))
        keys = (fits > drawn * fits[:, -1:]).argmax(axis=1)
        return keys * self.length + starts
