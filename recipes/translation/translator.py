"""Sentences in, sentences out: a saved model with its vocabularies, and its decoders."""

import numpy as np
from keras import ops

import zoo
from recipes.errors import UserError
from zoo.compiled import Loop, kept_on
from zoo.layers.raw_texts import padded

#: Sentences that are translated together, and the shortest length that they are padded to.
ROWS, SHORTEST = 128, 8


class Translator:
    """Translates with a model that `recipes.translation` saved; longer sources are cut off."""

    def __init__(self, model, max_length):
        self.model, self.max_length = model, max_length
        self.source_tokenizer = zoo.tokenizer(model, "source")
        self.target_tokenizer = zoo.tokenizer(model, "target")
        self._limits = max_length, self.target_tokenizer.start_id, self.target_tokenizer.end_id

    def translate(self, texts) -> list[str]:
        """Greedy translations: the likeliest token at each step."""
        found = [None] * len(texts)
        for rows, source in self._batches(texts, ROWS):
            ids = zoo.decoding.decode(self.model, source, *self._limits)
            for row, each in zip(rows, ids, strict=False):
                found[row] = self.target_tokenizer.decode(each)
        return found

    def search(self, texts, beam, n_best=1, length_penalty=0.0) -> list[list[tuple[str, float]]]:
        """The `n_best` translations of each text that beam search finds, with their scores."""
        found = [None] * len(texts)
        for rows, source in self._batches(texts, max(1, ROWS // beam)):
            beams = zoo.decoding.beam_search(
                self.model,
                source,
                beam,
                *self._limits,
                length_penalty=length_penalty,
                n_best=n_best,
            )
            for row, ids, scores in zip(rows, beams.ids, beams.scores, strict=False):
                found[row] = [
                    (self.target_tokenizer.decode(each), float(score))
                    for each, score in zip(ids, scores, strict=True)
                    if np.isfinite(score)
                ]
        return found

    def attention(self, texts):
        """Greedy translations of a few sentences and where they looked.

        For each the ids of its source, those of its translation with the end, and the weights
        `(target, source)`; None if the model has no attention.
        """
        if getattr(self.model.get_layer("decoder"), "attention", True) is None:
            return None
        rows = self._encoded(texts)
        ids, weights = zoo.decoding.decode(
            self.model, padded(rows), *self._limits, return_attention=True
        )
        written = [each[: (each != 0).sum()] for each in ids]
        return [
            (source, target, weight[: len(target), : len(source)])
            for source, target, weight in zip(rows, written, weights, strict=True)
        ]

    def shown(self, found) -> list[tuple]:
        """What `attention` found, with tokens as texts."""
        source, target = self.source_tokenizer.pieces, self.target_tokenizer.pieces
        return [(source(s), target(t), weights) for s, t, weights in found]

    def forced(self, batches):
        """How the model rates targets in `PairBatches`, each token after the right ones before it.

        The natural logarithm of the probability of each token, float64 `(tokens,)`, and whether it
        was the likeliest, bool `(tokens,)`; the ends of sentences are tokens.
        """
        rate = kept_on(self.model, ("forced",), lambda: _Forced("forced", self.model))
        order, size, parts = batches.order(), batches.batch_size, []
        for first in range(0, len(order), size):
            inputs, labels = batches.assemble(order[first : first + size])
            log_probs, right = rate.predict_on_batch([inputs, labels])
            parts.append((log_probs[labels != 0].astype("float64"), right[labels != 0]))
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def cut(self, texts) -> list[int]:
        """Numbers of the texts, from 0, that are longer than the model reads."""
        rows = self.source_tokenizer.encode_list(texts, truncate=False)
        return [index for index, ids in enumerate(rows) if len(ids) > self.max_length]

    def _encoded(self, texts):
        # The tokenizers of format 1 do not know how much the model reads.
        return [ids[: self.max_length] for ids in self.source_tokenizer.encode_list(texts)]

    def _batches(self, texts, most):
        """Numbers of texts and their ids, sentences of similar lengths together.

        Batches are filled up with copies, and lengths go in powers of two: few shapes to compile.
        """
        rows = self._encoded(texts)
        size = min(most, _power(len(rows)))
        lengths = np.array([_power(len(row), SHORTEST) for row in rows])
        for length in np.unique(lengths):
            group = np.flatnonzero(lengths == length)
            for first in range(0, len(group), size):
                chosen = group[first : first + size]
                filled = np.pad(chosen, (0, size - len(chosen)), mode="edge")
                yield chosen, padded([rows[row] for row in filled], int(length))


class _Forced(Loop):
    """`[{"source", "target"}, labels]` to the log-probabilities of the labels, and hits."""

    compiles_on = ("jax",)

    def call(self, inputs):
        inputs, labels = inputs
        logits = ops.cast(self.model(inputs, training=False), "float32")
        of_labels = ops.take_along_axis(logits, ops.expand_dims(labels, -1), axis=-1)[..., 0]
        right = ops.equal(labels, ops.cast(ops.argmax(logits, axis=-1), labels.dtype))
        return of_labels - ops.logsumexp(logits, axis=-1), right


def check_positions(model, max_length) -> None:
    """Raises a `UserError` if a model with learned positions has too few for a `Translator`."""
    needed = _power(max_length, SHORTEST)
    longest = getattr(model.get_layer("decoder"), "longest", None)
    if longest is not None and longest < needed:
        raise UserError(
            f"--max_length {max_length} needs {needed} positions, the next power of two. Give "
            f"--model.max_length {needed} or more (now {longest}), or sinusoidal positions."
        )


def _power(number, least=1):
    """The smallest power of two that is no smaller than either."""
    return 1 << (max(number, least) - 1).bit_length()
