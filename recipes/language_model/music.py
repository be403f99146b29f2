"""What can be said about chords: who holds which note for how long, keys, and what is a copy.

A piece is an array `(chords, voices)` of MIDI notes, 0 for silence, four chords a beat.
"""

import itertools
from typing import NamedTuple

import numpy as np

CHORDS_PER_BEAT = 4
#: Tempo of what is played, in beats a minute.
TEMPO = 80


class Held(NamedTuple):
    """A MIDI note that one voice, 0 for the soprano, holds for so many chords."""

    voice: int
    note: int
    start: int
    length: int


def held_notes(chords) -> list[Held]:
    """The notes of chords `(chords, voices)`, by voice and time; one that stays is held.

    (A note that is struck again and one that is held look alike in chords.)

    >>> for held in held_notes([[60, 48], [60, 0], [62, 50]]):
    ...     print(*held)
    0 60 0 2
    0 62 2 1
    1 48 0 1
    1 50 2 1
    """
    found = []
    for voice, line in enumerate(np.asarray(chords).T):
        borders = [0, *(np.flatnonzero(np.diff(line)) + 1).tolist(), len(line)]
        for start, end in itertools.pairwise(borders):
            if start < end and line[start]:
                found.append(Held(voice, int(line[start]), start, end - start))
    return found


def transpose(chords, semitones) -> np.ndarray:
    """A piece moved up by some semitones (down by negative ones); silence stays silence.

    A note that falls to 0 or below is none, and must not pass for silence: it becomes -1.

    >>> transpose([[60, 2, 0]], -2)
    array([[58, -1,  0]])
    """
    chords = np.asarray(chords, np.int64)
    moved = chords + semitones
    return np.where(chords == 0, 0, np.where(moved > 0, moved, -1))


class Copies:
    """Finds what also occurs in other pieces `(chords, voices)`.

    >>> copies = Copies([[[60, 48], [62, 50], [64, 52]], [[67, 55]]])
    >>> copies.longest([[62, 50], [64, 52], [67, 55]])
    2
    >>> copies.longest([[65, 53], [67, 55], [69, 57]], transposed=True)
    3
    """

    def __init__(self, pieces):
        places, position = {}, 1
        for piece in pieces:
            for chord in np.asarray(piece).tolist():
                places.setdefault(tuple(chord), []).append(position)
                position += 1
            position += 1  # no run goes from one piece into the next
        self._places = {chord: np.array(found) for chord, found in places.items()}
        self._end = position

    def longest(self, chords, transposed=False) -> int:
        """The length of the longest run of chords that also occurs in one of the pieces.

        If `transposed`, a run that was moved to another key counts as the same.
        """
        shifts = range(-60, 61) if transposed else (0,)
        return max(self._longest(transpose(chords, shift)) for shift in shifts)

    def _longest(self, chords):
        # lengths[p]: how long a run ends with the chord before this one and at position p.
        best, lengths, before = 0, np.zeros(self._end, np.int32), np.zeros(0, np.int64)
        for chord in chords.tolist():
            here = self._places.get(tuple(chord), np.zeros(0, np.int64))
            found = lengths[here - 1] + 1
            lengths[before] = 0
            lengths[here] = found
            best, before = max(best, found.max(initial=0)), here
        return int(best)
