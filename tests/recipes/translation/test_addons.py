"""`zoo train translation --engine addons`: TF-Addons beside the model, on the same pairs."""

import contextlib
import itertools
import json
import sys
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from recipes import translation
from recipes.errors import RunError
from recipes.translation.addons import runner, training
from recipes.translation.addons.training import EpochSeconds, Twin
from recipes.translation.translator import Translator

TINY = {
    "engine": "addons", "epochs": 3, "batch_size": 8, "learning_rate": 0.02, "tokenizer": "words",
    "max_length": 6, "model.units": 12, "model.embedding_dim": 6, "model.attention_layer_size": 12,
    "model.dropout": 0, "jit_compile": "false", "progress": "false",
}  # fmt: skip
# The quickest to trace, where the network is of no consequence.
QUICKEST = {
    "model.attention": "none", "model.attention_layer_size": None, "model.encoder": "plain",
    "model.cell": "gru",
}  # fmt: skip
# All pairs in one batch, so that no order matters: nothing is random but the first weights. And no
# Adam, which Keras 3 on TensorFlow computes otherwise for embeddings.
EXACT = {
    "batch_size": 48, "optimizer": "sgd", "label_smoothing": 0.1, "learning_rate": 1, "epochs": 20,
    "beam": 3,
}  # fmt: skip
SCORES = ["nll", "token_accuracy", "exact_match", "bleu", "chrf"]
BEAM = ["beam_exact_match", "beam_bleu", "beam_chrf"]
ENGLISH = ("one", "two", "three", "red", "blue", "cat", "dog", "runs")
SPANISH = ("uno", "dos", "tres", "rojo", "azul", "gato", "perro", "corre")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """60 sentences of one to four words, translated word by word."""
    rows = [row for size in (1, 2, 3, 4) for row in itertools.product(range(8), repeat=size)]
    chosen = [rows[n] for n in np.random.default_rng(0).choice(len(rows), 60, replace=False)]
    sides = [[" ".join(side[i] for i in row) for row in chosen] for side in (ENGLISH, SPANISH)]
    path = tmp_path_factory.mktemp("data") / "pairs.tsv"
    path.write_text("".join(f"{s}\t{t}\n" for s, t in zip(*sides, strict=True)))
    return path


@pytest.fixture(scope="module")
def train(trainer, data, quickly):
    """Calls `zoo train translation`; its own model decodes only where it is to be drawn."""

    @contextlib.contextmanager
    def quiet():
        instead = {
            "translate": lambda self, texts: ["uno"] * len(texts),
            "search": lambda self, texts, beam: [[("uno", 0.0)]] * len(texts),
            "attention": lambda self, texts: None,
        }
        with quickly(), mock.patch.multiple(Translator, **instead):
            yield

    return trainer("translation", quiet, data=data, **TINY)


@pytest.fixture
def installed(monkeypatch):
    """As if TF-Addons were there."""
    monkeypatch.setattr(runner, "check_installed", lambda: None)


@pytest.fixture
def answering(monkeypatch, installed):
    """A child process that translates everything rightly; what it was asked."""
    asked = []

    def answer(task, arrays, settings):
        asked.append((task, arrays, settings))
        found = {"seconds": np.array([9.0, 1.0, 3.0]), "parameters": np.array(1)}
        for split in ("validation", "test"):
            right = arrays[f"{split}/target"][:, 1:]
            found[f"{split}/log_probs"] = np.full((right != 0).sum(), -0.25, "float32")
            found[f"{split}/right"] = np.arange((right != 0).sum()) > 0
            found[f"{split}/greedy"] = right
            found[f"{split}/beam"] = np.where(right == 2, 3, right)  # goes on behind the end
        return found

    monkeypatch.setattr(training, "run", answer)
    return asked


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text())


@pytest.mark.slow  # the child is asked every day, in the test below
def test_the_report_has_a_row_for_addons(train, answering):
    run = train(beam=2, **QUICKEST)
    metrics = metrics_of(run)
    for part in ("validation", "test"):
        found = metrics["baselines"]["TF-Addons"][part]
        assert list(found) == [*SCORES, *BEAM, "epoch_seconds"] == list(metrics[part])
        assert (found["nll"], found["exact_match"], found["bleu"]) == (0.25, 1.0, 100.0)
        assert 0.9 < found["token_accuracy"] < 1.0
        assert found["beam_exact_match"] == 0.0
        assert found["epoch_seconds"] == 2.0  # the median of all but the first
        assert 0 < metrics[part]["epoch_seconds"] < metrics["seconds"]
    assert len(answering) == 1
    text = (run / "report.md").read_text()
    for line in ("| beam_chrf | epoch_seconds |", "| TF-Addons | test | 0.25 |", "- TF-Addons is"):
        assert line in text
    assert (run / "model.keras").exists()


def test_the_child_gets_the_data_weights_and_flags_of_the_run(train, answering):
    train(sampling="embedding", epochs=2, warmup=0.25, optimizer="sgd", **{"model.dropout": 0.2})
    ((task, arrays, settings),) = answering
    assert task == "recipes.translation.addons.book:train"
    assert [len(arrays[f"{s}/source"]) for s in ("train", "validation", "test")] == [48, 6, 6]
    assert len(arrays["test/questions"]) == 6
    np.testing.assert_array_equal(arrays["test/questions"], arrays["test/source"])
    assert arrays["rates"].shape == arrays["probabilities"].shape == (2 * 6,)
    assert arrays["rates"].max() == pytest.approx(0.02)
    assert arrays["rates"].argmax() == 3  # warm-up is over
    np.testing.assert_allclose(arrays["probabilities"][[0, 3, 6, 11]], [0, 0.25, 0.5, 0.5])
    assert settings["optimizer"] == "SGD"
    assert settings["optimizer_arguments"]["momentum"] == 0.9
    assert settings["optimizer_arguments"]["clipnorm"] == 1.0
    assert (settings["dropout"], settings["batch_size"], settings["beam"]) == (0.2, 8, 1)
    assert settings["description"]["attention"] == "luong"
    json.dumps(settings)


def test_first_weights_are_those_before_training(data, installed):
    arguments = {"units": 12, "embedding_dim": 6}
    settings = {
        "data": str(data),
        "tokenizer": "words",
        "batch_size": 8,
        "model_arguments": arguments,
    }
    config = replace(translation.default_config(own_data=True), engine="addons", **settings)
    config.validate()
    task = translation.load_data(config)
    built = translation.build_model(config, task)
    (twin,) = built.baselines.values()
    assert built.callbacks == (twin.clock,)
    before = sum(weight.size for weight in twin.weights.values())
    assert before == built.training_model.count_params()
    kernel = twin.weights["weight/output_kernel"].copy()
    weights = built.training_model.get_weights()
    built.training_model.set_weights([weight + 1 for weight in weights])
    np.testing.assert_array_equal(twin.weights["weight/output_kernel"], kernel)


def test_the_clock_goes_on_after_a_resume():
    clock = EpochSeconds()
    clock.on_train_begin()
    clock.on_epoch_begin(0)
    clock.on_epoch_end(0)
    state = json.loads(json.dumps(clock.get_state()))
    other = EpochSeconds()
    other.on_train_begin()
    other.set_state(state)
    other.on_epoch_begin(1)
    other.on_epoch_end(1)
    assert other.seconds[0] == clock.seconds[0]
    assert len(other.seconds) == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"model": "transformer"}, "--engine addons is for seq2seq: leave it out for transformer."),
        ({"ema": 0.99}, "--engine addons knows no --ema 0.99: choose another, or leave the engine"),
        ({"optimizer": "muon"}, "--engine addons knows no --optimizer muon: choose another"),
        ({"schedule": "plateau"}, "--engine addons knows no --schedule plateau"),
        ({"schedule": "1cycle"}, "--engine addons knows no --schedule 1cycle"),
        ({"precision": "bfloat16"}, "--engine addons knows no --precision bfloat16"),
        ({"engine": "theano"}, "Expected --engine to be one of keras, addons. Received: theano"),
        ({"model.sampling": "output"}, "--model.sampling follows from the other flags"),
    ],
)
def test_mistakes_end_with_status_2_and_write_nothing(train, installed, capsys, flags, message):
    check(train(status=2, **flags), capsys, message)


def test_the_extra_must_be_installed(train, capsys, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 11, 7))
    monkeypatch.setattr(runner, "is_installed", lambda: False)
    message = "Expected the package tensorflow-addons. Received: a Python without it. Install the"
    check(train(status=2), capsys, message)


def test_python_must_be_3_11(train, capsys, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    message = "Expected Python 3.11, the last one that tensorflow-addons was made for. Received: P"
    check(train(status=2), capsys, message)


def check(folder, capsys, message):
    error = capsys.readouterr().err
    assert error.startswith(f"zoo: {message}")
    assert error.count("\n") == 1
    assert not folder.exists()


@pytest.mark.slow  # every day, other runs that ended are taken up
def test_a_run_whose_child_failed_can_be_resumed(train, installed, monkeypatch, capsys):
    from recipes.cli import main

    def fail(*arguments):
        raise RunError("TF-Addons failed at 'train'")

    monkeypatch.setattr(training, "run", fail)
    run = train(status=1, epochs=1, **QUICKEST)
    assert "zoo: TF-Addons failed at 'train'" in capsys.readouterr().err
    assert (run / "model.keras").exists()
    assert not (run / "metrics.json").exists()
    monkeypatch.setattr(Twin, "answers", lambda twin, split: twin.task.predict(Right(), split))
    assert main(["train", "--resume", str(run)]) == 0
    assert metrics_of(run)["test"]["epoch_seconds"] > 0


class Right:
    def translate(self, texts):
        return ["uno"] * len(texts)


# The child itself


@pytest.mark.addons
@pytest.mark.parametrize(
    "arguments",
    [
        {"input_feeding": "true"},
        {"cell": "gru", "attention": "bahdanau", "normalize": "true", "num_layers": 2},
    ],
)
def test_addons_learns_exactly_the_same(train, arguments):
    """Every update is the same, so all scores are: loss, mask, optimizer and decoders agree."""
    skip_without_addons()
    metrics = metrics_of(
        train(draw=True, **EXACT, **{f"model.{k}": v for k, v in arguments.items()})
    )
    assert metrics["validation"]["nll"] < 2.3  # it has learned: log 12 is 2.5
    for part in ("validation", "test"):
        found = metrics["baselines"]["TF-Addons"][part]
        for name in (*SCORES, *BEAM):
            assert found[name] == pytest.approx(metrics[part][name], rel=1e-3, abs=1e-9), name
        assert found["epoch_seconds"] > 0


@pytest.mark.addons
@pytest.mark.parametrize("sampling", ["embedding", "output"])
def test_addons_learns_with_dropout_and_scheduled_sampling(train, sampling):
    skip_without_addons()
    dropout = {"model.dropout": 0.1, "model.num_layers": 2}
    run = train(sampling=sampling, epochs=30, sampling_probability=0.3, compiled=True, **dropout)
    found = metrics_of(run)["baselines"]["TF-Addons"]["test"]
    assert found["token_accuracy"] > 0.5  # 1/8 by chance


def skip_without_addons():
    if not runner.is_installed():
        pytest.skip("needs the addons extra")
