"""Decoding: equal to calling the model on everything so far, whatever the batch and padding."""

import gc
import weakref

import keras
import numpy as np
import pytest

import zoo
from tests.shared import run_on_jax
from zoo.decoding import Greedy, MinP, Temperature, TopK, TopP, decode
from zoo.layers import TransformerDecoder

SLOW = pytest.mark.slow
SOURCES, TARGETS, START, END = 11, 7, 1, 2
MODELS = {
    "transformer": lambda: zoo.transformer(SOURCES, TARGETS, 2, embedding_dim=8, num_heads=2),
    "one block": lambda: zoo.transformer(SOURCES, TARGETS, 1, embedding_dim=8, num_heads=2),
    "learned positions": lambda: zoo.transformer(
        SOURCES, TARGETS, 1, 8, 2, norm="post", positions="learned", max_length=12
    ),
    "seq2seq": lambda: zoo.seq2seq(SOURCES, TARGETS, units=6, embedding_dim=5),
    "no attention": lambda: zoo.seq2seq(SOURCES, TARGETS, units=6, cell="gru", attention=None),
}


def build(name):
    """A small model with weights that make it write different ids."""
    keras.utils.set_random_seed(2)
    model = MODELS[name]()
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        if "seq2seq" in model.name:
            weight.assign(rng.normal(0.0, 2.0, weight.shape))
        else:
            noise = rng.normal(0.0, 0.3, weight.shape) if "bias" in weight.path else 0.0
            weight.assign(1.5 * np.array(weight) + noise)
    return model


@pytest.fixture(scope="module")
def model():
    """One model for the tests that leave it as it is: they share its compiled loops."""
    return build("one block")


def sources():
    ids = np.random.default_rng(3).integers(1, SOURCES, (4, 6))
    for row, length in enumerate((6, 2, 4, 3)):
        ids[row, length:] = 0
    return ids


def growing(model, source, max_length, sampler, seed=0):
    """Written the plain way: the model is called on everything so far, at every step."""
    rows = range(len(source))
    ids, ended = np.full((len(source), 1), START), np.zeros(len(source), bool)
    draws = [np.random.default_rng([seed, row]).random(max_length, "float32") for row in rows]
    for step in range(max_length):
        logits = keras.ops.convert_to_numpy(model({"source": source, "target": ids}))[:, -1]
        drawn = np.asarray(sampler.sample(logits, np.array([draw[step] for draw in draws])))
        drawn = np.where(ended, 0, drawn)
        ended |= drawn == END
        ids = np.concatenate([ids, drawn[:, None]], axis=1)
    return ids[:, 1:]


def assert_as_recomputed(model, source, ids, sampler, seed=0):
    """As `growing`, in one call of a causal model."""
    target = np.concatenate([np.full((len(ids), 1), START), ids[:, :-1]], axis=1)
    logits = keras.ops.convert_to_numpy(model({"source": source, "target": target}))
    for row, end in enumerate(lengths(ids)):
        draws = np.random.default_rng([seed, row]).random(ids.shape[1], "float32")
        expected = np.asarray(sampler.sample(logits[row], draws))
        np.testing.assert_array_equal(ids[row, :end], expected[:end])
        assert END not in expected[: end - 1]
        assert not ids[row, end:].any()


def lengths(ids):
    """How many ids each row has, its end id included."""
    return [[*row.tolist(), END].index(END) + 1 for row in ids]


@pytest.mark.parametrize(
    "name",
    # tests/parity decodes with recurrent cells, with attention and without.
    [
        "transformer",
        *(
            pytest.param(name, marks=SLOW)
            for name in ("seq2seq", "learned positions", "no attention")
        ),
    ],
)
@pytest.mark.usefixtures("loops_with_xla")
def test_equal_to_full_recomputation(name):
    model, written = build(name), set()
    for sampler in (Greedy(), Temperature(2.0)):
        ids = decode(model, sources(), 9, START, END, sampler, seed=3)
        assert (ids.shape, ids.dtype) == ((4, 9), np.int32)
        assert_as_recomputed(model, sources(), ids, sampler, seed=3)
        written |= set(ids.ravel())
    np.testing.assert_array_equal(ids, growing(model, sources(), 9, sampler, seed=3))
    assert len(written) > 3


# All samplers draw from the same logits; test_generating.py has each of them, in a loop.
@pytest.mark.slow
@pytest.mark.parametrize("sampler", [TopK(3, 2.0), TopP(0.7, 2.0), MinP(0.2, 2.0)])
def test_every_sampler(model, sampler):
    ids = decode(model, sources(), 9, START, END, sampler, seed=1)
    assert_as_recomputed(model, sources(), ids, sampler, seed=1)


def test_greedy_is_the_default_and_has_no_chance(model):
    ids = decode(model, sources(), 9, START, END)
    np.testing.assert_array_equal(ids, decode(model, sources(), 9, START, END, Greedy(), seed=5))
    assert (decode(model, sources(), 9, START, END, Temperature(2.0)) != ids).any()


def test_the_seed_decides_and_shorter_is_the_beginning_of_longer(model):
    first = decode(model, sources(), 9, START, END, Temperature(2.0), seed=1)
    assert (decode(model, sources(), 9, START, END, Temperature(2.0), seed=2) != first).any()
    for length in (1, 4, 8, 9):
        shorter = decode(model, sources(), length, START, END, Temperature(2.0), seed=1)
        np.testing.assert_array_equal(shorter, first[:, :length])


def test_nothing_comes_behind_the_end_and_the_loop_stops_with_the_last_row(model, steps):
    ids, attention = decode(model, sources(), 90, START, END, Temperature(2.0), 1, True)
    found = lengths(ids)
    assert len(set(found)) > 2
    assert steps == [max(found)]
    assert max(found) < 90
    for row, length in enumerate(found):
        assert ids[row, length - 1] == END
        assert not ids[row, length:].any()
        assert not attention[row, length:].any()
        np.testing.assert_allclose(attention[row, :length].sum(axis=1), 1.0, atol=1e-5)


def test_an_end_that_never_comes(model, steps):
    bias = model.get_layer("decoder").head.bias
    before = np.array(bias)
    bias.assign(before - 1e9 * (np.arange(TARGETS) == END))
    try:
        for length in (1, 8, 9):
            ids = decode(model, sources(), length, START, END)
            assert (ids.shape, steps.pop()) == ((4, length), length)
            assert (ids != END).all()
    finally:
        bias.assign(before)


def test_a_row_depends_neither_on_its_padding_nor_on_others(model):
    together, attention = decode(model, sources(), 9, START, END, return_attention=True)
    assert attention.shape == (4, 9, 6)
    wider, more = decode(
        model, np.pad(sources(), ((0, 0), (0, 9))), 9, START, END, return_attention=True
    )
    np.testing.assert_array_equal(wider, together)
    np.testing.assert_allclose(more[..., :6], attention, atol=1e-5)
    assert not more[..., 6:].any()
    for row, length in enumerate((6, 2, 4, 3)):
        alone = decode(model, sources()[row : row + 1, :length], 9, START, END)
        np.testing.assert_array_equal(alone[0], together[row])
    others = np.concatenate([sources()[:1], sources()[:0:-1]])
    sampled = [decode(model, ids, 9, START, END, Temperature(2.0)) for ids in (sources(), others)]
    np.testing.assert_array_equal(sampled[0][0], sampled[1][0])


@pytest.mark.parametrize("name", ["one block", "seq2seq"])
def test_attention_is_that_of_the_steps(name, model):
    model = model if name == "one block" else build(name)
    ids, attention = decode(model, sources(), 9, START, END, return_attention=True)
    assert attention.dtype == np.float32
    decoder, memory = model.get_layer("decoder"), model.get_layer("encoder")(sources())
    state, now = decoder.initial_state(4, 9, memory), np.full(4, START, "int32")
    for step in range(9):
        _, state, weights = decoder.step(now, state, step, memory)
        ended = (ids[:, :step] == END).any(axis=1)
        expected = np.where(ended[:, None], 0.0, weights)
        np.testing.assert_allclose(attention[:, step], expected, atol=1e-5)
        now = ids[:, step]


def test_compiled_once_for_many_lengths_and_follows_the_weights(monkeypatch):
    traces = []
    step = TransformerDecoder.step
    monkeypatch.setattr(TransformerDecoder, "step", lambda *a: traces.append(1) or step(*a))
    model = build("one block")
    first = decode(model, sources(), 9, START, END)
    compiled = len(traces)
    assert 0 < compiled < 9
    for time in (1, 5, 6):
        decode(model, sources()[:, :time], 12, 3, 4)
    model.set_weights([-weight for weight in model.get_weights()])
    second = decode(model, sources(), 9, START, END)
    assert len(traces) == compiled
    assert (first != second).any()
    assert_as_recomputed(model, sources(), second, Greedy())


def test_the_compiled_loop_goes_with_its_model():
    model = build("one block")
    decode(model, sources(), 2, START, END)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("name", [pytest.param("learned positions", marks=SLOW), "seq2seq"])
def test_saved_and_loaded(name, tmp_path):
    model = build(name)
    expected = decode(model, sources(), 9, START, END, Temperature(2.0))
    weights = [weight.path for weight in model.weights]
    model.save(tmp_path / "model.keras")
    assert [weight.path for weight in model.weights] == weights
    loaded = zoo.load(tmp_path)
    ids = decode(loaded, sources(), 9, START, END, Temperature(2.0))
    np.testing.assert_array_equal(ids, expected)


def test_learned_positions_end():
    model = build("learned positions")
    full = np.ones((1, 12), int)  # padded to 12, not to 16
    assert decode(model, full, 12, START, END).shape == (1, 12)
    with pytest.raises(ValueError, match=r"knows 12 positions. Received: max_length=13"):
        decode(model, full, 13, START, END)
    with pytest.raises(ValueError, match=r"at most 12 steps.*Received: 13"):
        decode(model, np.ones((1, 13), int), 9, START, END)


def test_no_rows_and_no_ids(model):
    assert decode(model, np.zeros((0, 6), int), 9, START, END).shape == (0, 9)
    empty = [decode(model, np.zeros((2, time), int), 9, START, END) for time in (0, 3, 12)]
    np.testing.assert_array_equal(empty[1:], [empty[0]] * 2)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", pytest.param("mixed_float16", marks=SLOW)])
def test_half_precision(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = build("one block")
        ids, attention = decode(model, sources(), 8, START, END, return_attention=True)
    finally:
        keras.config.set_dtype_policy("float32")
    assert attention.dtype == np.float32
    target = np.concatenate([np.full((4, 1), START), ids[:, :-1]], axis=1)
    logits = keras.ops.convert_to_numpy(model({"source": sources(), "target": target}))
    chosen = np.take_along_axis(logits, ids[..., None], axis=2)[..., 0]
    real = np.arange(8) < np.array(lengths(ids))[:, None]
    assert ((logits.max(axis=2) - chosen) * real).max() < 0.5


WRONG = [
    ({"max_length": 0}, "at least 1. Received: max_length=0"),
    ({"max_length": 2.5}, r"Received: max_length=2\.5"),
    ({"start_id": 0}, r"in \[1, 7\); 0 is padding. Received: start_id=0"),
    ({"start_id": 7}, "Received: start_id=7"),
    ({"end_id": -1}, "Received: end_id=-1"),
    ({"end_id": None}, "Received: end_id=None"),
    ({"seed": -1}, "at least 0. Received: seed=-1"),
    ({"source": [[1, 11]]}, r"ids in \[0, 11\). Received: 11 in source"),
    ({"source": [[1, -1]]}, r"Received: -1 in source"),
    ({"source": [[1.0, 2.0]]}, "of type float64"),
    ({"source": [1, 2]}, r"shape \(2,\)"),
    ({"source": [[1, 2], [3]]}, "rows of equal length"),
    ({"source": ["one"]}, "whole numbers"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments(model, arguments, message):
    right = {"source": sources(), "max_length": 9, "start_id": START, "end_id": END}
    with pytest.raises(ValueError, match=message):
        decode(model, **{**right, **arguments})


def test_wrong_models(tmp_path):
    with pytest.raises(ValueError, match=r"'encoder' and 'decoder'.*has no 'decoder'"):
        decode(zoo.char_rnn(5), sources(), 9, START, END)
    with pytest.raises(ValueError, match="return_attention needs a decoder with attention"):
        decode(build("no attention"), sources(), 9, START, END, return_attention=True)


ON_JAX = """
import sys, keras, numpy as np, zoo
from zoo.decoding import Greedy, Temperature, TopK, TopP, MinP
assert keras.backend.backend() == "jax"
data = np.load(sys.argv[2])
model = zoo.load(sys.argv[1])
for sampler in (Greedy(), Temperature(2.0)):
    ids, attention = zoo.decoding.decode(model, data["source"], 9, 1, 2, sampler, 3, True)
    np.testing.assert_array_equal(ids, data[repr(sampler)])
    np.testing.assert_allclose(attention, data[repr(sampler) + " attention"], atol=1e-5)
"""


@pytest.mark.slow
@pytest.mark.jax
@pytest.mark.parametrize("name", ["transformer", "seq2seq"])
def test_on_jax(name, tmp_path):
    pytest.importorskip("jax", reason="needs the jax extra")
    model = build(name)
    parts = {"source": sources()}
    for sampler in (Greedy(), Temperature(2.0)):
        ids, attention = decode(model, sources(), 9, START, END, sampler, 3, True)
        parts |= {repr(sampler): ids, f"{sampler!r} attention": attention}
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", **parts)
    run_on_jax(ON_JAX, tmp_path / "model.keras", tmp_path / "data.npz")
