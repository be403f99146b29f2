"""The benchmark of the recipe text_classification, on tiny models that have learned nothing."""

from dataclasses import replace
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest

import zoo
from recipes import text_classification
from recipes.engine.arguments import parse
from recipes.engine.folder import RunFolder
from recipes.errors import UserError
from recipes.text_classification.data import reber
from scripts.benchmarks import __main__ as program
from scripts.benchmarks import runs
from scripts.benchmarks import text_classification as benchmark
from scripts.benchmarks import text_classification_scores as scores
from scripts.benchmarks import text_classification_speed as speed
from scripts.benchmarks.runs import Row

TINY = {
    "model.encoder": "gru", "model.units": 4, "model.embedding_dim": 4, "max_length": 12,
    "model.pooling": "mean", "model.num_layers": 1, "model.ngrams": 1, "batch_size": 8, "epochs": 3,
}  # fmt: skip


def metrics(validation=1.0, test=1.0, epochs=10, seconds=61.2, baseline=0.9):
    return {
        "recipe": "text_classification",
        "parameters": 9,
        "epochs": epochs,
        "seconds": seconds,
        "validation": {"accuracy": validation},
        "test": {"accuracy": test},
        "baselines": {
            "majority": {part: {"accuracy": 0.5} for part in ("validation", "test")},
            "tfidf_logistic_regression": {
                "validation": {"accuracy": 0.6},
                "test": {"accuracy": baseline},
            },
        },
    }


def save(folder, name, *flags):
    """A run that a former call left, with a model that has learned nothing."""
    where = [f"--logdir={folder}", f"--name={name}-seed-1"]
    config = parse("text_classification", [*flags, *where])
    task = text_classification.load_data(config)
    keras.utils.set_random_seed(1)
    run = RunFolder.plan("text_classification", config)
    run.create(
        config=run.config_text(
            "text_classification", config, data_sha256=task.sha256, **task.metadata
        )
    )
    text_classification.build_model(config, task).model.save(run.model)
    run.write_metrics(metrics())
    return run.path


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    """Texts of one to fifteen words, each of which tells its class."""
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    rows = [(f"{('bad', 'good')[i % 2]} film {i}" + " and" * (i % 13), i % 2) for i in range(80)]
    path.write_text("text,target\n" + "".join(f"{text},{label}\n" for text, label in rows))
    return [f"--{name}={value}" for name, value in {"data": path, **TINY}.items()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, flags):
    folder = tmp_path_factory.mktemp("benchmark")
    few = {"train": 40, "validation": 8, "test": 8}
    tiny = [f"--model.{name}=2" for name in ("units", "embedding_dim")]
    with mock.patch.object(reber, "SIZES", few):
        save(folder, "reber-default", *tiny, "--calibrate=false")
    save(folder, "imdb-unmasked", *flags, "--model.mask=false", "--bucketing=false")
    save(folder, "imdb-masked", *flags)
    return folder


def measure(folder, *names):
    """The section of a row, measured from what is there: training is an error."""
    with mock.patch.object(runs, "_train", side_effect=AssertionError):
        (text,) = benchmark.measure(names, 1, folder, False).values()
    return text


def cells(text, name):
    """The cells of the row of this name, by the table's header."""
    table = [line.strip("| ").split(" | ") for line in text.split("\n") if line.startswith("|")]
    (row,) = [line for line in table if line[0] == name]
    return dict(zip(table[0], row, strict=False))


# Reber strings


@pytest.mark.slow  # as all that builds models here: what is said of them is tested every day
def test_the_saved_model_is_asked_for_the_tricky_strings(folder):
    run = folder / "text_classification" / "reber-default-seed-1"
    model = zoo.load(run)
    head = model.get_layer("text_classifier").get_layer("head")
    before = head.get_weights()
    for bias in (-3.0, 3.0):
        head.set_weights([0 * before[0], before[1] * 0 + bias])
        with mock.patch.object(zoo, "load", return_value=model):
            np.testing.assert_allclose(scores._tricky(run), [1 / (1 + np.exp(-bias))] * 2, 1e-5)
    found = scores._tricky(run)
    ids = zoo.tokenizer(model).encode(list(reber.TRICKY))
    np.testing.assert_allclose(found, np.asarray(zoo.load(run)(ids))[:, 0], rtol=1e-5)


@pytest.mark.slow
def test_reber_rows_are_kept_and_compared(folder):
    with mock.patch.object(scores, "_tricky", return_value=[0.1, 0.9]) as asked:
        for _ in range(2):
            text = measure(folder, "reber-default")
            found = cells(text, "reber-default")
            assert list(found.values()) == [
                "reber-default", "9", "10", "10", "1.000000", "1.000000", "10.00%", "90.00%",
                "1 of 1", "yes", "61",
            ]  # fmt: skip
    asked.assert_called_once()
    assert cells(text, "tfidf_logistic_regression")["test"] == "0.900000"


def test_a_reber_row_needs_all_that_it_names(tmp_path):
    def table(tricky=((0.1, 0.9), (0.2, 0.8)), flags=(), second=1.0, epochs=10):
        row = Row("reber", flags, "accuracy", 1.0)
        results = [metrics(), metrics(second, epochs=epochs)]
        with mock.patch.object(scores, "kept_of_runs", return_value=list(tricky)):
            return cells(scores.reber([row], {"reber": results}, tmp_path), "reber")

    assert table()["reached"] == "yes"
    assert (table()["tricky: corrupted"], table()["valid"]) == ("20.00%", "80.00%")
    assert table(epochs=20, flags=("--preset", "ml2-ch16-130"))["reached"] == "yes"
    wrong = {"second": 0.9995}, {"epochs": 11}
    for each in (*wrong, {"tricky": ((0.1, 0.9), (0.6, 0.9))}, {"tricky": ((0, 1), (0, 0.4))}):
        assert table(**each)["reached"] == "**no**", each
    assert table(tricky=((0.1, 0.9), (0.6, 0.9)))["right"] == "1 of 2"


# IMDB


def test_it_is_said_which_is_better_the_baseline_or_the_network():
    (row,) = benchmark.IMDB

    def table(*results):
        return scores.imdb([row], {row.name: list(results)}, None)

    text = table(metrics(0.9, 0.92, baseline=0.93), metrics(0.9, 0.925, baseline=0.93))
    assert cells(text, "imdb-default")["test"] == "0.922500 ± 0.003536"
    assert cells(text, "imdb-default")["reached"] == "yes"
    assert (
        "The baseline tfidf_logistic_regression beats `imdb-default` on the test part: 0.930000 "
        "against 0.922500." in text
    )
    assert "`imdb-default` beats the best baseline" in table(metrics(test=0.91))
    assert "are equal" in table(metrics(test=0.9))
    for wrong in ({"test": 0.919}, {"seconds": 601}):
        found = cells(table(metrics(**{"test": 0.93, **wrong})), "imdb-default")
        assert found["reached"] == "**no**", wrong
    assert "0.843" in text
    assert "0.8745" in text


@pytest.mark.slow
def test_masks_are_compared_on_what_is_padded_as_in_training(folder):
    text = measure(folder, "imdb-unmasked", "imdb-masked")
    unmasked, masked = cells(text, "imdb-unmasked"), cells(text, "imdb-masked")
    assert (unmasked["mask"], masked["mask"]) == ("no", "yes")
    assert unmasked["texts"] == "64"
    assert (unmasked["book"], masked["book"]) == ("0.500800", "")
    run = folder / "text_classification" / "imdb-unmasked-seed-1"
    task = text_classification.load_data(
        parse("text_classification", ["--config", str(run / "config.yaml")])
    )
    part, model = task.parts["validation"], zoo.load(run)
    ids = np.zeros((len(part), 12), np.int32)
    for row, each in enumerate(part.inputs):
        ids[row, : len(each)] = each
    right = (np.asarray(model(ids))[:, 0] >= 0.5) == part.labels
    assert float(unmasked["validation"]) == right.mean()


def test_only_the_unmasked_network_is_expected_to_fail():
    unmasked, masked = benchmark.MASK
    book = benchmark.WHOLE[1]

    def table(row, accuracy, mask):
        check = {"accuracy": accuracy, "mask": mask, "texts": 5000}
        with mock.patch.object(scores, "kept_of_runs", return_value=[check]):
            text = scores.masks([row], {row.name: [metrics()]}, Path("runs"))
        return cells(text, row.name)["as expected"]

    for row, accuracy, mask, expected in (
        (unmasked, 0.51, False, "yes"), (unmasked, 0.7, False, "**no**"),
        (masked, 0.8, True, "yes"), (masked, 0.51, True, "**no**"),
        (book, 0.87, True, "yes"), (book, 0.86, True, "**no**"),
    ):  # fmt: skip
        assert table(row, accuracy, mask) == expected, (row.name, accuracy)


# Which rows


def test_long_rows_are_measured_only_by_name(tmp_path):
    def named(*only):
        with (
            mock.patch.object(benchmark, "train_all", return_value={}) as trained,
            mock.patch.object(benchmark, "section"),
            mock.patch.object(benchmark.scores, "unlabelled"),
            mock.patch.object(benchmark, "kept_text", return_value=""),
        ):
            sections = benchmark.measure(list(only), 3, tmp_path, False)
        found = {row.name: each.args[2] for each in trained.call_args_list for row in each.args[1]}
        return found, "Bucketing" in sections

    assert named("") == (
        {
            "reber-default": 3, "reber-ml2-ch16-130": 3, "imdb-default": 3, "imdb-unmasked": 1,
            "imdb-masked": 1,
            **{f"imdb-{size}{more}": 3 for size in benchmark.SIZES for more in ("", "-unlabelled")},
        },
        True,
    )  # fmt: skip
    assert named("book")[0].keys() == {row.name for row in benchmark.WHOLE}
    assert named("imdb-default", "bucket") == ({"imdb-default": 3}, True)
    assert "text_classification" in program.BENCHMARKS


@pytest.mark.parametrize("row", [*benchmark.REBER, *benchmark.MASK, *benchmark.WHOLE])
def test_flags_of_rows_are_understood(row):
    config = parse("text_classification", list(row.flags))
    config.validate()
    mask = config.model_arguments.get("mask", True)
    assert mask is not (row.name in ("imdb-unmasked", "book-ml3-ch16-68"))
    assert mask or not config.bucketing


def test_rows_without_data_are_named():
    (row,) = benchmark.IMDB
    text = runs.section([row], {row.name: []}, None, scores.imdb)
    assert text == "Not run, as the data could not be downloaded: imdb-default."


# Bucketing


@pytest.fixture(scope="module")
def task(flags):
    return text_classification.load_data(parse("text_classification", flags))


#: What is found where nobody trains.
TIMED = {
    "seconds": {"bucketed": 1.0, "padded to the longest": 2.0},
    "ids": {"bucketed": 544, "padded to the longest": 768},
    "accuracy": {"bucketed": [0.5, 0.5], "padded to the longest": [0.5, 0.5]},
    "ratio": {"wall-clock": 2.0, "processor": 2.0},
    "interval": {"wall-clock": 0.0, "processor": 0.0},
    "texts": 64, "mean_length": 8.25, "longest": 12, "batch_size": 8, "epochs": 3, "units": 4,
    "validated": 8,
}  # fmt: skip


@pytest.mark.slow
def test_bucketing_is_timed_in_turn(task):
    timed = speed.bucketing(seeds=1, task=task)
    assert timed.keys() == TIMED.keys()
    assert set(timed["seconds"]) == set(timed["ids"]) == set(speed.WAYS)
    assert all(len(each) == 2 for each in timed["accuracy"].values())
    assert timed["ids"]["padded to the longest"] == 64 * 12
    lengths = sum(len(ids) for ids in task.parts["train"].inputs)
    assert lengths < timed["ids"]["bucketed"] < 64 * 12
    assert (timed["texts"], timed["longest"], timed["epochs"]) == (64, 12, 3)
    assert timed["mean_length"] == pytest.approx(lengths / 64)
    assert min(*timed["ratio"].values(), *timed["seconds"].values()) > 0


@pytest.mark.slow
def test_both_ways_start_from_the_same_weights(task):
    begun = []

    def train(fits, turn):
        return [np.ones((3, 2)) * (1 + index) for index in range(len(fits))]

    build = text_classification.build_model

    def watched(config, mine):
        built = build(config, mine)
        begun.append((config.bucketing, config.seed, built.model.get_weights()))
        return built

    with (
        mock.patch.object(speed, "train_in_turn", train),
        mock.patch.object(speed, "build_model", watched),
    ):
        found = speed.bucketing(seeds=2, task=task)
    assert [each[:2] for each in begun] == [(True, 1), (False, 1), (True, 2), (False, 2)]
    for mine, other in zip(begun[0][2], begun[1][2], strict=True):
        np.testing.assert_array_equal(mine, other)
    assert found["ratio"] == {"wall-clock": 2.0, "processor": 2.0}
    assert found["accuracy"]["bucketed"] == found["accuracy"]["padded to the longest"]


def test_what_bucketing_gains_is_said():
    result = {
        **TIMED,
        "ratio": {"wall-clock": 2.5, "processor": 1.5},
        "accuracy": {"bucketed": [0.8, 0.82], "padded to the longest": [0.81, 0.8]},
    }
    text = speed.bucketing_text(result)
    assert "at least 2: yes" in text
    assert "within noise: yes" in text
    result["ratio"]["wall-clock"] = 1.9
    result["accuracy"]["bucketed"] = [0.7, 0.69]
    text = speed.bucketing_text(result)
    assert "at least 2: **no**" in text
    assert "-0.1100 ± 0.0000" in text
    assert "within noise: **no**" in text


def test_bucketing_is_kept_and_tried_again_without_data(tmp_path):
    def measured(fresh):
        return benchmark.measure(["bucketing"], 2, tmp_path, fresh)["Bucketing"]

    with mock.patch.object(speed, "bucketing", side_effect=UserError("No data.")):
        assert "No data." in measured(False)
    assert not (tmp_path / "bucketing.json").exists()
    with mock.patch.object(speed, "bucketing", return_value=TIMED) as asked:
        texts = {measured(fresh) for fresh in (False, False, True)}
    assert len(texts) == 1
    assert [call.args for call in asked.call_args_list] == [(2,), (2,)]


def test_the_setting_of_bucketing_is_understood():
    config = parse("text_classification", list(speed.SETTING))
    config.validate()
    assert (config.dataset, config.epochs, config.max_length) == ("imdb", 4, 600)
    assert replace(config, bucketing=False).model_arguments["units"] == 64
