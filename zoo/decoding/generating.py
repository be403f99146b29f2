"""Continuations of sequences of ids, sampled from a language model."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from zoo.checks import check_whole
from zoo.compiled import Loop, kept_on
from zoo.decoding.stepper import Stepper
from zoo.samplers import Greedy, MinP, Temperature, TopK, TopP, tempered

_STEPS = 256  # at most, in one call of the compiled loop; part of its shapes
_DRAWN = -1  # in place of an id that the sampler is to choose


def generate(
    model: keras.Model, prompt_ids: ArrayLike, length: int, sampler: Any = None, seed: int = 0
) -> np.ndarray:
    """Continues a prompt, or several at once.

    The model is stepped (see `Stepper`): first through the prompt, then through what it has
    chosen itself, each time with the state of the step before. That costs the same at every step,
    and gives what calling the model on the whole sequence so far would give, from a fresh state.
    All of it runs in one compiled loop, which is kept on the model: the next call with as many
    sequences and an equal sampler starts at once, whatever the lengths and the temperature.

    Row `r` draws its random numbers from `np.random.default_rng([seed, r])`: it depends neither on
    the other rows nor on the length, and a longer continuation starts with the shorter one.

    Args:
        model: Language model from ids `(batch, time)` to logits `(batch, time, vocabulary)` about
            the next id. The state of a stateful one is neither used nor changed.
        prompt_ids: Whole numbers `(batch, prompt_length)` or `(prompt_length,)`.
        length: Number of ids to add, 0 or more.
        sampler, seed: As for `decode`.

    Returns:
        int32 array `(batch, length)` or `(length,)`: the continuation without the prompt.

    Raises:
        ValueError: If the prompt is empty or holds ids outside the vocabulary, another argument is
            out of range, or the model cannot be stepped.

    >>> from zoo.decoding import Temperature, generate
    >>> layers = [keras.layers.Embedding(7, 4), keras.layers.GRU(8, return_sequences=True)]
    >>> model = keras.Sequential([keras.Input((None,)), *layers, keras.layers.Dense(7)])
    >>> generate(model, [3, 1, 4], length=5).shape
    (5,)
    >>> generate(model, [[3, 1, 4], [1, 5, 6]], 100, Temperature(0.8), seed=42).shape
    (2, 100)

    Reference: Book, chapter 16, "Generating fake Shakespearean text" and "Stateful RNN".
    """
    prompt = _prompt(model, prompt_ids)
    pieces = stream(model, prompt_ids, length, sampler, seed, chunk=_STEPS)
    return np.concatenate([np.zeros((*prompt.shape[:-1], 0), "int32"), *pieces], axis=-1)


def stream(
    model: keras.Model,
    prompt_ids: ArrayLike,
    length: int,
    sampler: Any = None,
    seed: int = 0,
    chunk: int = 32,
) -> Iterator[np.ndarray]:
    """Like `generate`, but hands out the ids as they come, `chunk` at a time, the last time fewer.

    Returns:
        An iterator over int32 arrays `(batch, chunk)` or `(chunk,)`; one after the other, they are
        what `generate` returns. What it raises comes at once.

    >>> layers = [keras.layers.Embedding(7, 4), keras.layers.GRU(8, return_sequences=True)]
    >>> model = keras.Sequential([keras.Input((None,)), *layers, keras.layers.Dense(7)])
    >>> [len(ids) for ids in zoo.decoding.stream(model, [3, 1, 4], length=80)]
    [32, 32, 16]
    """
    prompt = _prompt(model, prompt_ids)
    check_whole(0, length=length, seed=seed)
    check_whole(1, chunk=chunk)
    rows = np.atleast_2d(prompt)
    temperature, sampler = 1.0, Greedy() if sampler is None else sampler
    if isinstance(sampler, Temperature | TopK | TopP | MinP):  # one loop serves all temperatures
        temperature, sampler = sampler.temperature, replace(sampler, temperature=1.0)
    key = ("generate", len(rows), sampler)
    run = _Run(kept_on(model, key, lambda: Generation(model, sampler)), rows, temperature)
    generators = [np.random.default_rng([seed, row]) for row in range(len(rows))]
    uniforms = np.stack([each.random(length, "float32") for each in generators], axis=1)
    return (
        run.draw(uniforms[start : start + chunk]).T.reshape(*prompt.shape[:-1], -1)
        for start in range(0, length, chunk)
    )


class _Run:
    """One generation under way: the state, and the id that the model has yet to read."""

    def __init__(self, loop, prompt, temperature):
        self.loop = loop
        self.temperature = np.float32(temperature)
        self.position = np.int32(0)
        state = loop.stepper.initial_state(len(prompt))
        self.state = [ops.convert_to_numpy(part) for part in state]
        self.now = prompt[:, 0]
        self.rest = prompt[:, 1:].T  # time first, as everything in here

    def draw(self, uniforms):
        """The next ids, `(time, batch)`, as many as there are random numbers."""
        if len(self.rest):
            self._advance(self.rest, np.zeros(self.rest.shape, "float32"))
            self.rest = self.rest[:0]
        return self._advance(np.full(uniforms.shape, _DRAWN, "int32"), uniforms)

    def _advance(self, ids, uniforms):
        pieces = []
        for start in range(0, len(ids), _STEPS):
            now = slice(start, start + _STEPS)
            steps = np.int32(len(ids[now]))
            known = [steps, self.temperature, self.position, self.now]
            room = [(0, _STEPS - int(steps)), (0, 0)]
            inputs = [*known, *(np.pad(part[now], room) for part in (ids, uniforms)), *self.state]
            out, *self.state = self.loop.predict_on_batch(inputs)
            self.position += steps
            pieces.append(out[:steps])
            self.now = pieces[-1][-1]
        return np.concatenate(pieces)


class Generation(Loop):
    """The loop.

    Inputs `[steps, temperature, position, ids now, ids, uniforms, *state]`, outputs `[ids,
    *state]`.
    """

    def __init__(self, model, sampler):
        super().__init__("generate", model)
        self.sampler = sampler
        self.stepper = kept_on(model, ("stepper",), lambda: Stepper(model))

    def call(self, inputs):
        """Writes, for each row."""
        steps, temperature, position, now, ids, uniforms, *state = inputs

        def body(step, now, ids, state):
            logits, state = self.stepper.step(ops.expand_dims(now, 1), state, position + step)
            logits = tempered(logits[:, -1], temperature)
            drawn = self.sampler.sample(logits, ops.take(uniforms, step, axis=0))
            given = ops.take(ids, step, axis=0)
            now = ops.where(given == _DRAWN, drawn, given)
            return step + 1, now, ops.slice_update(ids, (step, 0), now[None]), state

        start = (ops.zeros((), "int32"), now, ids, state)
        _, _, ids, state = ops.while_loop(lambda step, *_: step < steps, body, start)
        return [ids, *state]


def _prompt(model, ids):
    shape = model.output_shape
    if not isinstance(shape, tuple) or len(shape) != 3 or len(model.input_shape) != 2:
        raise ValueError(
            "Generation needs a language model from ids (batch, time) to logits (batch, time, "
            f"vocabulary). {model.name!r} maps {model.input_shape} to {shape}."
        )
    ids = np.asarray(ids)
    if ids.ndim not in (1, 2) or not ids.size:
        raise ValueError(
            "Expected a prompt of at least one id, (prompt_length,) or (batch, prompt_length). "
            f"Received: prompt_ids of shape {ids.shape}"
        )
    if ids.dtype.kind not in "iu":
        raise ValueError(f"Expected ids, whole numbers. Received: prompt_ids of type {ids.dtype}")
    outside = ids[(ids < 0) | (ids >= shape[-1])]
    if outside.size:
        raise ValueError(f"Expected ids in [0, {shape[-1]}). Received: {outside[0]} in prompt_ids")
    return ids.astype("int32")
