"""Attention layers against their formulas, and the cell that feeds attention back."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from zoo.layers import (
    AttentionDecoderCell,
    BahdanauAttention,
    ExponentialSampling,
    InverseSigmoidSampling,
    LinearSampling,
    LuongAttention,
)

RNG = np.random.default_rng(42)
BATCH, STEPS, SOURCE, CHANNELS, UNITS = 3, 4, 6, 5, 4
QUERIES = RNG.normal(size=(BATCH, STEPS, UNITS)).astype("float32")
MEMORY = RNG.normal(size=(BATCH, SOURCE, CHANNELS)).astype("float32")
MASK = np.arange(SOURCE) < np.array([[6], [3], [1]])

ATTENTIONS = {
    "luong": lambda **kw: LuongAttention(UNITS, **kw),
    "luong scaled": lambda **kw: LuongAttention(UNITS, scale=True, **kw),
    "bahdanau": lambda **kw: BahdanauAttention(7, **kw),
    "bahdanau normalized": lambda **kw: BahdanauAttention(7, normalize=True, **kw),
}
each_attention = pytest.mark.parametrize("name", ATTENTIONS)


def shaken(layer):
    rng = np.random.default_rng(7)
    for weight in layer.weights:
        weight.assign(rng.uniform(-0.9, 0.9, weight.shape))
    return layer


def built(name, **arguments):
    layer = ATTENTIONS[name](**arguments)
    layer.build(QUERIES.shape, MEMORY.shape)
    layer.built = True
    return shaken(layer)


def expected_scores(layer, queries, memory):
    """The formulas, one query and one position at a time."""
    memory = memory @ np.array(layer.memory_layer.kernel, "float64")
    scores = np.zeros((len(queries), queries.shape[1], memory.shape[1]))
    for b, t, s in np.ndindex(scores.shape):
        query, key = queries[b, t].astype("float64"), memory[b, s]
        if isinstance(layer, LuongAttention):
            scores[b, t, s] = (float(layer.g) if layer.scale else 1.0) * (query @ key)
            continue
        v, hidden = np.array(layer.v, "float64"), key + query @ np.array(layer.query_layer.kernel)
        if layer.normalize:
            v = float(layer.g) * v / np.sqrt((v**2).sum())
            hidden = hidden + np.array(layer.b)
        scores[b, t, s] = v @ np.tanh(hidden)
    return scores + (float(layer.bias) if layer.monotonic else 0.0)


def softmax(scores):
    exp = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)


@each_attention
def test_scores_are_the_formulas(name):
    layer = built(name)
    keys, _ = layer.prepare(MEMORY)
    expected = expected_scores(layer, QUERIES, MEMORY)
    np.testing.assert_allclose(layer.score(QUERIES, keys), expected, atol=1e-5)


@each_attention
def test_alignments_are_the_softmax_over_real_positions(name):
    layer = built(name)
    contexts, alignments = layer(QUERIES, MEMORY, memory_mask=MASK)
    real = np.broadcast_to(MASK[:, None], (BATCH, STEPS, SOURCE))
    expected = softmax(np.where(real, expected_scores(layer, QUERIES, MEMORY), -np.inf))
    np.testing.assert_allclose(alignments, expected, atol=1e-5)
    assert np.all(np.array(alignments)[~real] == 0)
    np.testing.assert_allclose(contexts, expected @ MEMORY, atol=1e-5)


def walked(choose, previous):
    """Where a walk that never goes back ends, by its definition."""
    alignments = np.zeros_like(choose)
    for b in range(len(choose)):
        for j in range(choose.shape[1]):
            for i in range(j + 1):
                passed = np.prod(1 - choose[b, i:j])
                alignments[b, j] += choose[b, j] * previous[b, i] * passed
    return alignments


@each_attention
@pytest.mark.parametrize("mask", [None, MASK])
def test_monotonic_alignments_are_those_of_a_walk(name, mask):
    layer = built(name, monotonic=True, score_bias=-0.3)
    _, alignments = layer(QUERIES, MEMORY, memory_mask=mask)
    choose = 1 / (1 + np.exp(-expected_scores(layer, QUERIES, MEMORY)))
    if mask is not None:
        choose = choose * mask[:, None]
    previous = np.zeros((BATCH, SOURCE))
    previous[:, 0] = 1
    for step in range(STEPS):
        previous = walked(choose[:, step], previous)
        np.testing.assert_allclose(alignments[:, step], previous, atol=1e-5)
    assert np.all(np.array(alignments).sum(axis=-1) <= 1 + 1e-5)


@each_attention
@pytest.mark.parametrize("monotonic", [False, True])
def test_many_queries_at_once_are_one_after_the_other(name, monotonic):
    layer = built(name, monotonic=monotonic)
    contexts, alignments = layer(QUERIES, MEMORY, memory_mask=MASK)
    keys, values = layer.prepare(MEMORY, MASK)
    previous = layer.first_alignments(values)
    for step in range(STEPS):
        one, previous = layer.attend(QUERIES[:, [step]], keys, values, MASK, previous)
        previous = previous[:, 0]
        np.testing.assert_allclose(previous, alignments[:, step], atol=1e-6)
        np.testing.assert_allclose(one[:, 0], contexts[:, step], atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.floats(-3, 3), min_size=5, max_size=5), min_size=2, max_size=6))
def test_monotonic_attention_only_moves_forwards(scores):
    layer = LuongAttention(5, monotonic=True)
    layer.build((None, None, 5), (None, 5, 5))
    layer.memory_layer.kernel.assign(np.eye(5))
    _, alignments = layer(np.array([scores], "float32"), np.eye(5, dtype="float32")[None])
    not_beyond = np.cumsum(alignments[0], axis=-1)
    assert np.all(np.diff(not_beyond, axis=0) <= 1e-5)


@each_attention
@pytest.mark.parametrize("monotonic", [False, True])
def test_padded_positions_change_nothing_and_learn_nothing(name, monotonic):
    layer = built(name, monotonic=monotonic)
    changed = np.where(MASK[:, :, None], MEMORY, 100.0).astype("float32")
    longer = np.concatenate([changed, changed], axis=1)
    longer_mask = np.concatenate([MASK, np.zeros_like(MASK)], axis=1)
    contexts, _ = layer(QUERIES, MEMORY, memory_mask=MASK)
    np.testing.assert_allclose(layer(QUERIES, changed, memory_mask=MASK)[0], contexts, atol=1e-6)
    np.testing.assert_allclose(
        layer(QUERIES, longer, memory_mask=longer_mask)[0], contexts, atol=1e-6
    )
    memory = tf.Variable(MEMORY)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(QUERIES, memory, memory_mask=MASK)[0] ** 2)
    gradient = tape.gradient(total, memory).numpy()
    assert np.all(gradient[~MASK] == 0)
    assert np.all(np.abs(gradient[MASK]).max(axis=-1) > 0)


def test_first_values_of_weights():
    luong = LuongAttention(UNITS, scale=True)
    luong.build(QUERIES.shape, MEMORY.shape)
    assert float(luong.g) == 1.0
    layer = ATTENTIONS["bahdanau normalized"](monotonic=True, score_bias=-2.0)
    layer.build(QUERIES.shape, MEMORY.shape)
    assert float(layer.g) == pytest.approx((1 / 7) ** 0.5)
    assert not np.array(layer.b).any()
    assert float(layer.bias) == -2.0


def test_wrong_units_are_named():
    with pytest.raises(ValueError, match=r"size of the queries, 4.*units=3"):
        LuongAttention(3)(QUERIES, MEMORY)
    for units in (0, 2.5, True):
        with pytest.raises(ValueError, match=f"units must be .* {units}"):
            BahdanauAttention(units)


CELLS = {
    "gru": (lambda: layers.GRUCell(UNITS), {}),
    "lstm": (lambda: layers.LSTMCell(UNITS), {}),
    "two": (lambda: [layers.GRUCell(3), layers.LSTMCell(UNITS)], {}),
    "layer": (lambda: layers.GRUCell(UNITS), {"attention_layer_size": 6}),
    "not fed": (lambda: layers.GRUCell(UNITS), {"input_feeding": False}),
}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("monotonic", [False, True])
def test_the_cell_feeds_attention_back(name, monotonic):
    cells, arguments = CELLS[name]
    attention = BahdanauAttention(7, monotonic=monotonic)
    cell = AttentionDecoderCell(cells(), attention, **arguments)
    rnn = layers.RNN(cell, return_sequences=True)
    memory = {"outputs": MEMORY, "mask": MASK}
    inputs = RNG.normal(size=(BATCH, STEPS, 2)).astype("float32")
    with cell.attending(memory):
        rnn(inputs)
    shaken(rnn)
    with cell.attending(memory):
        outputs = rnn(inputs)

    size = arguments.get("attention_layer_size", CHANNELS)
    states = [np.zeros((BATCH, n), "float32") for n in cell.cell_state_sizes]
    vector = np.zeros((BATCH, size), "float32")
    keys, values = attention.prepare(MEMORY, MASK)
    alignments = attention.first_alignments(values)
    for step in range(STEPS):
        x, after = inputs[:, step], []
        if arguments.get("input_feeding", True):
            x = np.concatenate([x, vector], axis=-1)
        for one in cell.cells:
            number = len(keras.tree.flatten(one.state_size))
            x, own = one(x, states[len(after) : len(after) + number])
            after += keras.tree.flatten(own)
        states = after
        vector, alignments = attention.attend(x[:, None], keys, values, MASK, alignments)
        vector, alignments = vector[:, 0].numpy(), alignments[:, 0]
        if cell.attention_layer is not None:
            both = np.concatenate([x, vector], axis=-1)
            vector = both @ np.array(cell.attention_layer.kernel)
        np.testing.assert_allclose(outputs[:, step], vector, atol=1e-5)


def test_a_cell_without_a_memory_says_so():
    rnn = layers.RNN(AttentionDecoderCell(layers.GRUCell(4), LuongAttention(4), name="cell"))
    with pytest.raises(ValueError, match=r"'cell' has no memory.*attending"):
        rnn(np.ones((2, 3, 4), "float32"))


SCHEDULES = {
    "linear": (LinearSampling(10, start=0.1, end=0.6), lambda i: min(0.1 + 0.05 * i, 0.6)),
    "exponential": (ExponentialSampling(10, end=0.8), lambda i: 0.8 * (1 - np.exp(-i / 10))),
    "inverse sigmoid": (
        InverseSigmoidSampling(5, end=0.9),
        lambda i: 0.9 * (1 - 5 / (5 + np.exp(min(i / 5, 500)))),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_of_sampling(name):
    schedule, expected = SCHEDULES[name]
    steps = [0, 1, 7, 10, 11, 100, 10**6]
    values = np.array([float(schedule(np.int32(step))) for step in steps])
    np.testing.assert_allclose(values, [expected(step) for step in steps], atol=1e-6)
    assert np.all(np.diff(values) >= 0)


def test_wrong_schedules_are_named():
    for make, message in [
        (lambda: LinearSampling(0), "above 0.*steps=0"),
        (lambda: LinearSampling(5, start=-1), r"\[0, 1\].*start=-1"),
        (lambda: LinearSampling(5, end=1.1), r"\[0, 1\].*end=1\.1"),
        (lambda: ExponentialSampling(-2), "above 0.*steps=-2"),
        (lambda: InverseSigmoidSampling(0.5), r"at least 1.*k=0\.5"),
    ]:
        with pytest.raises(ValueError, match=message):
            make()
