"""A baseline for music: what a voice sang before tells most of what it sings now."""

import numpy as np

#: Voices of a chord, whose ids follow each other.
VOICES = 4


class SameVoice:
    """Predicts a note from the one before of the same voice, in one table for all voices.

    The probability of the note `w` after `v` is `(c(v w) + t(v) p(w)) / (c(v) + t(v))`, with the
    counts `c` of the training segments, `t(v)` the number of different notes after `v`, and `p(w)`
    how often each note occurs at all, with one more occurrence for each. In the first chord of a
    segment, which has none before it, that is `p(w)`.

    Args:
        ids: Ids, `(n,)`; a segment begins with the first voice.
        segments, vocabulary_size: As for `NGrams`.

    >>> ids = np.array([3, 2, 1, 0] * 4)
    >>> log_probabilities, hits = SameVoice(ids, [(0, 16)], vocabulary_size=4)([(0, 8)])
    >>> np.exp(log_probabilities).round(4), hits
    (array([0.25  , 0.25  , 0.25  , 0.8125, 0.8125, 0.8125, 0.8125]),
     array([False, False,  True,  True,  True,  True,  True]))
    """

    def __init__(self, ids, segments, vocabulary_size):
        self.ids = np.asarray(ids, np.int64)
        notes = np.concatenate([self.ids[start:end] for start, end in segments])
        first = np.bincount(notes, minlength=vocabulary_size) + 1.0
        first /= first.sum()
        before = np.concatenate([self.ids[start : end - VOICES] for start, end in segments])
        after = np.concatenate([self.ids[start + VOICES : end] for start, end in segments])
        pairs = np.bincount(before * vocabulary_size + after, minlength=vocabulary_size**2)
        counts = pairs.reshape(vocabulary_size, vocabulary_size)
        kinds = (counts > 0).sum(axis=1, keepdims=True)
        seen = counts.sum(axis=1, keepdims=True)
        known = (counts + kinds * first) / np.maximum(seen + kinds, 1)
        # The last row is that of notes without one before.
        self.table = np.concatenate([np.where(seen > 0, known, first), first[None]])

    def __call__(self, segments):
        """Reads segments as `recipes.language_model.scores.Reader` does."""
        parts = []
        for start, end in segments:
            before = np.concatenate(
                [np.full(VOICES, len(self.table) - 1), self.ids[start : max(start, end - VOICES)]]
            )[1 : end - start]
            targets = self.ids[start + 1 : end]
            parts.append(
                (np.log(self.table[before, targets]), self.table.argmax(axis=1)[before] == targets)
            )
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))
