"""`--from RUN`: training goes on from a saved run, with new data."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import yaml

import zoo
from recipes.cli import main


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text())


def rows(count, seed, kinds="xyz"):
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(generator.normal(size=(count, 2)).round(3), columns=["a", "b"])
    frame["kind"] = generator.choice(list(kinds), count)
    frame["t"] = (frame["a"] + (frame["kind"] == "x") + generator.normal(0, 0.1, count)).round(3)
    frame["alive"] = np.where(frame["t"] > 0.3, "yes", "no")
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rows(200, 0).to_csv(folder / "old.csv", index=False)
    rows(150, 1, "xyzw").to_csv(folder / "new.csv", index=False)
    other = rows(150, 1)
    other.loc[::5, "alive"] = "who knows"
    other.to_csv(folder / "other.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def train(trainer):
    return trainer("tabular", jit_compile="false", progress="false")


TINY = {"epochs": 4, "model.units": 8, "model.members": 2, "learning_rate": 0.02}


@pytest.fixture(scope="module")
def old(train, folder):
    return train(data=folder / "old.csv", target="t", drop="alive", **TINY)


@pytest.fixture(scope="module")
def new(train, folder, old):
    return train("--from", old, data=folder / "new.csv", epochs=1)


def test_what_was_learned_is_kept(train, folder, old, new):
    """One epoch from the old weights beats one epoch from the beginning, on the same rows."""
    network = {**TINY, "epochs": 1, "average": "false"}  # beside it, the old rows' baselines stay
    fresh = train(data=folder / "new.csv", target="t", drop="alive", **network)
    assert metrics_of(new)["validation"]["rmse"] < 0.9 * metrics_of(fresh)["validation"]["rmse"]
    settings = yaml.safe_load((new / "config.yaml").read_text())
    assert settings["learning_rate"] == 0.002
    assert settings["target"] == "t"
    before, after = (zoo.load(run) for run in (old, new))
    assert [layer.name for layer in before.layers] == [layer.name for layer in after.layers]


def test_training_never_makes_validation_worse(train, folder, old, new):
    wild = train("--from", old, data=folder / "new.csv", epochs=1, learning_rate=5)
    assert metrics_of(wild)["validation"]["rmse"] >= metrics_of(new)["validation"]["rmse"]
    for mine, theirs in zip(zoo.load(wild).get_weights(), zoo.load(old).get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_new_categories_are_named(new):
    report = (new / "report.md").read_text()
    assert "rows with values that the model does not know ('w')" in report


@pytest.mark.slow  # new categories are named every day
def test_new_classes_are_refused_by_name(train, folder, capsys):
    old = train(data=folder / "old.csv", target="alive", drop="t", **{**TINY, "epochs": 1})
    run = train("--from", old, data=folder / "other.csv", status=2)
    assert "classes that the run does not know: 'who knows'" in capsys.readouterr().err
    assert not run.exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--model", "mlp", "--data", "new.csv"], "leave --model out"),
        ([], "give it with --data"),
        (["--data", "new.csv", "--folds", "2"], "add --folds 0"),
        (["--data", "lacking.csv"], "a column 'b'"),
    ],
)
def test_what_does_not_go_together_is_said(old, folder, capsys, monkeypatch, flags, message):
    monkeypatch.chdir(folder)
    rows(100, 2).drop(columns="b").to_csv("lacking.csv", index=False)
    assert main(["train", "tabular", "--from", str(old), *flags, "--logdir", "logs"]) == 2
    assert message in capsys.readouterr().err
    assert not (folder / "logs").exists()


def test_a_run_of_another_recipe_is_refused(old, folder, capsys):
    data = str(folder / "new.csv")
    assert main(["train", "forecast", "--from", str(old), "--data", data]) == 2
    assert "--from needs a run of forecast" in capsys.readouterr().err


def test_forecasters_go_on_with_other_series(trainer, tmp_path, make_csv, capsys):
    """The scaling is that of the run, whatever the new series are like."""
    (tmp_path / "old.csv").write_text(make_csv())
    lines = make_csv(rows=120, seed=2).splitlines()
    rows = [line.split(",") for line in lines[1:]]
    shifted = [f"{day},{float(value) + 3}" for day, value in rows]
    (tmp_path / "new.csv").write_text("\n".join([lines[0], *shifted]) + "\n")
    train = trainer("forecast", jit_compile="false", progress="false", epochs=1)
    tiny = {"model": "linear_forecaster", "window": 14, "horizon": 3, "difference": 0}
    old = train(data=tmp_path / "old.csv", **tiny)
    new = train("--from", old, data=tmp_path / "new.csv", refit="true")
    before, after = (zoo.load(run).get_layer("normalization") for run in (old, new))
    np.testing.assert_array_equal(np.asarray(before.mean), np.asarray(after.mean))
    again = zoo.load(new / "refit.keras").get_layer("normalization")
    np.testing.assert_array_equal(np.asarray(before.mean), np.asarray(again.mean))
    train("--from", old, data=tmp_path / "new.csv", horizon=2, status=2)
    assert "forecasts 1 columns for 3 steps" in capsys.readouterr().err


@pytest.mark.slow  # tables and series go on every day
def test_classifiers_of_texts_keep_their_vocabulary(trainer, tmp_path):
    generator = np.random.default_rng(0)
    words = {"no": ["bad", "poor", "dull"], "yes": ["good", "fine", "great"]}

    def write(path, more):
        labels = generator.choice(["no", "yes"], 120)
        texts = [
            f"{' '.join(generator.choice(words[each] + more, 4))} {n}"
            for n, each in enumerate(labels)
        ]
        pd.DataFrame({"text": texts, "label": labels}).to_csv(path, index=False)

    write(tmp_path / "old.csv", ["film", "book"])
    write(tmp_path / "new.csv", ["play", "song"])
    train = trainer("text_classification", progress="false", epochs=1)
    old = train(data=tmp_path / "old.csv", vocabulary_size=30)
    new = train("--from", old, data=tmp_path / "new.csv")
    first, second = (zoo.tokenizer(zoo.load(run)) for run in (old, new))
    assert first.get_config() == second.get_config()
    report = (new / "report.md").read_text()
    assert 20 < float(re.search(r"([\d.]+) % of what the texts hold is not in", report)[1]) < 50
    assert metrics_of(new)["model"] == metrics_of(old)["model"]
