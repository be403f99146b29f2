"""Beam search: the most probable sequences, not the most probable next ids."""

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks import check_numbers, check_whole
from zoo.compiled import kept_on
from zoo.decoding.sources import DecoderLoop, decoder_of, encode, shapes


@dataclass(frozen=True)
class Beams:
    """What `beam_search` found, best first.

    Args:
        ids: int32 array `(batch, n_best, max_length)`: ids up to the end id, if it came, then 0.
        scores: float32 array `(batch, n_best)`.
        lengths: int32 array `(batch, n_best)`: numbers of ids, the end id included.
        attention: float32 array `(batch, n_best, max_length, source_time)`: for each id the
            weights with which it was chosen, 0 behind the end; or None.
    """

    ids: np.ndarray
    scores: np.ndarray
    lengths: np.ndarray
    attention: np.ndarray | None = None


def beam_search(
    model: keras.Model,
    source: Any,
    beam_width: int,
    max_length: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 0.0,
    coverage_penalty: float = 0.0,
    n_best: int = 1,
    return_attention: bool = False,
) -> Any:
    """Searches for the targets with the best scores, for each source.

    At every step, each of the `beam_width` best beginnings is continued by every id, and the best
    of these candidates go on. A candidate with the log-probability `p` has the score

        p / ((5 + length) / 6) ** length_penalty
        + coverage_penalty * sum(log(min(attention, 1)))

    where `length` counts its ids but not an end id that it has only just got, and where the second
    term holds for beams that had ended before this step. It sums over the source, with the
    attention that each position got from all ids up to the end; positions without any do not
    count. Beams that have ended stay candidates as they are. A row is done when all of its beams
    have ended, and then stays as it is: it gets what `tfa.seq2seq.BeamSearchDecoder` gives for
    this source alone. (In a batch, that goes on until every row is done, and scores rows that were
    done earlier anew.)

    With `beam_width=1` and no penalty, this is greedy decoding. A beam wider than the vocabulary
    fills up after more than one step; where there are fewer than `n_best` possible sequences, the
    rest has the score `-inf`, the length 0 and no ids.

    The source is encoded once, and the steps run in one compiled loop, as for `decode`. A row
    depends neither on its padding nor on other rows.

    Args:
        beam_width: Number of beams, 1 or more.
        max_length: As for `decode`. Beams that have not ended by then count as they are.
        length_penalty: 0 prefers short sequences, 1 is close to the mean log-probability of an
            id. Defaults to 0.
        coverage_penalty: Weight of the second term, 0 or more; needs attention. Defaults to 0.
        n_best: How many beams to return, at most `beam_width`. Defaults to 1.
        model, source, start_id, end_id, return_attention: As for `decode`.

    >>> model = zoo.transformer(20, 15, num_layers=1, embedding_dim=8, num_heads=2)
    >>> source = np.array([[3, 1, 4, 1, 5], [9, 2, 0, 0, 0]])
    >>> beams = zoo.decoding.beam_search(model, source, 4, 6, start_id=1, end_id=2, n_best=3)
    >>> beams.ids.shape, beams.scores.shape
    ((2, 3, 6), (2, 3))

    Reference: Wu et al., *Google's neural machine translation system*, 2016, section 7; TensorFlow
    Addons, `BeamSearchDecoder`; book, chapter 16, 3rd edition cell 112.
    """
    limits, penalties = (max_length, start_id, end_id), (length_penalty, coverage_penalty)
    decoder, room = decoder_of(model, *limits)
    check_whole(1, beam_width=beam_width, n_best=n_best)
    if n_best > beam_width:
        raise ValueError(
            f"Expected n_best of at most beam_width={beam_width}. Received: n_best={n_best}"
        )
    check_numbers(length_penalty=length_penalty, coverage_penalty=coverage_penalty)
    memory, length = encode(model, source)
    options = (room, beam_width, bool(coverage_penalty), return_attention)
    key = ("beam_search", *options, shapes(memory))
    loop = kept_on(model, key, lambda: BeamSearch(decoder, *options))
    settings = np.array(limits, "int32"), np.array(penalties, "float32")
    _, scores, lengths, ids, *attention = loop.predict_on_batch([*settings, memory])
    found = np.isfinite(scores[:, :n_best])
    ids = ids.reshape(-1, beam_width, room)[:, :n_best, :max_length] * found[..., None]
    if return_attention:
        attention = attention[0].reshape(-1, beam_width, room, attention[0].shape[-1])
        attention = attention[:, :n_best, :max_length, :length] * found[..., None, None]
    lengths = lengths[:, :n_best] * found
    return Beams(ids, scores[:, :n_best], lengths, attention if return_attention else None)


class BeamSearch(DecoderLoop):
    """Inputs `[settings, penalties, memory]`, outputs `[steps, scores, lengths, ids, attention]`.

    Inside, decoder and histories see a batch of `batch * beam_width` rows, the beams of a source
    behind each other; what decides over beams is `(batch, beam_width)`.
    """

    def __init__(self, decoder, max_length, beam_width, coverage, return_attention):
        super().__init__("beam_search", decoder, max_length)
        self.beam_width, self.coverage = beam_width, coverage
        self.return_attention = return_attention

    def call(self, inputs):
        """Searches, for each source."""
        settings, penalties, memory = inputs
        limit, start_id, end_id = ops.unstack(settings)
        memory = self.prepare(memory)
        batch, length = memory["mask"].shape
        first_rows = ops.arange(batch, dtype="int32")[:, None] * self.beam_width

        def body(step, now, beams, followers):
            (ids, *seen), state = followers
            logits, state, weights = self.decoder.step(now, state, step, memory)
            open_rows = ops.reshape(ops.logical_not(beams["finished"]), (-1, 1))
            if seen:
                self.check_weights(weights, "Attention or a coverage penalty")
                weights = ops.where(open_rows, ops.cast(weights, "float32"), 0.0)
                seen = [part + weights if len(part.shape) == 2 else part for part in seen]
            parents, tokens, beams = self._choose(logits, end_id, penalties, beams, seen)
            rows = ops.reshape(first_rows + parents, (-1,))
            ids, *seen = (ops.take(part, rows, axis=0) for part in (ids, *seen))
            state = [ops.take(part, rows, axis=0) for part in state]
            now = ops.cast(ops.reshape(tokens, (-1,)), "int32")  # PyTorch counts in int64
            ids = ops.slice_update(ids, (0, step), now[:, None])
            if self.return_attention:
                weights = ops.take(weights, rows, axis=0)[:, None]
                seen[0] = ops.slice_update(seen[0], (0, step, 0), weights)
            return step + 1, now, beams, [[ids, *seen], state]

        def goes_on(step, now, beams, followers):
            return ops.logical_and(step < limit, ops.logical_not(ops.all(beams["finished"])))

        rows = batch * self.beam_width
        histories = [ops.zeros((rows, self.max_length), "int32")]
        if self.return_attention:
            histories += [ops.zeros((rows, self.max_length, length), "float32")]
        if self.coverage:
            histories += [ops.zeros((rows, length), "float32")]
        if not getattr(self.decoder, "shares_memory", False):
            memory = {name: ops.repeat(x, self.beam_width, axis=0) for name, x in memory.items()}
        state = self.decoder.initial_state(rows, self.max_length, memory)
        now = ops.broadcast_to(start_id, (rows,))
        start = (ops.zeros((), "int32"), now, self._first_beams(batch), [histories, state])
        steps, _, beams, (histories, _) = ops.while_loop(goes_on, body, start)
        return [steps, beams["scores"], beams["lengths"], *histories]

    def _first_beams(self, batch):
        """One beam; the others have yet to branch off."""
        shape = (batch, self.beam_width)
        first = ops.broadcast_to(ops.arange(self.beam_width) == 0, shape)
        nothing = ops.where(first, 0.0, -math.inf)
        return {
            "log_probs": nothing,
            "scores": nothing,
            "lengths": ops.zeros(shape, "int32"),
            "finished": ops.logical_not(first),
        }

    def _choose(self, logits, end_id, penalties, beams, seen):
        """Parents and ids of the next beams, `(batch, beam_width)`, and the beams."""
        batch, width = beams["scores"].shape
        finished, lengths = beams["finished"], beams["lengths"]
        log_probs, ids = _best_of_each(logits, end_id, width)
        columns = ids.shape[-1]
        log_probs = ops.reshape(log_probs, (batch, width, columns))
        is_end = ops.arange(columns) == columns - 1
        stays = ops.where(is_end, 0.0, -math.inf)  # what has ended goes on as it is
        log_probs = ops.where(finished[..., None], stays, log_probs)
        log_probs = log_probs + beams["log_probs"][..., None]
        same, longer = (
            ops.power((5.0 + ops.cast(lengths + more, "float32")) / 6.0, penalties[0])
            for more in (0, 1)
        )
        longer = ops.where(finished, same, longer)
        scores = log_probs / ops.where(is_end, same[..., None], longer[..., None])
        if self.coverage:
            covered = ops.where(seen[-1] == 0.0, 1.0, ops.minimum(seen[-1], 1.0))
            covered = ops.reshape(ops.sum(ops.log(covered), axis=-1), (batch, width))
            scores = scores + (penalties[1] * ops.where(finished, covered, 0.0))[..., None]
        scores, chosen = ops.top_k(ops.reshape(scores, (batch, width * columns)), width)
        log_probs, tokens = (
            ops.take_along_axis(ops.reshape(part, (batch, width * columns)), chosen, axis=1)
            for part in (log_probs, ids)
        )
        # A row whose beams have all ended stays as it is.
        done = ops.all(finished, axis=1, keepdims=True)
        parents = ops.where(done, ops.arange(width, dtype="int32"), chosen // columns)
        was_finished = ops.take_along_axis(finished, parents, axis=1)
        tokens = ops.where(was_finished, 0, tokens)
        ended = ops.logical_or(was_finished, tokens == end_id)
        lengths = ops.take_along_axis(lengths, parents, axis=1)
        log_probs = ops.where(done, beams["log_probs"], log_probs)
        return parents, tokens, {
            "log_probs": log_probs,
            "scores": ops.where(done, beams["scores"], scores),
            "lengths": lengths + ops.cast(ops.logical_not(was_finished), "int32"),
            "finished": ops.logical_or(ended, log_probs == -math.inf),
        }  # fmt: skip


def _best_of_each(logits, end_id, width):
    """What may become one of `width` beams: log-probabilities and ids, `(rows, columns)`.

    The end id comes last, as its length, and so its place among the others, is another; before it
    come the likeliest of the rest. Sums over all ids, and nothing else, see the whole vocabulary.
    """
    logits = ops.cast(logits, "float32")
    best, ids = ops.top_k(logits, min(width + 1, logits.shape[-1]))
    highest = ops.max(logits, axis=-1, keepdims=True)  # XLA is slow to take it from the best
    log_sum = ops.log(ops.sum(ops.exp(logits - highest), axis=-1, keepdims=True))
    best = ops.where(ids == end_id, -math.inf, best)
    end = ops.take(logits, ops.reshape(end_id, (1,)), axis=-1)
    ends = ops.broadcast_to(end_id, end.shape)
    log_probs = ops.concatenate([best, end], axis=-1) - highest - log_sum
    return log_probs, ops.concatenate([ids, ends], axis=-1)
