"""What a language model must beat: n-gram models, and for music the voice's own note before.

By hand in NumPy, since `nltk.lm` asks Python dictionaries for one probability at a time.
"""

from functools import cached_property, partial

import numpy as np

from recipes.language_model.chorale_flags import VOICES

#: Longest n-gram.
ORDER = 5
#: Numbers in a block of probabilities, to bound the memory.
BLOCK = 2**22


class NGrams:
    """All n-gram models up to an order, fitted on some segments of an array of ids.

    Their smoothing is the interpolated one of Witten and Bell: the probability of the id `w` after
    the history `h`, of which `h'` is all but the oldest id, is `(c(h w) + t(h) p(w | h')) / (c(h) +
    t(h))`, where `c` counts in the training segments and `t(h)` is how many different ids follow
    `h` there. Below the unigram all ids are alike. After a history that never occurs, the shorter
    one decides.

    Args:
        ids: Ids, `(n,)`.
        segments: First position and the one after the last of each training segment, `(m, 2)`.
        vocabulary_size: Number of different ids.
        order: Largest n.

    >>> ids = np.array([0, 1, 0, 1, 0])
    >>> bigram = NGrams(ids, [(0, 5)], vocabulary_size=2, order=2).models()["2-gram"]
    >>> log_probabilities, hits = bigram([(0, 3)])
    >>> np.exp(log_probabilities).round(3), hits
    (array([0.81 , 0.857]), array([ True,  True]))

    Reference: Witten and Bell, *The zero-frequency problem*, 1991; Chen and Goodman, *An empirical
    study of smoothing techniques for language modeling*, 1998.
    """

    def __init__(self, ids, segments, vocabulary_size, order=ORDER):
        self.ids = np.asarray(ids, np.int64)
        self.segments = np.asarray(segments, np.int64).reshape(-1, 2)
        self.vocabulary_size = vocabulary_size
        self.order = order
        self._found = {}

    def models(self) -> dict:
        """By name, functions that read segments as `recipes.language_model.scores.Reader` does."""
        return {f"{n}-gram": partial(self._read, n) for n in range(1, self.order + 1)}

    def distributions(self, segments):
        """Yields probabilities of every id at each target of some segments, order after order.

        They come as some targets' positions, and float64 `(order, targets, vocabulary_size)`.
        """
        positions, offsets = _targets(segments)
        histories = [self._contexts(length, positions, offsets) for length in range(self.order)]
        rows = max(1, BLOCK // (self.order * self.vocabulary_size))
        for first in range(0, len(positions), rows):
            chosen = slice(first, first + rows)
            shape = (self.order, len(positions[chosen]), self.vocabulary_size)
            found = np.empty(shape)
            below = np.full(shape[1:], 1 / self.vocabulary_size)
            for order, (table, contexts) in enumerate(zip(self._tables, histories, strict=True)):
                below = found[order] = table.distributions(contexts[chosen], below)
            yield positions[chosen], found

    def _read(self, order, segments):
        key = np.asarray(segments).tobytes()
        if key not in self._found:
            self._found[key] = self._score(segments)
        return tuple(part[order - 1] for part in self._found[key])

    def _score(self, segments):
        """Log probability of each target and whether it was the likeliest, `(order, targets)`."""
        parts = []
        for positions, found in self.distributions(segments):
            targets = self.ids[positions]
            chosen = np.take_along_axis(found, targets[None, :, None], axis=2)[..., 0]
            parts.append((np.log(chosen), found.argmax(axis=2) == targets))
        return tuple(np.concatenate(part, axis=1) for part in zip(*parts, strict=True))

    def _contexts(self, length, positions, offsets):
        """Number of the context of so many ids before each position; -1 where it never occurred."""
        numbers = np.where(offsets >= length, 0, -1)
        for order in range(length):
            ids = self.ids[np.maximum(positions - length + order, 0)]
            numbers = self._tables[order].find(numbers, ids)
        return numbers

    @cached_property
    def _tables(self):
        positions, offsets = _targets(self.segments, first=0)
        numbers, tables = np.zeros(len(positions), np.int64), []
        for order in range(self.order):
            table = _Table(numbers[offsets >= order], self.ids[positions[offsets >= order]],
                           self.vocabulary_size)  # fmt: skip
            tables.append(table)
            # The context of the next order ends here, so it belongs to the position after this.
            after = np.where(offsets >= order, table.find(numbers, self.ids[positions]), -1)
            numbers = np.concatenate([[-1], after[:-1]])
            numbers[offsets == 0] = -1
        return tables


class _Table:
    """How often each of `ids` followed each context of one length; these are numbers from 0."""

    def __init__(self, contexts, ids, vocabulary_size):
        self.vocabulary_size = vocabulary_size
        self.keys, self.counts = np.unique(contexts * vocabulary_size + ids, return_counts=True)
        owners = self.keys // vocabulary_size
        size = int(owners[-1]) + 1 if len(owners) else 0
        self.kinds = np.bincount(owners, minlength=size)
        self.totals = np.bincount(owners, self.counts, minlength=size)
        self.firsts = np.cumsum(self.kinds) - self.kinds

    def find(self, contexts, ids):
        """Numbers of contexts followed by ids, as contexts one longer; -1 for those never seen."""
        if not len(self.keys):  # no segment is as long as these contexts
            return np.full(len(contexts), -1)
        wanted = contexts * self.vocabulary_size + ids
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where((contexts >= 0) & (self.keys[places] == wanted), places, -1)

    def distributions(self, contexts, below):
        """Probabilities after each context, `(contexts, vocabulary_size)`; -1 never occurred.

        `below` are the probabilities after the context one shorter.
        """
        known = (contexts >= 0) & (contexts < len(self.kinds))
        # One at the very end of a segment occurred, but nothing followed.
        known[known] = self.kinds[contexts[known]] > 0
        rows = np.flatnonzero(known)
        known = contexts[rows]
        kinds = self.kinds[known]
        found = below.copy()
        found[rows] *= kinds[:, None]
        # All the followers of all the contexts, each as an index into keys and counts.
        starts = np.cumsum(kinds) - kinds
        entries = np.arange(kinds.sum()) + np.repeat(self.firsts[known] - starts, kinds)
        ids = self.keys[entries] % self.vocabulary_size
        found[np.repeat(rows, kinds), ids] += self.counts[entries]
        found[rows] /= (self.totals[known] + kinds)[:, None]
        return found


def _targets(segments, first=1):
    """Positions in segments, but for the first of each, and how far into its segment each is."""
    lengths = [np.arange(first, end - start) for start, end in segments]
    positions = [start + steps for (start, _), steps in zip(segments, lengths, strict=True)]
    return np.concatenate(positions), np.concatenate(lengths)


class SameVoice:
    """Predicts a note from the one before of the same voice, in one table for all voices.

    The probability of the note `w` after `v` is `(c(v w) + t(v) p(w)) / (c(v) + t(v))`, with the
    counts `c` of the training segments, `t(v)` the number of different notes after `v`, and `p(w)`
    how often each note occurs at all, with one more occurrence for each. In the first chord of a
    segment, which has none before it and begins with the first voice, that is `p(w)`.

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
            before = self.ids[start : max(start, end - VOICES)]
            before = np.pad(before, (VOICES, 0), constant_values=len(self.table) - 1)[: end - start]
            before, targets = before[1:], self.ids[start + 1 : end]
            right = self.table.argmax(axis=1)[before] == targets
            parts.append((np.log(self.table[before, targets]), right))
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))
