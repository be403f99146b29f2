"""`--model auto`: candidates in turn, a leaderboard, one saved run."""

import importlib
import json
from dataclasses import replace
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zoo
from recipes.cli import main
from recipes.engine import automatic, time_limit
from recipes.engine.automatic import combine
from recipes.engine.folder import RunFolder
from recipes.engine.recipe import find_recipe
from recipes.engine.selection import Mixture, select
from recipes.engine.time_limit import TimeLimit
from recipes.errors import UserError
from recipes.forecast import recursions, statistics
from tests.shared import assert_close

MEMBERS = ("boosted_trees", "wide_and_deep", "mlp", "ridge")
NUMBERS = st.lists(st.floats(-5, 5), min_size=4, max_size=4)


@given(st.lists(NUMBERS, min_size=1, max_size=6), st.sampled_from([0.0, 1.0, 100.0]))
def test_the_mean_is_never_worse_than_its_best_member(rows, count):
    found = {str(place): np.array(row) for place, row in enumerate(rows)}
    error = lambda predictions: float(np.square(predictions).sum())  # noqa: E731
    weights = select(found, error, lambda score: count * score)
    mean = sum(found[name] * weight for name, weight in weights.items())
    assert error(mean) <= min(map(error, found.values())) + 1e-9
    assert sum(weights.values()) == pytest.approx(1)
    assert list(weights.values()) == sorted(weights.values(), reverse=True)


@pytest.mark.parametrize(("count", "expected"), [(1, 0.5), (1000, 0.3)])
def test_a_few_examples_choose_no_member_alone(count, expected):
    """The second errs more, and in its own way: how much it counts, the number of rows decides."""
    rng = np.random.default_rng(0)
    found = {"a": rng.normal(0, 1, 4000), "b": rng.normal(0, 1.6, 4000)}
    error = lambda predictions: float(np.sqrt(np.square(predictions).mean()))  # noqa: E731
    weights = select(found, error, lambda score: count * np.log(score))
    assert weights["b"] == pytest.approx(expected, abs=0.05)


def test_a_mixture_is_the_weighted_mean_of_what_its_parts_say():
    mixture = Mixture([(1, lambda x: x), (3, lambda x: 2 * x)])
    np.testing.assert_allclose(mixture(np.array([4.0])), [7.0])


def test_combined_models_are_one_that_is_saved(tmp_path):
    models = [zoo.mlp((3,), units=[4]) for _ in range(2)]
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    one = combine(models, [0.25, 0.75])
    expected = 0.25 * models[0].predict(x, verbose=0) + 0.75 * models[1].predict(x, verbose=0)
    one.save(tmp_path / "model.keras")
    assert_close(zoo.load(tmp_path).predict(x, verbose=0), expected)
    assert combine(models[:1], [1.0]) is models[0]


class Clock:
    """A time that passes by so many seconds each time it is asked for."""

    def __init__(self, seconds):
        self.now, self.seconds = 0.0, seconds

    def perf_counter(self):
        self.now += self.seconds
        return self.now


def watched(seconds, planned, tick):
    """A time limit, and the number of epochs of 2 batches that it lets pass."""
    limit = TimeLimit(seconds, planned)
    limit.set_model(SimpleNamespace(stop_training=False))
    with mock.patch.object(time_limit, "time", Clock(tick)):
        limit.on_train_begin()
        for epoch in range(planned):
            limit.on_epoch_begin(epoch)
            for batch in range(2):
                limit.on_train_batch_end(batch)
            limit.on_epoch_end(epoch)
            if limit.model.stop_training:
                break
    return limit, epoch + 1


def test_a_time_limit_lets_what_fits_pass():
    limit, epochs = watched(seconds=100, planned=5, tick=1)
    assert (epochs, limit.epochs, limit.cut_short) == (5, None, False)


def test_a_time_limit_asks_for_fewer_epochs_where_not_all_fit():
    limit, epochs = watched(seconds=50, planned=60, tick=1)
    assert epochs == 2
    assert 5 < limit.epochs < 20  # an epoch takes 4, and 41 are left


def test_a_time_limit_says_that_the_first_epoch_was_too_long():
    limit, epochs = watched(seconds=1.5, planned=60, tick=1)
    assert (epochs, limit.cut_short) == (1, True)


def only(monkeypatch, recipe, *names, **settings):
    """Few of a recipe's candidates, with other settings: training is what takes long."""
    module = importlib.import_module(f"recipes.{recipe}.candidates")
    every = module.candidates
    few = lambda *given: [  # noqa: E731
        replace(each, config=replace(each.config, **settings))
        for each in every(*given)
        if each.name in names
    ]
    monkeypatch.setattr(module, "candidates", few)


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    only(monkeypatch, "tabular", *MEMBERS)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(160, 3)).round(3), columns=list("abc"))
    frame["kind"] = generator.choice(["x", "y", "z"], 160)
    frame["t"] = (frame["a"] + (frame["kind"] == "x") + generator.normal(0, 0.1, 160)).round(3)
    path = tmp_path_factory.mktemp("data") / "t.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def train(trainer):
    return trainer("tabular", model="auto", epochs=2, jit_compile="false", progress="false")


@pytest.fixture(scope="module")
def run(train, data):
    with pytest.MonkeyPatch.context() as monkeypatch:
        only(monkeypatch, "tabular", *MEMBERS)
        return train(data=data, target="t")


def test_a_run_predicts_like_any_other(run, data, capsys):
    assert main(["predict", str(run)]) == 0
    assert capsys.readouterr().out == (run / "predictions.csv").read_text()
    predictor = zoo.Predictor(zoo.load(run))
    table = pd.read_csv(data)
    found = pd.read_csv(run / "predictions.csv")
    assert_close(predictor.predict(table.iloc[found["row"] - 1])[:, 0], found["prediction"], 256)


def test_the_leaderboard_has_models_and_baselines(run):
    report = (run / "report.md").read_text()
    board = report[report.index("## Leaderboard") :]
    rows = [line.split("|")[1].strip() for line in board.splitlines() if line.startswith("| ")]
    members = {*MEMBERS}
    assert members | {"mean", "the weighted mean"} <= {*rows}
    # Scores are in order, the mean first: it is at least as good as the best that may be in it.
    lines = [line.split("|") for line in board.splitlines() if line.startswith("| ")][2:]
    scores = {line[1].strip(): float(line[2]) for line in lines[: len(members) + 2]}
    assert scores["the weighted mean"] <= min(scores[name] for name in members)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["model"] == "auto"
    assert metrics["validation"]["rmse"] == pytest.approx(scores["the weighted mean"], rel=1e-3)


def test_only_curves_are_left_of_the_members(run):
    left = {path.name.split(".")[0] for path in (run / "members").rglob("*") if path.is_file()}
    assert left == {"member", "events"}


def test_a_run_that_was_cut_off_goes_on(train, data, run):
    trained = []
    real = automatic.fit

    def killed(*arguments, **named):
        trained.append(1)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    with mock.patch.object(automatic, "fit", killed):
        cut = train(data=data, target="t", status=130)
        assert main(["train", "--resume", str(cut)]) == 0
    assert len(trained) == 3  # two networks, of which one was begun twice
    assert (cut / "predictions.csv").read_text() == (run / "predictions.csv").read_text()


@pytest.mark.parametrize(("schedule", "epochs"), [("cosine", 4), ("constant", 9)])
def test_how_many_epochs_fit_is_asked_once(train, data, monkeypatch, schedule, epochs):
    class Half(TimeLimit):
        """Finds that only half of what is planned fits, whenever it is asked."""

        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1 and self.planned:
                self.epochs, self.model.stop_training = self.planned // 2, True

    only(monkeypatch, "tabular", "mlp", epochs=9, patience=0, schedule=schedule)
    monkeypatch.setattr(automatic, "TimeLimit", Half)
    found = json.loads((train(data=data, target="t") / "metrics.json").read_text())
    assert found["epochs"] == epochs


@pytest.mark.parametrize("text", ["", "[]", '{"monitor": 1}'])
def test_a_damaged_member_is_trained_again(tmp_path, text):
    (tmp_path / "member.json").write_text(text)
    zoo.linear_forecaster((4, 1)).save(tmp_path / "model.keras")
    assert automatic._read_member(None, None, RunFolder(tmp_path)) is None


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--time_limit", "soon"], "must be a time such as 90s"),
        (["--model.units", "3"], "--model.units belongs to one model"),
        (["--folds", "2"], "name it, not auto"),
    ],
)
def test_what_auto_cannot_do_is_said(data, tmp_path, capsys, flags, message):
    arguments = ["--model", "auto", "--data", data, "--target", "t", "--logdir", tmp_path / "l"]
    assert main(["train", "tabular", *map(str, arguments), *flags]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "l").exists()


def test_other_recipes_have_none():
    recipe = find_recipe("translation")
    with pytest.raises(UserError, match="auto is not for translation"):
        automatic.candidates(recipe, None)


def test_a_budget_too_short_for_one_model_is_said(train, data, capsys):
    train("--time_limit", "0.001", data=data, target="t", status=1)
    assert "too short for one model" in capsys.readouterr().err


def test_forecasts_may_be_those_of_a_baseline(trainer, tmp_path, capsys, monkeypatch):
    """A random walk, and a network that has learned nothing: Theta has a part in it."""
    only(monkeypatch, "forecast", "nhits", epochs=1)
    monkeypatch.setattr(statistics, "installed", lambda: True)  # Theta needs nothing
    walk = np.random.default_rng(1).normal(size=90).cumsum().round(4)
    path = tmp_path / "walk.csv"
    pd.DataFrame({"t": pd.date_range("2024-01-01", periods=90), "y": walk}).to_csv(path)
    train = trainer("forecast", model="auto", epochs=1, jit_compile="false", progress="false")
    run = train(
        data=path, horizon=2, window=12, target="y", time="t", conformal=80, statistics_seconds=0.01
    )
    assert main(["predict", str(run), "--backtest"]) == 0
    out = capsys.readouterr().out
    assert out.startswith((run / "predictions.csv").read_text())
    share = json.loads((run / "partners.json").read_text())["theta"]
    network = zoo.load(run / "refit.keras").predict(
        np.float32(walk[-12:])[None, :, None], verbose=0
    )
    theta = recursions.theta(walk, 90, np.array([89]), 2)[0]
    expected = share * theta + (1 - share) * network[0, -1, :, 0]
    last = [line.split(",") for line in out.splitlines()[-2:]]
    np.testing.assert_allclose([float(row[4]) for row in last], expected, rtol=1e-4)
    assert all(float(row[5]) < float(row[4]) < float(row[6]) for row in last)


@pytest.mark.slow  # tables and series have means every day
def test_a_mean_of_classifiers_reads_texts(trainer, tmp_path, monkeypatch):
    only(monkeypatch, "text_classification", "wide_and_deep", "conv")
    monkeypatch.setattr(automatic, "select", lambda found, *_: dict.fromkeys(found, 0.5))  # both
    generator = np.random.default_rng(0)
    words = {"no": ["bad", "poor", "dull"], "yes": ["good", "fine", "great"]}
    labels = generator.choice(["no", "yes"], 80)
    texts = [f"{' '.join(generator.choice(words[each], 3))} {n}" for n, each in enumerate(labels)]
    pd.DataFrame({"text": texts, "label": labels}).to_csv(tmp_path / "t.csv", index=False)
    run = trainer("text_classification", model="auto", epochs=1, progress="false")(
        data=tmp_path / "t.csv"
    )
    found = pd.read_csv(run / "predictions.csv", keep_default_na=False)
    texts = [texts[row - 1] for row in found["row"]]
    predictor = zoo.Predictor(zoo.load(run))
    assert_close(predictor.predict(texts)[:, 0], found["probability:yes"], 256)
