"""Where a linear forecaster begins: ridge regression on windows seen from their own level."""

from dataclasses import replace

import numpy as np
import pytest

from recipes.engine.arguments import parse
from recipes.forecast import ridge
from recipes.forecast.recipe import build_model, load_data

STEPS = np.arange(240)
SEASON = np.sin(2 * np.pi * STEPS / 12)


@pytest.fixture
def task(tmp_path):
    def task(series, *flags):
        """The task of a file with a column a series, written one below the other."""
        rows = [
            f"s{n},{t},{float(v)!r}"
            for n, values in enumerate(series)
            for t, v in enumerate(values)
        ]
        (tmp_path / "data.csv").write_text("\n".join(["s,t,y", *rows]) + "\n")
        columns = ["--series", "s"] if len(series) > 1 else []
        arguments = ["--data", str(tmp_path / "data.csv"), "--time", "t", "--target", "y", *columns]
        config = parse("forecast", [*arguments, "--horizon", "6", "--model", "nlinear", *flags])
        config.validate()
        return load_data(config)

    return task


def forecasts(task, split="test"):
    built = build_model(task.config, task)
    starts = task.windows.starts[split]
    return built.model.predict(task.windows.inputs(starts), verbose=0)[:, -1], starts


def test_what_is_linear_is_forecast_exactly_before_any_training(task):
    found = task([100 + 10 * SEASON + 0.5 * STEPS])
    assert found.linear_start.error < 0.01
    point, starts = forecasts(found)
    np.testing.assert_allclose(point, found.windows.targets(starts)[:, 0], rtol=1e-3)


def test_where_nothing_can_be_learned_it_repeats_the_season(task):
    rng = np.random.default_rng(1)
    found = task([50 * SEASON + 0.01 * rng.normal(size=240)], "--period", "12")
    naive = found.predict(found.baselines()["seasonal_naive"], "validation")
    assert found.linear_start.error <= found.score(naive, "validation")["mase"] + 1e-6


def test_examples_count_as_they_do_in_the_score():
    rng = np.random.default_rng(5)
    x, kernel = rng.normal(size=(400, 4)), np.array([[0.0], [0.5], [-0.2], [0.7]])
    y, weights = x @ kernel, np.ones(400)
    y[:200], weights[:200] = 5.0, 0.0
    found, bias, _ = next(ridge._fits((x, y, weights), 0, 4, True, [1e-4]))
    np.testing.assert_allclose(found, kernel, atol=1e-3)
    np.testing.assert_allclose(bias, 0, atol=1e-3)


@pytest.mark.parametrize("walk", [False, True])
def test_the_model_begins_with_the_closed_form(task, walk, monkeypatch):
    monkeypatch.setattr(ridge, "FEW", 0)
    noise = np.random.default_rng(2).normal(size=240)
    found = task([20 + 5 * SEASON + (noise.cumsum() if walk else noise)])
    point, starts = forecasts(found, "validation")
    actual = found.windows.targets(starts)[:, 0]
    error = np.abs(point - actual).mean() / found.naive_mae[0, 0]
    assert error == pytest.approx(found.linear_start.error, rel=1e-3)


def test_few_validation_windows_are_helped_by_earlier_parts(task):
    found = task([20 + 5 * SEASON + np.random.default_rng(3).normal(size=n) for n in (240, 240)])
    windows, folds = found.windows, ridge._folds(found.windows)
    assert len(folds) == 3
    span = windows.window + windows.horizon
    for (train, validation), (_, later) in zip(folds[1:], folds, strict=False):
        for series in range(2):
            past, now, next_ = (
                part[windows.series_of(part) == series] for part in (train, validation, later)
            )
            assert len(past) > len(now) == len(next_)
            first, begin = now.min() + windows.window, next_.min() + windows.window
            assert past.max() + span <= first  # no target of a part is among those before it
            assert now.max() + span <= begin


def test_what_was_chosen_is_fitted_again_to_all_windows(task, monkeypatch):
    monkeypatch.setattr(ridge, "FEW", 0)
    noise = np.random.default_rng(3).normal(size=240)
    found = task([20 + 5 * SEASON + noise])
    same = replace(found, chosen=found.linear_start)
    np.testing.assert_allclose(same.linear_start.kernel, found.linear_start.kernel, atol=1e-6)
    whole = found.everything()
    every = whole.windows.starts["train"]
    assert len(every) == 240 - found.windows.window - 6 + 1
    assert whole.linear_start.parts == found.linear_start.parts
    squares = []
    for each in (found, whole):
        model = build_model(each.config, each).model
        point = model.predict(whole.windows.inputs(every), verbose=0)[:, -1]
        squares.append(np.square(point - whole.windows.targets(every)[:, 0]).mean())
    assert squares[1] < squares[0]


@pytest.mark.parametrize("head", ["quantile", "gaussian"])
def test_heads_begin_with_the_spread_of_the_residuals(task, head):
    noise = np.random.default_rng(2).normal(size=2400)
    season = np.tile(SEASON, 10)
    found = task([20 + 5 * season + noise], "--head", head, "--quantiles", "0.1,0.5,0.9")
    built = build_model(found.config, found)
    predictions = found.predict(found.predictor(built.model), "test")
    scores = found.score(predictions, "test")
    assert abs(scores["coverage_80"] - 0.8) < 0.04
    lower, upper = predictions.intervals[80]
    assert (upper - lower).mean() == pytest.approx(2 * 1.2816, rel=0.1)  # of a normal deviate


def test_series_of_any_size_count_alike(task):
    rng = np.random.default_rng(3)
    small = 1 + 0.2 * SEASON + 0.02 * rng.normal(size=240)
    found = task([small, 1e5 * small], "--window_normalization", "standard")
    point, starts = forecasts(found)
    which = found.windows.series.series_of(starts)
    np.testing.assert_allclose(point[which == 1], 1e5 * point[which == 0], rtol=1e-3)
    batches = found.batches("train", build_model(found.config, found), seed=1)
    _, targets, weights = batches.assemble(found.windows.starts["train"])
    assert np.abs(targets).max() < 10
    series = found.windows.series.series_of(found.windows.starts["train"])
    sizes = [(weights[series == n, 0, 0]).sum() for n in (0, 1)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)
    assert weights.mean() == pytest.approx(1, rel=0.1)
    scores = found.score(found.predict(found.baselines()["naive"], "test"), "test")
    one = task([small], "--window_normalization", "standard")
    alone = one.score(one.predict(one.baselines()["naive"], "test"), "test")
    assert scores["mase"] == pytest.approx(alone["mase"], rel=1e-3)


def test_the_window_follows_from_season_horizon_and_rows(task):
    found = task([100 + 10 * SEASON], "--period", "12")
    assert found.windows.window == 24  # two seasons, which three horizons of 6 do not fill
    assert any(note.startswith("--window 24: for a season of 12 steps") for note in found.notes)
    short = task([100 + 10 * SEASON[:60]], "--period", "12")
    assert short.windows.window == 12  # a third of the training rows holds one season
