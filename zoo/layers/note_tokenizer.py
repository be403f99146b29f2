"""Notes as ids, which travel with the model."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from zoo.checks import check_whole
from zoo.layers.tokenizer import Tokenizer, check_ids


class NoteTokenizer(Tokenizer):
    """Chords as ids: 0 for silence, then one id for each semitone, the highest voice first.

    A chord is spelled out as an arpeggio: its notes
    follow each other from the first voice to the last, and then comes the next chord.

    Args:
        voices: Notes in a chord. Defaults to 4.
        lowest: Lowest MIDI note, above 0. Defaults to 36.
        highest: Highest MIDI note. Defaults to 81.

    >>> tokenizer = zoo.layers.NoteTokenizer()
    >>> tokenizer.vocabulary_size
    47
    >>> tokenizer.encode([[74, 70, 65, 58], [74, 70, 65, 0]])
    array([39, 35, 30, 23, 39, 35, 30,  0], dtype=int32)
    >>> tokenizer.decode([39, 35, 30, 0])
    array([[74, 70, 65,  0]], dtype=int32)

    Reference: Book, chapter 15, exercise 10.
    """

    def __init__(self, voices: int = 4, lowest: int = 36, highest: int = 81, **kwargs):
        super().__init__(**kwargs)
        check_whole(1, voices=voices)
        if not 1 <= lowest <= highest <= 127:
            raise ValueError(
                "Expected MIDI notes with 1 <= lowest <= highest <= 127. Received: "
                f"lowest={lowest!r}, highest={highest!r}"
            )
        self.voices = int(voices)
        self.lowest = int(lowest)
        self.highest = int(highest)

    @property
    def vocabulary_size(self) -> int:
        """Number of different ids."""
        return self.highest - self.lowest + 2

    def encode(self, chords: ArrayLike) -> np.ndarray:
        """Spells out chords, MIDI notes `(chords, voices)`, 0 for silence, as int32 ids.

        Raises:
            ValueError: If the shape or a note is not one that the layer knows.
        """
        chords = np.asarray(chords)
        if chords.ndim != 2 or chords.shape[1] != self.voices:
            raise ValueError(
                f"Expected chords (n, {self.voices}). Received: chords.shape={chords.shape}"
            )
        notes = chords.astype(np.int32)
        known = (notes == 0) | ((notes >= self.lowest) & (notes <= self.highest))
        known &= notes == chords
        if not known.all():
            raise ValueError(
                f"Expected notes from {self.lowest} to {self.highest}, or 0 for silence. "
                f"Received: {np.unique(chords[~known])[:5].tolist()}"
            )
        return np.where(notes == 0, 0, notes - self.lowest + 1).astype(np.int32).ravel()

    def decode(self, ids: Sequence[int] | np.ndarray) -> np.ndarray:
        """Puts ids `(chords * voices,)` back into chords, MIDI notes int32 `(chords, voices)`.

        Raises:
            ValueError: If the last chord is incomplete, or an id is not in the vocabulary.
        """
        ids = check_ids(ids, self.vocabulary_size).astype(np.int32)
        if len(ids) % self.voices:
            raise ValueError(
                f"Expected ids of complete chords, {self.voices} each. Received: {len(ids)} ids"
            )
        return np.where(ids == 0, 0, ids + self.lowest - 1).reshape(-1, self.voices)

    def pieces(self, ids: Sequence[int] | np.ndarray) -> list[str]:
        """The MIDI note of each id as a string, a dash for silence."""
        ids = check_ids(ids, self.vocabulary_size)
        return [str(index + self.lowest - 1) if index else "-" for index in ids]
