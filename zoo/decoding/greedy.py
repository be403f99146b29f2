"""Sequences written by an encoder and decoder, one id at a time; greedily but for a sampler."""

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks import check_whole
from zoo.compiled import kept_on
from zoo.decoding.sources import DecoderLoop, decoder_of, encode, shapes
from zoo.samplers import Greedy


def decode(
    model: keras.Model,
    source: Any,
    max_length: int,
    start_id: int,
    end_id: int,
    sampler: Any = None,
    seed: int = 0,
    return_attention: bool = False,
) -> Any:
    """Writes a target for each source.

    The source is encoded once. Then the decoder makes one step after the other, each with the
    state of the one before, until every row has its end id: what calling the model on all ids so
    far would give, at a constant cost a step. The steps run in one compiled loop, which is kept on
    the model: the next call with as many rows, an equal sampler and lengths that round up to the
    same multiples of 8 starts at once. A row depends neither on its padding nor on other rows.

    Args:
        model: Model with parts named "encoder" and "decoder", such as `zoo.transformer` or
            `zoo.seq2seq`.
        source: Ids `(batch, source_time)`, padded with 0, or what else the encoder takes.
        max_length: Most ids to write for a row, 1 or more, the end id included.
        start_id: Id that the decoder reads first.
        end_id: Id that ends a row.
        sampler: How to choose ids, such as `Temperature(0.8)`; see `zoo.samplers`.
            Defaults to None: `Greedy()`.
        seed: Whole number of at least 0: row `r` draws its random numbers from
            `np.random.default_rng([seed, r])`. Defaults to 0.
        return_attention: Whether to return the weights of the attention, too. Defaults to False.

    Returns:
        int32 array `(batch, max_length)`: the ids of each row up to its end id, if it came to it,
        then 0. With attention, a tuple of it and a float32 array `(batch, max_length,
        source_time)`: for each id the weights with which it was chosen, 0 behind the end.

    Raises:
        ValueError: If the model has no such parts, an argument is out of range, or attention is
            asked for and there is none.

    >>> model = zoo.transformer(20, 15, num_layers=1, embedding_dim=8, num_heads=2)
    >>> source = np.array([[3, 1, 4, 1, 5], [9, 2, 0, 0, 0]])
    >>> zoo.decoding.decode(model, source, max_length=6, start_id=1, end_id=2).shape
    (2, 6)

    Reference: Book, chapter 16: 2nd edition cells 191 and 192 (`GreedyEmbeddingSampler`), 3rd
    edition cell 101.
    """
    decoder, room = decoder_of(model, max_length, start_id, end_id)
    check_whole(0, seed=seed)
    sampler = Greedy() if sampler is None else sampler
    memory, length = encode(model, source)
    key = ("decode", room, sampler, return_attention, shapes(memory))
    loop = kept_on(model, key, lambda: _Decoding(decoder, room, sampler, return_attention))
    batch = len(memory["outputs"])
    settings = np.array([max_length, start_id, end_id], "int32")
    uniforms = np.zeros((room, batch), "float32")
    for row in range(batch):
        uniforms[:, row] = np.random.default_rng([seed, row]).random(room, "float32")
    _, ids, *attention = loop.predict_on_batch([settings, uniforms, memory])
    ids = np.ascontiguousarray(ids[:max_length].T)
    if not attention:
        return ids
    return ids, np.ascontiguousarray(attention[0][:max_length, :, :length].swapaxes(0, 1))


class _Decoding(DecoderLoop):
    """Inputs `[settings, uniforms, memory]`, outputs `[steps, ids, attention]`, time first."""

    def __init__(self, decoder, max_length, sampler, return_attention):
        super().__init__("decode", decoder, max_length)
        self.sampler, self.return_attention = sampler, return_attention

    def call(self, inputs):
        settings, uniforms, memory = inputs
        limit, start_id, end_id = ops.unstack(settings)
        memory = self.prepare(memory)
        batch, length = memory["mask"].shape

        def body(step, now, ended, written, state):
            logits, state, weights = self.decoder.step(now, state, step, memory)
            now = self.sampler.sample(logits, ops.take(uniforms, step, axis=0))
            now = ops.where(ended, 0, now)
            ids, *attention = written
            written = [ops.slice_update(ids, (step, 0), now[None])]
            if self.return_attention:
                self.check_weights(weights, "return_attention")
                weights = ops.where(ended[:, None], 0.0, ops.cast(weights, "float32"))
                written += [ops.slice_update(attention[0], (step, 0, 0), weights[None])]
            return step + 1, now, ops.logical_or(ended, now == end_id), written, state

        def goes_on(step, now, ended, written, state):
            return ops.logical_and(step < limit, ops.logical_not(ops.all(ended)))

        written = [ops.zeros((self.max_length, batch), "int32")]
        if self.return_attention:
            written += [ops.zeros((self.max_length, batch, length), "float32")]
        now = ops.broadcast_to(start_id, (batch,))
        state = self.decoder.initial_state(batch, self.max_length, memory)
        start = (ops.zeros((), "int32"), now, ops.zeros((batch,), "bool"), written, state)
        steps, _, _, written, _ = ops.while_loop(goes_on, body, start)
        return [steps, *written]
