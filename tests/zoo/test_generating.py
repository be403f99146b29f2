"""Continuations: equal to calling the model on the whole sequence, whatever the batch."""

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from zoo.decoding import (
    Greedy,
    MinP,
    Stepper,
    Temperature,
    TopK,
    TopP,
    generate,
    generating,
    stream,
)

SIZE = 11
PROMPTS = np.random.default_rng(42).integers(0, SIZE, (3, 6))


def language_model(*parts):
    inputs = x = keras.Input((None,), dtype="int32")
    for part in (layers.Embedding(SIZE, 5), *parts, layers.Dense(SIZE, use_bias=False)):
        x = part(x)
    return shaken(keras.Model(inputs, x))


def shaken(model):
    """The model with random weights everywhere, so large that it does not repeat one id."""
    rng = np.random.default_rng(7)
    for weight in model.weights:
        matrix = len(weight.shape) > 1
        scale = 6.0 / np.sqrt(np.prod(weight.shape[:-1])) if matrix else 0.3
        value = rng.normal(0.0, scale, weight.shape)
        weight.assign(np.abs(value) + 0.2 if "variance" in weight.path else value)
    return model


def convolutions():
    return [
        part
        for rate in (1, 2, 4)
        for part in (
            layers.Conv1D(6, 2, dilation_rate=rate, padding="causal", activation="relu"),
            layers.BatchNormalization(),
        )
    ]


MODELS = {
    "gru": lambda: language_model(layers.GRU(8, return_sequences=True)),
    "two lstm": lambda: language_model(
        layers.LSTM(6, return_sequences=True),
        layers.Dropout(0.5),
        layers.LSTM(6, return_sequences=True),
    ),
    "tied": lambda: shaken(
        zoo.char_rnn(SIZE, units=8, cell="lstm", embedding_dim=5, dropout=0.5, tie_embeddings=True)
    ),
    "transformer": lambda: shaken(
        zoo.transformer_language_model(
            SIZE, context=8, num_layers=2, num_heads=2, embedding_dim=8, dropout=0.5
        )
    ),
    "conv lstm": lambda: language_model(*convolutions(), layers.LSTM(6, return_sequences=True)),
}


@pytest.fixture(scope="module")
def gru():
    """One model for the tests that leave it as it is: they share its compiled loops."""
    return MODELS["gru"]()


def logits_of(model, ids):
    return keras.ops.convert_to_numpy(model(ids, training=False))


def growing(model, prompts, length, sampler, seed=0):
    """Made the plain way: the model is called on everything so far, at every step."""
    ids, rows = prompts, range(len(prompts))
    draws = [np.random.default_rng([seed, row]).random(length, "float32") for row in rows]
    for step in range(length):
        uniform = np.array([draw[step] for draw in draws])
        drawn = sampler.sample(logits_of(model, ids)[:, -1], uniform)
        ids = np.concatenate([ids, np.asarray(drawn)[:, None]], axis=1)
    return ids[:, prompts.shape[1] :]


def assert_as_recomputed(model, prompts, ids, sampler, seed=0):
    """As `growing`, in one call of a causal model."""
    whole = np.concatenate([prompts, ids], axis=1)
    logits = logits_of(model, whole)[:, prompts.shape[1] - 1 : -1]
    for row in range(len(ids)):
        uniform = np.random.default_rng([seed, row]).random(ids.shape[1], "float32")
        expected = sampler.sample(logits[row], uniform)
        np.testing.assert_array_equal(ids[row], expected)


@pytest.mark.parametrize(
    # The tests below recompute what a GRU writes.
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name == "gru" else name for name in MODELS],
)
def test_equal_to_full_recomputation(name):
    model = MODELS[name]()
    for sampler in (Greedy(), Temperature(4.0)):
        ids = generate(model, PROMPTS, 12, sampler, seed=3)
        assert (ids.shape, ids.dtype) == ((3, 12), np.int32)
        grown = growing(model, PROMPTS, 6, sampler, seed=3)
        np.testing.assert_array_equal(ids[:, :6], grown)
        assert_as_recomputed(model, PROMPTS, ids, sampler, seed=3)
        assert len(set(ids.ravel())) >= 3


@pytest.mark.parametrize("sampler", [TopK(3, 9.0), TopP(0.7, 9.0), MinP(0.2, 9.0)])
def test_every_sampler(gru, sampler):
    ids = generate(gru, PROMPTS, 40, sampler, seed=1)
    assert_as_recomputed(gru, PROMPTS, ids, sampler, seed=1)
    assert len(set(ids.ravel())) > 3


def test_greedy_is_the_default_and_has_no_chance(gru):
    ids = generate(gru, PROMPTS, 9)
    np.testing.assert_array_equal(ids, generate(gru, PROMPTS, 9, Greedy(), seed=5))
    assert (generate(gru, PROMPTS, 9, Temperature(4.0), seed=5) != ids).any()


@pytest.mark.usefixtures("loops_with_xla")
def test_longer_than_one_call_of_the_loop(monkeypatch):
    monkeypatch.setattr(generating, "_STEPS", 8)
    model = MODELS["gru"]()
    prompts = np.random.default_rng(0).integers(0, SIZE, (3, 20))
    for time in (1, 8, 9, 10, 20):
        ids = generate(model, prompts[:, :time], 17, Temperature(4.0), seed=2)
        assert_as_recomputed(model, prompts[:, :time], ids, Temperature(4.0), seed=2)
    ids = generate(model, prompts, 16)
    assert_as_recomputed(model, prompts, ids, Greedy())


def test_a_prompt_alone_has_no_batch_axis(gru):
    for sampler in (Greedy(), Temperature(4.0)):
        alone = generate(gru, PROMPTS[0].tolist(), 20, sampler)
        assert alone.shape == (20,)
        np.testing.assert_array_equal(alone, generate(gru, PROMPTS[:1], 20, sampler)[0])


def test_a_row_does_not_depend_on_the_others(gru):
    for sampler in (Greedy(), Temperature(4.0)):
        together = generate(gru, PROMPTS, 50, sampler, seed=4)
        fewer = generate(gru, PROMPTS[:1], 50, sampler, seed=4)
        np.testing.assert_array_equal(fewer, together[:1])
        others = np.concatenate([PROMPTS[:1], (PROMPTS[1:] + 1) % SIZE])
        np.testing.assert_array_equal(generate(gru, others, 50, sampler, 4)[0], together[0])
    same = generate(gru, PROMPTS[[0, 0]], 50, Temperature(4.0), seed=4)
    assert (same[0] != same[1]).any()  # each row has its own random numbers
    alone = [generate(gru, prompt, 50) for prompt in PROMPTS]
    np.testing.assert_array_equal(alone, generate(gru, PROMPTS, 50))


def test_the_seed_decides(gru):
    first = generate(gru, PROMPTS, 60, Temperature(4.0), seed=1)
    np.testing.assert_array_equal(generate(gru, PROMPTS, 60, Temperature(4.0), seed=1), first)
    assert (generate(gru, PROMPTS, 60, Temperature(4.0), seed=2) != first).any(axis=1).all()
    np.testing.assert_array_equal(generate(gru, PROMPTS, 7, Temperature(4.0), 1), first[:, :7])


@pytest.mark.parametrize("chunk", [1, 7, 32, 60, 1000])
def test_the_pieces_of_a_stream_are_what_generate_returns(gru, chunk):
    whole = generate(gru, PROMPTS, 60, Temperature(4.0), seed=1)
    pieces = list(stream(gru, PROMPTS, 60, Temperature(4.0), seed=1, chunk=chunk))
    assert [piece.shape[1] for piece in pieces[:-1]] == [chunk] * (len(pieces) - 1)
    assert 0 < pieces[-1].shape[1] <= chunk
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)
    alone = list(stream(gru, PROMPTS[0], 60, Temperature(4.0), seed=1, chunk=chunk))
    np.testing.assert_array_equal(np.concatenate(alone), whole[0])


def test_streams_do_not_disturb_each_other(gru):
    first, second = (stream(gru, prompt, 20, chunk=5) for prompt in PROMPTS[:2])
    pieces = np.array(list(zip(first, second, strict=True)))
    expected = generate(gru, PROMPTS[:2], 20)
    np.testing.assert_array_equal(pieces.transpose(1, 0, 2).reshape(2, 20), expected)


def test_compiled_once_for_all_lengths_and_temperatures_and_follows_the_weights(monkeypatch):
    traces = []
    step = Stepper.step
    monkeypatch.setattr(Stepper, "step", lambda *a: traces.append(1) or step(*a))
    model = MODELS["gru"]()
    first = generate(model, PROMPTS, 5, TopK(4, 2.0))
    compiled = len(traces)
    assert 0 < compiled < 5
    generate(model, PROMPTS[:, :1], 300, TopK(4, 2.0), seed=8)
    generate(model, PROMPTS[:, :4], 1, TopK(4))
    list(stream(model, np.tile(PROMPTS, 90), 40, TopK(4, 3.0), chunk=9))
    model.set_weights([-weight for weight in model.get_weights()])
    second = generate(model, PROMPTS, 5, TopK(4, 2.0))
    assert len(traces) == compiled
    assert (first != second).any()
    assert_as_recomputed(model, PROMPTS, second, TopK(4, 2.0))


class Second:
    """A sampler of one's own; its temperature is none."""

    temperature = 1e-9

    def sample(self, logits, uniform):
        """The second most probable id."""
        return keras.ops.top_k(logits, 2)[1][:, 1]


def test_a_sampler_of_ones_own():
    model = MODELS["gru"]()
    ids = generate(model, PROMPTS, 8, Second())
    assert_as_recomputed(model, PROMPTS, ids, Second())


def test_the_compiled_loop_goes_with_its_model():
    model = MODELS["gru"]()
    generate(model, PROMPTS, 2)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_the_model_stays_as_it_was(tmp_path):
    model = MODELS["conv lstm"]()
    weights = {weight.path: np.array(weight) for weight in model.weights}
    ids = generate(model, PROMPTS, 20, Temperature(4.0))
    assert list(weights) == [weight.path for weight in model.weights]
    for weight in model.weights:
        np.testing.assert_array_equal(weight, weights[weight.path])
    model.save(tmp_path / "model.keras")
    loaded = zoo.load(tmp_path)
    np.testing.assert_array_equal(generate(loaded, PROMPTS, 20, Temperature(4.0)), ids)


def test_the_state_of_a_stateful_model_is_neither_used_nor_changed():
    model = MODELS["two lstm"]()
    twin = zoo.to_stateful(model, batch_size=3)
    twin.predict_on_batch(PROMPTS)
    states = [np.array(weight) for weight in twin.non_trainable_weights]
    assert np.any([state.any() for state in states])
    ids = generate(twin, PROMPTS, 12, Temperature(4.0))
    np.testing.assert_array_equal(ids, generate(model, PROMPTS, 12, Temperature(4.0)))
    for weight, state in zip(twin.non_trainable_weights, states, strict=True):
        np.testing.assert_array_equal(weight, state)


def test_from_text_to_text(tmp_path):
    tokens = zoo.layers.CharacterTokenizer.fit("to be or not")
    inputs = keras.Input((None,), dtype="int32")
    x = layers.Embedding(tokens.vocabulary_size, 4)(tokens(inputs))
    x = layers.GRU(8, return_sequences=True)(x)
    keras.Model(inputs, layers.Dense(tokens.vocabulary_size)(x)).save(tmp_path / "model.keras")
    model = zoo.load(tmp_path)
    ids = generate(model, zoo.tokenizer(model).encode("to be"), 30, Temperature(3.0))
    assert len(zoo.tokenizer(model).decode(ids)) == 30


@pytest.mark.parametrize(
    "policy", ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)]
)
def test_half_precision(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = MODELS["gru"]()
        ids = generate(model, PROMPTS, 12)
    finally:
        keras.config.set_dtype_policy("float32")
    logits = logits_of(model, np.concatenate([PROMPTS, ids], axis=1)).astype("float32")[:, 5:-1]
    chosen = np.take_along_axis(logits, ids[..., None], axis=2)[..., 0]
    np.testing.assert_allclose(chosen, logits.max(axis=2), atol=0.5)


def test_a_length_of_0(gru):
    for prompts, shape in ((PROMPTS, (3, 0)), (PROMPTS[0], (0,))):
        ids = generate(gru, prompts, 0)
        assert (ids.shape, ids.dtype) == (shape, np.int32)
        assert list(stream(gru, prompts, 0)) == []


def test_wrong_arguments(gru):
    for function in (generate, stream):  # a stream complains at once, too
        for empty in (
            [],
            np.zeros((2, 0), int),
            np.zeros((0, 3), int),
            np.zeros((1, 1, 1), int),
            3,
        ):
            with pytest.raises(ValueError, match="a prompt of at least one id"):
                function(gru, empty, 5)
        for wrong in (SIZE, -1):
            with pytest.raises(ValueError, match=rf"ids in \[0, {SIZE}\)\. Received: {wrong}"):
                function(gru, [0, wrong], 5)
        with pytest.raises(ValueError, match="of type float64"):
            function(gru, [0.5], 5)
        for wrong in (-1, 2.0, True, None):
            with pytest.raises(ValueError, match=f"Received: length={wrong}"):
                function(gru, [0], wrong)
            with pytest.raises(ValueError, match=f"Received: seed={wrong}"):
                function(gru, [0], 5, seed=wrong)
        with pytest.raises(
            ValueError, match=r"needs a language model from ids.*maps \(None, 50, 1\)"
        ):
            function(zoo.wavenet((50, 1)), [0], 5)
        with pytest.raises(ValueError, match=r"'culprit'.*cannot be stepped"):
            function(language_model(layers.Conv1D(5, 3, padding="same", name="culprit")), [0], 5)
    for wrong in (0, 2.5):
        with pytest.raises(ValueError, match=f"at least 1. Received: chunk={wrong}"):
            stream(gru, [0], 5, chunk=wrong)


SAME_IDS = """
import sys, keras, numpy as np, zoo
from zoo.decoding import *
for run, sampler in zip(sys.argv[2::2], sys.argv[3::2]):
    model, prompts = zoo.load(run), np.array(eval(sys.argv[1]))
    pieces = stream(model, prompts, 40, eval(sampler), seed=1)
    print(keras.backend.backend(), np.concatenate(list(pieces), axis=1).tolist())
"""


@pytest.mark.slow
@pytest.mark.jax
def test_the_same_ids_on_jax(tmp_path):
    pytest.importorskip("jax", reason="needs the jax extra")
    arguments, expected = [], []
    samplers = [Greedy(), *[Temperature(4.0)] * (len(MODELS) - 1), TopK(3), TopP(0.7), MinP(0.2)]
    for name, sampler in zip([*MODELS, *["gru"] * 3], samplers, strict=True):
        model = MODELS[name]()
        run = tmp_path / f"{name}.keras"
        model.save(run)
        arguments += [run, repr(sampler)]
        expected += [f"jax {generate(model, PROMPTS, 40, sampler, seed=1).tolist()}"]
    done = subprocess.run(
        [sys.executable, "-c", SAME_IDS, str(PROMPTS.tolist()), *arguments],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        cwd=Path(zoo.__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == expected, done.stderr
