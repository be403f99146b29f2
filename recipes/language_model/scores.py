"""Exact scores of language models: every target once, each with the context that it deserves."""

import math

import keras
import numpy as np
from scipy.special import log_softmax

from zoo.tokenizers import all_layers

#: Targets of a block that a recurrent model is scored on, and the ids that it reads before it.
BLOCK, WARM_UP = 1000, 500
#: Blocks that are read together, and the most logits that these may have.
ROWS, MAX_LOGITS = 64, 2**25
#: Perplexities beyond e to this power are not told apart.
_LARGEST = 700.0


class Reader:
    """Tells how probable a model finds the ids of some segments, and how often it is right.

    A segment is cut into blocks of targets. The model reads each block from a fresh state, after up
    to `warm_up` ids of the same segment, so that all models are scored alike, whatever they were
    trained on, and a segment of any length in little memory.
    """

    def __init__(self, model, ids, block=BLOCK, warm_up=WARM_UP):
        self.model = model
        self.ids = np.asarray(ids, np.int32)
        self.block, self.warm_up = block, warm_up

    def __call__(self, segments):
        """Reads segments, the first position and the one after the last of each, `(m, 2)`.

        The first id of each is no target: nothing tells what it is. Returns the natural logarithm
        of the probability of each target, float64 `(targets,)`, and whether it was the likeliest id
        of all, bool `(targets,)`.
        """
        plan, length = blocks(segments, self.block, self.warm_up)
        most = max(1, min(ROWS, MAX_LOGITS // (length * self.model.output_shape[-1])))
        size = math.ceil(len(plan) / math.ceil(len(plan) / most))  # with little left over
        parts = []
        for first in range(0, len(plan), size):
            rows = plan[first : first + size]
            starts = np.pad(rows[:, 0], (0, size - len(rows)), mode="edge")
            # What a short segment lacks is filled with what follows it, which no output sees.
            steps = np.minimum(starts[:, None] + np.arange(length + 1), len(self.ids) - 1)
            found = self._score(self.ids[steps])
            steps = np.arange(length)
            counted = (steps >= rows[:, 1:2]) & (steps < rows[:, 2:3])
            parts.append([part[: len(rows)][counted] for part in found])
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def _score(self, ids):
        logits = np.asarray(self.model.predict_on_batch(ids[:, :-1]))
        targets = ids[:, 1:, None]
        found = np.take_along_axis(log_softmax(np.float64(logits), axis=-1), targets, axis=-1)
        return found[..., 0], logits.argmax(axis=-1) == targets[..., 0]


def reader_for(model, ids, window) -> Reader:
    """The `Reader` that suits a model.

    One without recurrent layers is scored on windows as in training, whose first half is context.
    """
    if is_recurrent(model):
        return Reader(model, ids)
    half = max(1, window // 2)
    return Reader(model, ids, block=half, warm_up=window - half)


def is_recurrent(model) -> bool:
    """Whether a model has recurrent layers, whose state reaches back without end."""
    kinds = keras.layers.RNN | keras.layers.Bidirectional
    return any(isinstance(layer, kinds) for layer in all_layers(model))


def blocks(segments, block, warm_up):
    """Cuts segments `(m, 2)` into stretches of equal length for a model to read.

    Returns:
        `(plan, length)`: for each stretch of `length` ids its first position, and from which to
        before which of its outputs count, int64 `(stretches, 3)`; see `Reader`.

    >>> blocks([(0, 8)], block=2, warm_up=3)  # the targets 1 to 5, then 6 and 7
    (array([[0, 0, 5],
           [2, 3, 5]]), 5)
    """
    plan = []
    length = min(block + warm_up, max(end - start - 1 for start, end in segments))
    for start, end in segments:
        targets = end - start - 1
        # The first stretch begins where the segment does, so all its outputs count.
        later = np.arange(start + block, end - 1 - warm_up, block)
        first = [[start, 0, min(length, targets)]] if targets > 0 else []
        plan += first + [[at, warm_up, min(warm_up + block, end - 1 - at)] for at in later]
    return np.array(plan, np.int64), int(length)


def language_scores(log_probabilities, hits, characters=None) -> dict[str, float]:
    """Scores by the logarithms of probabilities, and whether each target was the likeliest.

    `nats` and `bits_per_character`, `perplexity` and `accuracy` by target, and `nats_per_token`
    where targets are not characters: where so many `characters` are given.

    >>> scores = language_scores(np.log([0.5, 0.125]), np.array([True, False]))
    >>> {name: round(value, 3) for name, value in scores.items()}
    {'nats': 1.386, 'bits_per_character': 2.0, 'perplexity': 4.0, 'accuracy': 0.5}
    """
    total, count = -float(np.sum(log_probabilities)), len(log_probabilities)
    characters = count if characters is None else characters
    found = {"nats": total / characters, "bits_per_character": total / characters / math.log(2)}
    if characters != count:
        found["nats_per_token"] = total / count
    perplexity = math.exp(min(total / count, _LARGEST))
    return {**found, "perplexity": perplexity, "accuracy": float(np.mean(hits))}


def at_most(segments, limit):
    """The first so many ids of some segments, as segments.

    >>> at_most([(0, 5), (5, 9), (9, 12)], 7)
    [(0, 5), (5, 7)]
    """
    found = []
    for start, end in segments:
        if limit > 1:
            found.append((int(start), int(min(end, start + limit))))
        limit -= end - start
    return found
