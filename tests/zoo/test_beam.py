"""Beam search: against a slow one in Python, and against all sequences there are."""

import gc
import itertools
import weakref
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers, ops

import zoo
from tests.shared import run_on_jax
from zoo.decoding import beam_search, decode
from zoo.layers import PaddingMask

SOURCES, START, END = 9, 1, 2
CHANNELS = 6


class Toy(layers.Layer):
    """A decoder that is easy to write down.

    Its state is a sum over all ids so far: beams that were mixed up would show.
    """

    def __init__(self, size, attends=True, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.attends = attends

    def build(self, target_ids_shape, memory_shape):
        rng = np.random.default_rng(6)
        self.ids = self.add_weight(shape=(self.size, CHANNELS), name="ids")
        self.ids.assign(rng.normal(0.0, 1.0, self.ids.shape))
        self.head = self.add_weight(shape=(2 * CHANNELS, self.size), name="head")
        self.head.assign(rng.normal(0.0, 0.6, self.head.shape))
        self.bias = self.add_weight(shape=(self.size,), initializer="zeros", name="bias")

    def compute_output_spec(self, target_ids, memory):
        return keras.KerasTensor((*target_ids.shape, self.size), "float32")

    def call(self, target_ids, memory):
        raise NotImplementedError

    def initial_state(self, batch_size, max_length, memory):
        assert memory["state_0"].shape[0] == batch_size  # it does not share its memory
        return [memory["state_0"]]

    def step(self, ids, state, position, memory):
        (state,) = state
        state = -0.8 * state + ops.take(self.ids, ids, axis=0)
        scores = ops.sum(ops.expand_dims(state, 1) * memory["outputs"], axis=-1)
        weights = ops.softmax(ops.where(memory["mask"], scores, -1e30))
        context = ops.sum(ops.expand_dims(weights, -1) * memory["outputs"], axis=1)
        logits = ops.matmul(ops.concatenate([state, context], axis=-1), self.head) + self.bias
        return logits, [state], weights if self.attends else None


def toy(size, end_bias=0.0, attends=True):
    source = keras.Input((None,), dtype="int32", name="source")
    outputs = layers.Embedding(SOURCES, CHANNELS, name="ids")(source)
    mask = PaddingMask()(source)
    real = ops.expand_dims(ops.cast(mask, "float32"), -1)
    state = ops.sum(outputs * real, axis=1) / ops.sum(real, axis=1)
    memory = {"outputs": outputs, "mask": mask, "state_0": state}
    encoder = keras.Model(source, memory, name="encoder")
    target = keras.Input((None,), dtype="int32", name="target")
    decoder = Toy(size, attends, name="decoder")
    logits = decoder(target, encoder(source))
    embeddings = encoder.get_layer("ids").embeddings
    embeddings.assign(np.random.default_rng(6).normal(0.0, 1.0, embeddings.shape))
    decoder.bias.assign(end_bias * (np.arange(size) == END))
    return keras.Model({"source": source, "target": target}, logits)


def sources(batch=4, time=5):
    ids = np.random.default_rng(3).integers(1, SOURCES, (batch, time))
    for row, length in enumerate((5, 2, 4, 3)[:batch]):
        ids[row, length:] = 0
    return ids


class Slowly:
    """The toy, and everything that may be made of one source, in float64 and without a state."""

    def __init__(self, model, source, length_penalty=0.0, coverage_penalty=0.0):
        encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
        self.memory = np.array(encoder.get_layer("ids").embeddings, "float64")[source[source != 0]]
        self.ids, self.head, self.bias = (np.array(w, "float64") for w in decoder.weights)
        self.length_penalty, self.coverage_penalty = length_penalty, coverage_penalty

    def next(self, ids):
        """Log-probabilities of all next ids, and the attention."""
        state = self.memory.mean(axis=0)
        for now in (START, *ids):
            state = -0.8 * state + self.ids[now]
        weights = np.exp(self.memory @ state)
        weights /= weights.sum()
        logits = np.concatenate([state, weights @ self.memory]) @ self.head + self.bias
        return logits - np.log(np.exp(logits).sum()), weights

    def scored(self, log_prob, length, attention=None):
        score = log_prob / ((5 + length) / 6) ** self.length_penalty
        if attention is not None:
            covered = np.minimum(np.sum(attention, axis=0), 1.0)
            score += self.coverage_penalty * np.log(covered[covered > 0]).sum()
        return score

    def search(self, width, max_length):
        """The beams, best first, and the number of steps."""
        beams = [SimpleNamespace(ids=(), log_prob=0.0, ended=False, attention=())]
        steps = 0
        while steps < max_length and not all(beam.ended for beam in beams):
            steps += 1
            candidates = []
            for beam in beams:
                if beam.ended:
                    beam.score = self.scored(beam.log_prob, len(beam.ids), beam.attention)
                    candidates.append(beam)
                    continue
                log_probs, weights = self.next(beam.ids)
                for now, log_prob in enumerate(log_probs + beam.log_prob):
                    new = SimpleNamespace(ids=(*beam.ids, now), log_prob=log_prob, ended=now == END)
                    new.attention = (*beam.attention, weights)
                    new.score = self.scored(log_prob, len(beam.ids) + (now != END))
                    candidates.append(new)
            beams = sorted(candidates, key=lambda beam: -beam.score)[:width]
        return beams, steps

    def everything(self, size, max_length):
        """Every sequence there is, best first: those cut off, those ended then, and before."""
        found = []
        for length in range(1, max_length + 1):
            for ids in itertools.product(range(size), repeat=length):
                if END in ids[:-1] or (ids[-1] != END and length < max_length):
                    continue
                steps = [self.next(ids[:step]) for step in range(length)]
                log_prob = sum(p[now] for now, (p, _) in zip(ids, steps, strict=True))
                attention = [weights for _, weights in steps]
                if length < max_length:
                    score = self.scored(log_prob, length, attention)
                else:
                    score = self.scored(log_prob, length - (ids[-1] == END))
                found.append(SimpleNamespace(ids=ids, score=score, attention=attention))
        return sorted(found, key=lambda beam: -beam.score)


def assert_found(beams, row, expected):
    """Row `row` of the beams is what the slow search found."""
    np.testing.assert_allclose(
        beams.scores[row], [beam.score for beam in expected], rtol=1e-5, atol=1e-5
    )
    for place, beam in enumerate(expected):
        length, ids = len(beam.ids), beams.ids[row, place]
        assert beams.lengths[row, place] == length
        assert tuple(ids[:length]) == beam.ids
        assert not ids[length:].any()
        attention = beams.attention[row, place]
        real = len(beam.attention[0])
        np.testing.assert_allclose(attention[:length, :real], beam.attention, atol=1e-5)
        assert not attention[length:].any()
        assert not attention[:, real:].any()


@pytest.fixture(scope="module")
def model():
    """One toy for the tests that leave it as it is: they share its compiled loops."""
    return toy(7, end_bias=1.0)


CASES = [  # beam width, max_length, length penalty, coverage penalty, bias of the end id
    (3, 8, 0.0, 0.0, 2.0),
    (3, 8, 1.0, 0.0, 2.0),
    (3, 8, 0.0, 1.5, 1.0),
    (3, 8, 0.3, 0.2, 9.0),
    (3, 8, 0.3, 0.2, -1e9),
    (9, 5, 0.3, 0.2, 1.0),
]
OTHER_WIDTHS = [  # each compiles a loop of its own
    (1, 6, 0.0, 0.0, 2.0),
    (3, 7, 0.6, 0.4, 2.0),
    (7, 8, 0.9, 0.2, 0.0),
    (7, 1, 0.9, 0.2, 0.0),
]


@pytest.mark.parametrize(
    "case", [*CASES, *(pytest.param(case, marks=pytest.mark.slow) for case in OTHER_WIDTHS)]
)
def test_equal_to_a_slow_search(model, case, steps):
    width, max_length, length_penalty, coverage_penalty, end_bias = case
    decoder = model.get_layer("decoder")
    before = np.array(decoder.bias)
    decoder.bias.assign(end_bias * (np.arange(7) == END))
    try:
        limits = (width, max_length, START, END)
        beams = beam_search(model, sources(), *limits, *case[2:4], width, return_attention=True)
        most = 0
        for row, source in enumerate(sources()):
            slowly = Slowly(model, source, length_penalty, coverage_penalty)
            expected, needed = slowly.search(width, max_length)
            assert_found(beams, row, expected)
            most = max(most, needed)
        assert steps == [most]
    finally:
        decoder.bias.assign(before)
    shapes = [part.shape for part in (beams.ids, beams.scores, beams.lengths, beams.attention)]
    assert shapes == [(4, width, max_length), (4, width), (4, width), (4, width, max_length, 5)]
    assert (np.diff(beams.scores, axis=1) <= 0).all()


@pytest.mark.parametrize(
    ("max_length", "length_penalty", "coverage_penalty"),
    [
        (3, 0.8, 0.3),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [(1, 0.0, 0.0), (1, 0.8, 0.3), (2, 0.0, 0.0), (2, 0.8, 0.3), (3, 0.0, 0.0)]
        ),
    ],
)
def test_a_beam_wide_enough_finds_every_sequence(max_length, length_penalty, coverage_penalty):
    model = toy(3, end_bias=0.5)
    beams = beam_search(
        model, sources(2), 20, max_length, START, END, length_penalty, coverage_penalty, 20, True
    )
    for row, source in enumerate(sources(2)):
        slowly = Slowly(model, source, length_penalty, coverage_penalty)
        expected = slowly.everything(3, max_length)
        number = len(expected)
        assert number == {1: 3, 2: 7, 3: 15}[max_length]
        found = [part[:, :number] for part in (beams.ids, beams.scores, beams.lengths)]
        assert_found(zoo.decoding.Beams(*found, beams.attention[:, :number]), row, expected)
        assert np.all(beams.scores[row, number:] == -np.inf)
        for rest in (beams.ids, beams.lengths, beams.attention):
            assert not rest[row, number:].any()


def test_a_narrow_beam_is_greedy(model):
    beams = beam_search(model, sources(), 1, 8, START, END, return_attention=True)
    ids, attention = decode(model, sources(), 8, START, END, return_attention=True)
    np.testing.assert_array_equal(beams.ids[:, 0], ids)
    np.testing.assert_allclose(beams.attention[:, 0], attention, atol=1e-6)


def test_the_best_are_the_first_of_more(model):
    more = beam_search(model, sources(), 3, 8, START, END, 0.5, 0.1, 3, True)
    for number in (1, 2):
        fewer = beam_search(model, sources(), 3, 8, START, END, 0.5, 0.1, number, True)
        for name in ("ids", "scores", "lengths", "attention"):
            part = getattr(more, name)[:, :number]
            np.testing.assert_array_equal(getattr(fewer, name), part)
    assert beam_search(model, sources(), 3, 8, START, END).attention is None


def test_a_row_depends_neither_on_its_padding_nor_on_others(model):
    arguments = (3, 8, START, END, 0.5, 0.1, 3)
    together = beam_search(model, sources(), *arguments)
    assert len(set(together.lengths.max(axis=1))) > 1  # rows are done at different times
    for others in (sources()[::-1], np.pad(sources(), ((0, 0), (0, 9))), sources()[:1]):
        beams = beam_search(model, others, *arguments)
        back = slice(None, None, -1 if others.shape == (4, 5) else 1)
        np.testing.assert_array_equal(beams.ids[back], together.ids[: len(others)])
        np.testing.assert_allclose(beams.scores[back], together.scores[: len(others)], atol=1e-5)


@pytest.mark.parametrize("num_layers", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("loops_with_xla")
def test_a_transformer(num_layers):
    keras.utils.set_random_seed(2)
    model = zoo.transformer(SOURCES, 8, num_layers, embedding_dim=8, num_heads=2)
    model.set_weights([1.5 * weight for weight in model.get_weights()])
    beams = beam_search(model, sources(), 4, 6, START, END, n_best=4, return_attention=True)
    decoder, memory = model.get_layer("decoder"), model.get_layer("encoder")(sources())
    for place in range(4):
        ids = beams.ids[:, place]
        target = np.concatenate([np.full((4, 1), START), ids[:, :-1]], axis=1)
        log_probs = ops.log_softmax(model({"source": sources(), "target": target}))
        chosen = np.take_along_axis(np.array(log_probs), ids[..., None], axis=2)[..., 0]
        real = np.arange(6) < beams.lengths[:, place, None]
        np.testing.assert_allclose(beams.scores[:, place], (chosen * real).sum(axis=1), atol=1e-4)
        state = decoder.initial_state(len(target), 6, memory)
        for step in range(6):  # the attention of the ancestors
            _, state, weights = decoder.step(target[:, step], state, step, memory)
            expected = np.array(weights) * real[:, step, None]
            np.testing.assert_allclose(beams.attention[:, place, step], expected, atol=1e-5)
    greedy = beam_search(model, sources(), 1, 6, START, END)
    np.testing.assert_array_equal(greedy.ids[:, 0], decode(model, sources(), 6, START, END))
    assert np.all(beams.scores[:, 0] >= greedy.scores[:, 0] - 1e-5)


def test_compiled_once_and_follows_the_weights(monkeypatch):
    traces = []
    step = Toy.step
    monkeypatch.setattr(Toy, "step", lambda *a: traces.append(1) or step(*a))
    model = toy(7, end_bias=1.0)
    first = beam_search(model, sources(), 3, 8, START, END, 0.5, n_best=3)
    compiled = len(traces)
    assert 0 < compiled < 8
    beam_search(model, sources()[:, :2], 3, 5, 3, 4, 1.0)
    model.get_layer("decoder").ids.assign(-np.array(model.get_layer("decoder").ids))
    second = beam_search(model, sources(), 3, 8, START, END, 0.5, n_best=3)
    assert len(traces) == compiled
    assert (first.ids != second.ids).any()
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_no_sources(model):
    beams = beam_search(model, np.zeros((0, 5), int), 3, 8, START, END, n_best=2)
    assert (beams.ids.shape, beams.scores.shape) == ((0, 2, 8), (0, 2))


WRONG = [
    ({"beam_width": 0}, "at least 1. Received: beam_width=0"),
    ({"beam_width": 2.0}, "Received: beam_width=2.0"),
    ({"max_length": 0}, "at least 1. Received: max_length=0"),
    ({"n_best": 0}, "Received: n_best=0"),
    ({"n_best": 4}, "at most beam_width=3. Received: n_best=4"),
    ({"start_id": 0}, r"in \[1, 7\); 0 is padding. Received: start_id=0"),
    ({"end_id": 7}, r"Received: end_id=7"),
    ({"length_penalty": -1.0}, "at least 0. Received: length_penalty=-1.0"),
    ({"coverage_penalty": float("nan")}, "at least 0. Received: coverage_penalty=nan"),
    ({"source": [[1, 9]]}, r"ids in \[0, 9\). Received: 9 in source"),
    ({"source": [1, 2]}, r"shape \(2,\)"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments(model, arguments, message):
    right = {"source": sources(), "beam_width": 3, "max_length": 8, "start_id": 1, "end_id": 2}
    with pytest.raises(ValueError, match=message):
        beam_search(model, **{**right, **arguments})


def test_what_needs_attention():
    model = toy(7, attends=False)
    assert beam_search(model, sources(), 3, 8, START, END, 0.5).attention is None
    for arguments in ({"coverage_penalty": 0.1}, {"return_attention": True}):
        with pytest.raises(
            ValueError, match=r"needs a decoder with attention\. 'decoder' has none"
        ):
            beam_search(model, sources(), 3, 8, START, END, **arguments)


ON_JAX = """
import sys, keras, numpy as np, zoo
assert keras.backend.backend() == "jax"
data = np.load(sys.argv[2])
model = zoo.load(sys.argv[1])
beams = zoo.decoding.beam_search(model, data["source"], 3, 8, 1, 2, 0.6, 0.3, 3, True)
np.testing.assert_array_equal(beams.ids, data["ids"])
np.testing.assert_allclose(beams.scores, data["scores"], atol=1e-4)
np.testing.assert_allclose(beams.attention, data["attention"], atol=1e-5)
"""


@pytest.mark.jax
def test_on_jax(tmp_path):
    pytest.importorskip("jax", reason="needs the jax extra")
    model = zoo.transformer(SOURCES, 8, embedding_dim=8, num_heads=2)
    model.save(tmp_path / "model.keras")
    beams = beam_search(model, sources(), 3, 8, START, END, 0.6, 0.3, 3, True)
    parts = {"ids": beams.ids, "scores": beams.scores, "attention": beams.attention}
    np.savez(tmp_path / "data.npz", source=sources(), **parts)
    run_on_jax(ON_JAX, tmp_path / "model.keras", tmp_path / "data.npz")


@pytest.mark.parametrize(
    "arguments",
    [
        {"attention": "luong"},
        {"attention": "bahdanau", "attention_layer_size": 5, "input_feeding": False},
        {"attention": None},
        None,
    ],
)
def test_the_beams_of_a_source_share_its_memory(arguments):
    sizes = {"source_vocabulary_size": 9, "target_vocabulary_size": 8}
    if arguments is None:
        model = zoo.transformer(**sizes, num_layers=2, embedding_dim=8, num_heads=2)
    else:
        model = zoo.seq2seq(**sizes, units=4, embedding_dim=3, **arguments)
    decoder = model.get_layer("decoder")
    assert decoder.shares_memory
    memory = decoder.prepare(model.get_layer("encoder")(np.int32([[3, 4, 5], [6, 7, 0]])))
    of_each = {name: ops.repeat(part, 3, axis=0) for name, part in memory.items()}
    states = [decoder.initial_state(6, 2, each) for each in (memory, of_each)]
    for position in range(2):
        ids = np.int32([3, 4, 5, 6, 7, 3]) - position
        shared, repeated = (
            decoder.step(ids, state, position, each)
            for state, each in zip(states, (memory, of_each), strict=True)
        )
        states = shared[1], repeated[1]
        for ours, theirs in zip(*map(keras.tree.flatten, (shared, repeated)), strict=True):
            if ours is not None:  # weights, without attention
                np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_monotonic_walk_is_that_of_one_beam():
    model = zoo.seq2seq(9, 8, units=4, embedding_dim=3, attention="luong", monotonic=True)
    assert not model.get_layer("decoder").shares_memory
