"""The benchmark of the recipe translation, on tiny models that have learned nothing."""

import json
from dataclasses import replace
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest

import zoo
from recipes import translation
from recipes.engine.arguments import parse
from recipes.engine.folder import RunFolder
from recipes.errors import UserError
from recipes.translation.translator import Translator
from scripts.benchmarks import __main__ as program
from scripts.benchmarks import decoding_speed, notebook, padded_loop, padding, runs
from scripts.benchmarks import translation as benchmark
from scripts.benchmarks import translation_scores as scores
from scripts.benchmarks import translation_speed as speed
from scripts.benchmarks.runs import Row

TINY = {
    "tokenizer": "words", "max_length": 6, "model.units": 8, "model.embedding_dim": 4,
    "model.attention_layer_size": 8, "beam": 5,
}  # fmt: skip
WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
METRICS = {
    "recipe": "translation", "parameters": 9, "epochs": 1, "seconds": 61.2,
    "test": {
        "exact_match": 0.25, "bleu": 20.0, "chrf": 30.0,
        "beam_exact_match": 0.5, "beam_bleu": 19.0, "beam_chrf": 29.0,
    },
    "baselines": {"nearest source": {"test": {"exact_match": 0.0, "bleu": 2.0, "chrf": 3.0}}},
}  # fmt: skip
DATES = next(iter(benchmark.SCORED))


@pytest.fixture(scope="module")
def pairs():
    rows = [
        [WORDS[i % 8], WORDS[i // 8], WORDS[-i % 5], WORDS[i % 3]][: 3 + i % 2] for i in range(64)
    ]
    return [(" ".join(row), " ".join(reversed(row))) for row in rows]


@pytest.fixture(scope="module")
def flags(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("data") / "pairs.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs))
    return [f"--{name}={value}" for name, value in {"data": path, **TINY}.items()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, flags):
    """Runs that a former call left, with a model that has learned nothing."""
    folder = tmp_path_factory.mktemp("benchmark")
    for name in ("dates-luong", "sub-words"):
        where = [f"--logdir={folder}", f"--name={name}-seed-1"]
        config = parse("translation", [*flags, *where])
        task = translation.load_data(config)
        keras.utils.set_random_seed(1)
        run = RunFolder.plan("translation", config)
        run.create(
            config=run.config_text("translation", config, data_sha256=task.sha256, **task.metadata)
        )
        translation.build_model(config, task).model.save(run.model)
        run.write_metrics(METRICS)
    return folder


@pytest.fixture(scope="module")
def run(folder):
    return folder / "translation" / "dates-luong-seed-1"


@pytest.fixture(scope="module")
def model(run):
    return zoo.load(run)


def measure(folder, name):
    """The section of a row, measured from what is there: training is an error."""
    with mock.patch.object(runs, "_train", side_effect=AssertionError):
        (text,) = benchmark.measure([name], 1, folder, False).values()
    return text


def cells(text, name):
    """The cells of the row of this name, by the table's header."""
    table = [line.strip("| ").split(" | ") for line in text.split("\n") if line.startswith("|")]
    (row,) = [line for line in table if line[0] == name]
    return dict(zip(table[0], row, strict=True))


# Scores


@pytest.mark.slow  # as all that builds models here: what is said of them is tested every day
def test_dates_are_compared_with_the_bars(folder, monkeypatch):
    monkeypatch.setitem(benchmark.SCORED, DATES, ([benchmark.DATES[1]], None, scores.dates))
    check = {"same": 1.0, "difference": 2e-6}
    with mock.patch.object(scores, "padding_check", return_value=check) as checked:
        for _ in range(2):
            found = cells(measure(folder, "dates-luong"), "luong")
            assert list(found.values()) == [
                "luong", "1", "25", "12", "0.250000", "1", "100.00%", "2e-06", "**no**", "61",
            ]  # fmt: skip
    checked.assert_called_once()  # it is kept
    assert len(checked.call_args.args[1]) == 6
    assert checked.call_args.args[2] == 6


def test_a_row_of_dates_needs_all_that_it_names(tmp_path):
    def table(exact=1.0, epochs=5, same=1.0, name="dates-none"):
        run = tmp_path / f"{name}-seed-1"
        run.mkdir(exist_ok=True)
        (run / "padding.json").write_text(json.dumps({"same": same, "difference": 1e-6}))
        row = Row(name, (), "exact_match", None, 1.0, part="test")
        result = {
            "recipe": "translation",
            "epochs": epochs,
            "seconds": 1.0,
            "test": {"exact_match": exact},
        }
        text = scores.dates([row], {name: [result]}, tmp_path)
        return cells(text, name.removeprefix("dates-"))["reached"]

    assert table() == "yes"
    assert table(epochs=12, name="dates-bahdanau") == "yes"
    for wrong in ({"exact": 0.9995}, {"epochs": 6}, {"same": 0.9995}):
        assert table(**wrong) == "**no**", wrong


@pytest.mark.slow
def test_beam_search_is_scored_with_and_without_the_length_penalty(folder):
    def search(self, texts, beam, length_penalty):
        assert (beam, length_penalty) == (5, 0.6)
        return [[(" ".join(reversed(text.split())), -1.0)] for text in texts]

    with mock.patch.object(Translator, "search", search):
        text = measure(folder, "sub-words")
    assert cells(text, "greedy")["BLEU"] == "20.000000"
    assert cells(text, "beam 5")["BLEU"] == "19.000000"
    penalized = cells(text, "beam 5, length penalty 0.6")
    assert penalized["BLEU"] == "100"
    assert penalized["exact match"] == "1.000000"
    assert cells(text, "nearest source")["chrF"] == "3.000000"
    assert "no worse than greedy, in BLEU: **no**; with the length penalty: yes" in text


def test_the_book_is_compared_by_validation_token_accuracy():
    row = benchmark.BOOK[0]
    result = {"recipe": "translation", "parameters": 9, "epochs": 10, "seconds": 60.0}
    for accuracy, reached in {0.72: "yes", 0.70: "**no**"}.items():
        result["validation"] = {"token_accuracy": accuracy}
        text = scores.book([row], {row.name: [result]}, None)
        found = cells(text, "attention")
        assert (found["book and bar"], found["reached"]) == ("0.711100", reached)


def test_rows_without_data_are_named():
    row = benchmark.BOOK[0]
    text = runs.section([row], {row.name: []}, None, scores.book)
    assert text == f"Not run, as the data could not be downloaded: {row.name}."


def test_a_row_for_every_kind_of_attention():
    arguments = [" ".join(row.flags) for row in benchmark.DATES]
    assert len(set(arguments)) == len(arguments) == 9
    for kind in ("none", "luong", "bahdanau", "bahdanau --model.monotonic true"):
        assert any(f"attention {kind}" in each for each in arguments)
    assert "translation" in program.BENCHMARKS


# Padding


@pytest.mark.slow
def test_padding_changes_no_answer(model, pairs):
    found = padding.padding_check(model, [source for source, _ in pairs[:9]], 6, widths=(8, 17))
    assert (found["same"], found["sentences"]) == (1.0, 9)
    assert found["difference"] < 1e-4


@pytest.mark.slow
def test_the_check_of_padding_finds_what_padding_changes(model, pairs):
    texts = [source for source, _ in pairs[:9]]

    def decode(model, source, *others):
        return zoo.decoding.decode(model, source, *others) + (source.shape[1] > 9)

    with mock.patch.object(padding, "decode", decode):
        assert padding.padding_check(model, texts, 6, widths=(8, 17))["same"] == 0
    masks = model.get_layer("encoder").get_layer("mask")
    with mock.patch.object(masks, "call", lambda ids: ids >= 0):
        assert padding.padding_check(model, texts, 6, widths=(8, 17))["difference"] > 1e-3


# Speed


@pytest.mark.slow
def test_the_loop_of_the_book_decodes_greedily(model):
    source = np.int32([[3, 4, 5, 0], [6, 0, 0, 0]])
    end = zoo.tokenizer(model, "target").end_id
    for variable in model.get_layer("decoder").head.variables[1:]:
        before = np.asarray(variable)
        variable.assign(before - 100 * (np.arange(len(before)) == end))  # it never ends
        found = decoding_speed.greedy_speed(model, source, steps=3, repeats=2)
        variable.assign(before)
    assert (found["same"], found["rows"], found["steps"]) == (1.0, 2, 3)
    assert min(found["ratio"], found["loop"], found["zoo"]) > 0


@pytest.mark.slow
def test_decoding_takes_the_model_of_a_run(run):
    found = {"ratio": 12.3, "interval": 0.4, "zoo": 0.002, "loop": 0.1, "same": 1.0}
    with mock.patch.object(speed, "greedy_speed", return_value=found) as timed:
        text = speed.greedy_text(speed.greedy(run))
    assert len(timed.call_args.args[1]) == 2
    assert cells(text, "dates-luong")["reached"] == "yes"
    with mock.patch.object(
        speed, "compare_beam_search", return_value={"zoo": 0.1, "addons": 0.3, "same": 0.5}
    ) as compared:
        text = speed.beam_text(speed.beam(run))
    assert compared.call_args.args[2:] == (1, 2, 6, 5)
    assert "3.0 times as long (faster: yes)" in text
    assert "50.0%" in text


def test_what_cannot_be_measured_is_said_and_tried_again(tmp_path):
    def without():
        raise UserError("Install the extra.")

    path = tmp_path / "decoding-beam-characters.json"
    assert "Install the extra." in runs.kept_text(path, without, speed.beam_text)
    assert not path.exists()
    found = {"name": "dates", "sentences": 2, "zoo": 2.0, "addons": 1.0, "same": 1.0}
    text = runs.kept_text(path, lambda: found, speed.beam_text)
    assert "faster: **no**" in text
    assert runs.kept_text(path, without, speed.beam_text) == text


def test_a_model_that_is_not_trained_is_named(tmp_path):
    with pytest.raises(UserError, match="--only sub-words"):
        benchmark._trained(benchmark.SUB_WORDS, Path(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("build", notebook.NETWORKS.values())
def test_the_networks_of_the_notebook_know_what_is_padding(build):
    keras.utils.set_random_seed(1)
    model = build(9, units=8)
    ids = np.int32([[3, 4, 5], [6, 7, 0]])
    wide = np.pad(ids, ((0, 0), (0, 4)))
    short, long = (np.asarray(model({"source": x, "target": x})) for x in (ids, wide))
    np.testing.assert_allclose(long[0, :3], short[0], atol=1e-5)
    np.testing.assert_allclose(long[1, :2], short[1, :2], atol=1e-5)
    changed = np.where(np.arange(3) == 2, 8, ids)
    later = np.asarray(model({"source": ids, "target": changed}))
    np.testing.assert_allclose(later[:, :2], short[:, :2], atol=1e-5)
    assert not np.allclose(later[0, 2], short[0, 2])


def test_arrays_are_padded_to_50():
    targets = np.int32([[1, 5, 6, 2], [1, 7, 2, 0]])
    inputs, labels = padded_loop.padded_arrays(np.int32([[3, 4], [5, 0]]), targets)
    assert inputs["source"].shape == inputs["target"].shape == labels.shape == (2, 50)
    assert inputs["target"][:, :4].tolist() == [[1, 5, 6, 0], [1, 7, 0, 0]]
    assert labels[:, :4].tolist() == [[5, 6, 2, 0], [7, 2, 0, 0]]
    assert not labels[:, 4:].any()
    assert not inputs["source"][:, 2:].any()


@pytest.mark.slow
def test_an_epoch_is_timed_against_the_notebook(flags, monkeypatch):
    def tiny(recipe, arguments):
        config = parse(recipe, arguments)
        return replace(config, model_arguments={**config.model_arguments, "units": 8})

    monkeypatch.setattr(padded_loop, "parse", tiny)
    monkeypatch.setattr(padded_loop, "STRETCH", 1)
    small = {"ml3-ch16-123": lambda size: notebook.recurrent(size, 8, 8)}
    monkeypatch.setattr(padded_loop, "NETWORKS", small)

    def in_turn(fits, turn):
        for fit in fits[1], fits[3]:  # the others take no other data
            fit([])
        return [np.full((3, 2), seconds) for seconds in (8.0, 2.0, 9.0, 5.0)]

    monkeypatch.setattr(padded_loop, "train_in_turn", in_turn)
    task = translation.load_data(parse("translation", [*flags, "--batch_size=32"]))
    found = padded_loop.epoch_speed("ml3-ch16-123", steps=2, task=task)
    pairs = len(task.pairs["train"])
    assert found["epoch"] == dict.fromkeys(found["seconds"], -(-pairs // 32)) | {
        "recipe": pairs // 32
    }
    assert found["seconds"]["recipe"] == 2
    assert found["fastest"] == "notebook without XLA"
    ratio = 2 * (pairs // 32) / (5 * -(-pairs // 32))
    assert found["ratio"][found["fastest"]] == pytest.approx(ratio)
    text = speed.epoch_text({"preset": "ml3-ch16-123", **found})
    assert cells(text, "recipe")["steps an epoch"] == str(pairs // 32)
    assert cells(text, "padded")["ms a step"] == "8000"
    assert "faster one (notebook without XLA): yes" in text
