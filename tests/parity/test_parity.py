"""Equal weights and inputs give what TF-Addons gave: scores, alignments, logits, ids and beams.

What it gave is recorded (`python -m tests.parity.record`), for 200 configurations and more. With
the extra `addons`, the tests with that marker ask it again.
"""

import itertools
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

import zoo
from recipes.translation.addons import runner
from recipes.translation.addons.weights import describe, variables
from scripts.benchmarks.addons import compare_beam_search
from tests.parity import record
from tests.parity.configurations import (
    END,
    SHARPNESS,
    START,
    Configuration,
    inputs,
    shapes,
    weights,
)
from tests.shared import assert_close, every_day
from zoo.decoding import beam_search, decode, sources

RECORDED = Path(__file__).parent / "recorded"
FILES = sorted(RECORDED.glob("[0-9]*.npz"))
NEW_DRAWS = 2  # of each shape, where TF-Addons is asked


def graph(function):
    """The function, traced once: its steps are many and small."""
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function)


class Ours:
    """This project's model of one shape, with one configuration's weights at a time."""

    def __init__(self, configuration):
        self.model = zoo.seq2seq(**configuration.model_arguments)
        self.encoder = self.model.get_layer("encoder")
        self.decoder = self.model.get_layer("decoder")
        self._forced = graph(self._forced)
        self._sampled = {kind: graph(self._sampled(kind)) for kind in ("embedding", "output")}

    def set(self, configuration):
        """Takes over a configuration's weights and inputs."""
        self.configuration = configuration
        given, places = weights(configuration), variables(self.model)
        assert set(places) == set(given)
        assert len(places) == len(self.model.trainable_variables)
        for name, variable in places.items():
            variable.assign(given[name])
        self.inputs = inputs(configuration)

    def answers(self, configuration):
        """Everything that TF-Addons answers, under the same names."""
        self.set(configuration)
        found = {name: np.asarray(array) for name, array in self._forced(**self.inputs).items()}
        assert_close(found.pop("whole"), found["logits"])
        return {
            **found,
            **self.beams(),
            "greedy_ids": self.greedy(),
            "output_sampled_logits": self.scheduled("output"),
            "sampled_logits": self.scheduled("embedding", SHARPNESS) / np.float32(SHARPNESS),
        }

    def _forced(self, source, target):
        """What happens if the target is read: at once, and step by step."""
        decoder, cell = self.decoder, self.decoder.cell
        found = {"cell_outputs": [], "logits": []}
        if cell.attention is not None:
            found |= {"scores": [], "alignments": []}
        memory = decoder.prepare(self.encoder(source))
        state = decoder.initial_state(*target.shape, memory)
        top = len(cell.cell_state_sizes) * (len(cell.cells) - 1) // len(cell.cells)
        for position in range(target.shape[1]):
            logits, state, alignments = decoder.step(target[:, position], state, position, memory)
            found["logits"].append(logits)
            found["cell_outputs"].append(state[top])
            if alignments is not None:
                scores = cell.attention.score(ops.expand_dims(state[top], 1), memory["keys"])
                found["scores"].append(scores[:, 0] + getattr(cell.attention, "bias", 0.0))
                found["alignments"].append(alignments)
        found = {name: ops.stack(parts, axis=1) for name, parts in found.items()}
        return {**found, "whole": self.model({"source": source, "target": target})}

    def _sampled(self, kind):
        def call(target, memory, replace, uniform):
            self.decoder.sampling = kind
            return self.decoder.scheduled(target, memory, replace, uniform)

        return call

    def scheduled(self, kind, sharpness=1.0, repeats=1, replace=None, uniform=None):
        """Logits of scheduled sampling; by default, every input but the first is replaced."""
        # With large logits, whatever is drawn is the largest.
        for variable in self.decoder.head.variables:
            variable.assign(variable * sharpness)
        memory, target = self.encoder(self.inputs["source"]), self.inputs["target"]
        memory = {name: ops.repeat(part, repeats, axis=0) for name, part in memory.items()}
        target = np.repeat(target, repeats, axis=0)
        replace = np.ones(target.shape, bool) if replace is None else replace
        uniform = np.full(target.shape, 0.5, "float32") if uniform is None else uniform
        arguments = map(ops.convert_to_tensor, (replace, uniform))
        logits = self._sampled[kind](ops.convert_to_tensor(target), memory, *arguments)
        for variable in self.decoder.head.variables:
            variable.assign(variable / sharpness)
        return np.asarray(logits)

    def greedy(self):
        return decode(self.model, self.inputs["source"], self.configuration.max_length, START, END)

    def beams(self):
        c = self.configuration
        beams = beam_search(
            self.model, self.inputs["source"], c.beam_width, c.max_length, START, END,
            c.length_penalty, c.coverage_penalty, n_best=c.beam_width,
            return_attention=c.attention is not None,
        )  # fmt: skip
        found = {"ids": beams.ids, "scores": beams.scores, "lengths": beams.lengths}
        if beams.attention is not None:
            found["attention"] = beams.attention
        return {f"beam_{name}": array for name, array in found.items()}


def assert_equal(found, expected, label):
    """Ids are the same, and all else is close."""
    assert set(found) == set(expected)
    for name, array in expected.items():
        message = f"{name} of {label}"
        if array.dtype.kind == "i":
            np.testing.assert_array_equal(found[name], array, err_msg=message)
        else:
            assert_close(found[name], array, err_msg=message)


@pytest.fixture
def without_xla(monkeypatch):
    """Compiling dozens of loops with XLA would take minutes."""
    never = property(lambda loop: False, lambda loop, value: None)
    monkeypatch.setattr(sources.Loop, "jit_compile", never)


@pytest.mark.usefixtures("without_xla")
# The first files have every cell and attention; the others, more shapes of them.
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if index >= 2 else [])
        for index, path in enumerate(FILES)
    ],
)
def test_what_addons_answered(path):
    pairs = record.read(path)
    ours = Ours(pairs[0][0])
    for configuration, expected in pairs:
        assert_equal(ours.answers(configuration), expected, configuration)


@pytest.mark.slow
def test_what_addons_answered_with_xla():
    path = next(path for path in FILES if "luong_lstm" in path.name)
    pairs = record.read(path)
    ours = Ours(pairs[0][0])
    for configuration, expected in pairs:
        assert_equal(ours.answers(configuration), expected, configuration)


def test_the_record_holds_every_kind_and_enough():
    pairs = [pair for path in FILES for pair in record.read(path)]
    assert len(pairs) >= 200
    assert sum(path.stat().st_size for path in RECORDED.iterdir()) <= 2e6
    kinds = [describe(Ours(record.read(path)[0][0]).model) for path in FILES]
    for name, values in {
        "cell": {"lstm", "gru"}, "attention": {None, "luong", "bahdanau"}, "num_layers": {1, 2},
        "score_scale": {True, False}, "normalize": {True, False}, "monotonic": {True, False},
        "encoder": {"plain", "bidirectional"}, "input_feeding": {True, False},
    }.items():  # fmt: skip
        assert {kind[name] for kind in kinds} == values
    for name in ("length_penalty", "coverage_penalty"):
        assert {getattr(configuration, name) > 0 for configuration, _ in pairs} == {True, False}
    # Rows that end, rows that never do, beams of different lengths in a row.
    lengths = [(c.max_length, found["beam_lengths"]) for c, found in pairs]
    assert any((found == longest).any() for longest, found in lengths)
    assert any((found < longest).all() for longest, found in lengths)
    assert any(np.ptp(found, axis=1).any() for _, found in lengths)


def expected_logits(ours, kind, share):
    """Mean logits of scheduled sampling over all that can happen, `(time, vocabulary)`."""
    if kind == "output":
        coins = np.array(list(itertools.product((False, True), repeat=2)))
        chance = np.where(coins, share, 1 - share).prod(axis=1)
        replace = np.pad(coins, ((0, 0), (1, 0)))
        return np.einsum("i,itv->tv", chance, ours.scheduled(kind, 1.0, 4, replace))
    size, target = ours.configuration.target_vocabulary_size, ours.inputs["target"]
    # Every target (start, i, j), at once.
    ids = np.array([(START, *pair) for pair in itertools.product(range(size), repeat=2)], "int32")
    memory = ours.encoder(ours.inputs["source"])
    memory = {name: ops.repeat(part, len(ids), axis=0) for name, part in memory.items()}
    logits = np.asarray(ours.decoder(ids, memory), "float64")
    chances = np.exp(logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True))
    weight = 1.0
    for step in (1, 2):
        drawn = np.take_along_axis(chances[:, step - 1], ids[:, step : step + 1], axis=1)[:, 0]
        weight = weight * (share * drawn + (1 - share) * (ids[:, step] == target[0, step]))
    np.testing.assert_allclose(weight.sum(), 1.0, atol=1e-5)
    return np.einsum("i,itv->tv", weight, logits)


def check_expectation(case, mean, error):
    """TF-Addons' mean and ours are as far from the expectation as chance allows."""
    kind, share = case["kind"], case["probability"]
    configuration = Configuration(**case["configuration"])
    ours = Ours(configuration)
    ours.set(configuration)
    expected = expected_logits(ours, kind, share)
    shape = 4000, configuration.target_length
    random = np.random.default_rng(0)
    coins, uniform = random.random(shape) < share, random.random(shape, "float32")
    logits = ours.scheduled(kind, 1.0, len(coins), coins, uniform).astype("float64")
    own_error = logits.std(axis=0) / np.sqrt(len(coins))
    assert np.all(np.abs(mean - expected) < 4.5 * error + 1e-5)
    assert np.all(np.abs(logits.mean(axis=0) - expected) < 4.5 * own_error + 1e-5)
    assert 0 < error.max() < 0.1  # so that the comparison means something


CASES = record.expectation_settings()["cases"]


@pytest.mark.parametrize("index", every_day((0, 7), range(len(CASES))))
def test_scheduled_sampling_in_expectation(index):
    with np.load(RECORDED / "scheduled.npz") as arrays:
        check_expectation(CASES[index], arrays[f"{index}/mean"], arrays[f"{index}/error"])


@pytest.mark.addons
@pytest.mark.timeout(1200)  # one process for all: minutes, and more where others compute too
def test_addons_still_answers_what_is_recorded():
    skip_without_addons()
    # A third of each shape: their penalties differ.
    pairs = [pair for path in FILES for pair in record.read(path)[::3]]
    answers = record.ask([configuration for configuration, _ in pairs])
    for (configuration, expected), found in zip(pairs, answers, strict=True):
        found.pop("margin")
        assert_equal(found, expected, configuration)


@pytest.mark.addons
@pytest.mark.usefixtures("without_xla")
def test_new_configurations():
    skip_without_addons()
    for pairs in record.chosen(shapes(seed=1), seed=1000, number=NEW_DRAWS):
        ours = Ours(pairs[0][0])
        for configuration, expected in pairs:
            assert_equal(ours.answers(configuration), expected, configuration)


@pytest.mark.addons
def test_addons_beam_search_can_be_timed():
    skip_without_addons()
    configuration = Configuration(attention="luong", encoder="bidirectional", batch_size=4)
    ours = Ours(configuration)
    ours.answers(configuration)
    found = compare_beam_search(ours.model, ours.inputs["source"], START, END, 7, repeats=2)
    assert found["same"] == 1.0
    assert min(found["zoo"], found["addons"]) > 0


def skip_without_addons():
    if not runner.is_installed():
        pytest.skip("needs the addons extra")
