"""Statistical forecasters: against statsforecast, slow loops, and a run that shows them."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

import zoo
from recipes.cli import main
from recipes.forecast import default_config, recursions, statistics
from recipes.forecast.data.series import TimeSeries
from recipes.forecast.data.windows import Windows
from recipes.forecast.forecasts import Forecasts
from recipes.forecast.task import ForecastTask

needs_extra = pytest.mark.skipif(
    not statistics.installed(), reason="needs the statistics extra (Python 3.11 or 3.12)"
)


def seasonal(rows, period, multiplicative=True, seed=0):
    steps, random = np.arange(rows), np.random.default_rng(seed)
    wave = np.sin(2 * np.pi * steps / period)
    level, noise = 50 + 0.4 * steps, random.normal(size=rows)
    return level * (1 + 0.2 * wave) + noise if multiplicative else level + 8 * wave + 2 * noise


def windows_of(*values, horizon=5):
    lengths = [len(part) for part in values]
    series = TimeSeries(
        np.float32(np.concatenate(values))[:, None], ("y",), (),
        np.concatenate([np.arange(n) for n in lengths]), np.cumsum([0, *lengths]),
        tuple(f"s{i}" for i in range(len(lengths))), np.zeros((sum(lengths), 0), np.float32),
        (), 0, np.zeros((len(lengths), 0), np.int64),
    )  # fmt: skip
    return Windows(series, 3, horizon, {})


@needs_extra
@pytest.mark.parametrize(
    ("name", "model", "options"),
    [("auto_ets", "AutoETS", {}), ("auto_arima", "AutoARIMA", {"approximation": True})],
)
@pytest.mark.filterwarnings("ignore:possible convergence problem")
def test_forecasts_are_those_of_statsforecast_at_every_origin(name, model, options):
    from statsforecast import models

    for values, season in ((seasonal(84, 4), 4), (seasonal(90, 1, False), 1)):
        values, fitted = np.float64(np.float32(values)), 64
        windows = windows_of(values)
        origins = np.array([fitted - 1, fitted + 2, fitted + 14])
        found = statistics.Statistical(name, season)(windows, origins - 2).point[..., 0]
        theirs = getattr(models, model)(season_length=season, **options).fit(values[:fitted])
        expected = [theirs.forward(values[: origin + 1], 5)["mean"] for origin in origins]
        # An ARIMA's first errors are taken as none here, and as unknown there.
        assert np.abs(found - expected).max() < 2e-3 * values.std()


def test_theta_is_smoothing_and_half_the_slope_of_the_line():
    values = np.random.default_rng(1).normal(size=40).cumsum() + np.arange(40)
    origins = np.array([29, 39])
    found = recursions.theta(values, 30, origins, 3)

    def smooth(alpha, until):
        level, errors = values[0], []
        for value in values[1 : until + 1]:
            errors.append(value - level)
            level += alpha * errors[-1]
        return level, np.square(errors).sum()

    alpha = min(np.linspace(0.01, 0.99, 50), key=lambda alpha: smooth(alpha, 29)[1])
    for row, origin in enumerate(origins):
        steps = np.arange(origin + 1)
        half = np.polyfit(steps, values[: origin + 1], 1)[0] / 2
        drift = (1 - (1 - alpha) ** (origin + 1)) / alpha + np.arange(3)
        expected = smooth(alpha, origin)[0] + half * drift
        np.testing.assert_allclose(found[row], expected, rtol=1e-9)


def test_an_arima_of_differences_goes_on_with_the_season():
    ar, ma = recursions.polynomials([], [], [], [], 0, 1, 4)
    values = np.arange(12.0) ** 2
    found = recursions.arima(values, np.array([7, 11]), 6, ar, ma)
    assert found.tolist() == [[16, 25, 36, 49, 16, 25], [64, 81, 100, 121, 64, 81]]


@pytest.mark.parametrize("name", ["theta", pytest.param("auto_ets", marks=needs_extra)])
@pytest.mark.parametrize("season", [1, 7, 30])
def test_what_comes_after_an_origin_changes_nothing(name, season):
    one, two = seasonal(150, 7), seasonal(120, 7, False, 1)
    starts = np.array([100, 110, 150 + 90])
    forecaster = statistics.Statistical(name, season)
    found = forecaster(windows_of(one, two), starts).point
    one[113:], two[93:] = 999.0, -999.0
    np.testing.assert_array_equal(forecaster(windows_of(one, two), starts).point, found)
    one[50] = 500.0
    assert (forecaster(windows_of(one, two), starts).point[:2] != found[:2]).any()


def test_theta_takes_a_season_out_of_series_that_are_zero_or_negative_at_times():
    wave = 10 * np.sin(2 * np.pi * np.arange(60) / 12)
    found = statistics.Statistical("theta", 12)(windows_of(wave), np.array([50, 52])).point
    np.testing.assert_allclose(found[..., 0], [wave[53:58], wave[55:60]], atol=0.5)


def test_series_that_cannot_be_fitted_have_the_naive_forecast_and_are_counted():
    forecaster = statistics.Statistical("theta", 1)
    found = forecaster(windows_of(np.ones(40), np.arange(12.0)), np.array([30, 40])).point
    assert found[0].tolist() == [[1.0]] * 5
    assert found[1].tolist() == [[2.0]] * 5
    assert forecaster.unfitted == 1


def test_a_run_shows_them_on_the_same_origins_and_the_series_worst_first(
    train, make_csv, tmp_path, monkeypatch
):
    path = tmp_path / "data.csv"
    path.write_text(make_csv(series=("a", "b")))
    names = ["theta", *(["auto_ets"] if statistics.installed() else [])]
    monkeypatch.setattr(statistics, "NAMES", names)
    monkeypatch.setattr(statistics, "installed", lambda: True)
    run = train(data=path, series="s", epochs=1, head="quantile", period=1, statistics_seconds=30)
    metrics, report = (
        json.loads((run / "metrics.json").read_text()),
        (run / "report.md").read_text(),
    )
    assert list(metrics["baselines"]) == ["naive", "least_squares", *names]
    for scores in metrics["baselines"].values():
        # Of a point forecast, the whole distribution is the point.
        assert scores["test"]["crps"] == pytest.approx(scores["test"]["mae"], rel=1e-6)
    assert 0 < metrics["test"]["crps"] < metrics["test"]["mae"]
    assert "best baseline there" in report
    assert all(f"{name} 0." in report for name in names[:1])
    with open(run / "series.csv") as file:
        header, *rows = csv.reader(file)
    assert header[:4] == ["series", "mase", "smape", "mae"]
    assert sorted(row[0] for row in rows) == ["a", "b"]
    assert float(rows[0][1]) >= float(rows[1][1])
    assert np.mean([float(row[1]) for row in rows]) == pytest.approx(metrics["test"]["mase"])
    assert f"{rows[0][0]} (MASE" in report


def test_without_the_extra_theta_is_there_and_a_line_says_how_to_have_the_others(monkeypatch):
    monkeypatch.setattr(statistics, "installed", lambda: False)
    found, _ = statistics.affordable([100], 1, 1, 30)
    assert [*found] == ["theta"]
    assert statistics.describe(found).endswith(statistics.HINT)
    monkeypatch.setattr(statistics, "installed", lambda: True)
    assert statistics.HINT not in statistics.describe(found)
    assert statistics.describe({"naive": None}) == ""


def test_weights_of_a_mean_are_equal_until_the_validation_part_says_otherwise():
    values = np.random.default_rng(0).normal(size=400)
    windows = replace(windows_of(values, horizon=2), starts={"test": np.array([390])})

    def weights(count, right, **settings):
        starts = {**windows.starts, "validation": np.arange(count)}
        config = replace(default_config(own_data=True), horizon=2, period=1, **settings)
        task = ForecastTask(config, replace(windows, starts=starts))
        actual = windows.targets(starts["validation"])[:, 0]
        said = [Forecasts(actual + 0.3 * (name != right), {}) for name in ("network", "theta")]
        return task.partners(lambda *_: said[0], {"naive": said[0], "theta": said[1]})

    assert weights(1, None) == {"theta": 0.5}
    assert weights(300, "theta") == {"theta": 1.0}
    assert weights(300, "network") == {}
    for setting in ({"average": False}, {"head": "gaussian"}, {"strategy": "recursive"}):
        assert weights(1, None, **setting) == {}


def test_by_default_own_data_is_forecast_by_the_mean(trainer, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(statistics, "installed", lambda: False)  # Theta needs nothing
    path, walk = tmp_path / "walk.csv", np.random.default_rng(1).normal(size=90).cumsum().round(4)
    path.write_text("y\n" + "".join(f"{value}\n" for value in walk))
    train = trainer("forecast", epochs=1, jit_compile="false", progress="false")
    run = train(data=path, horizon=2, window=12, statistics_seconds=0.01, backtest=1)
    (share,) = json.loads((run / "partners.json").read_text()).values()
    assert f"theta {share:.0%}, as validation decides" in (run / "report.md").read_text()
    assert main(["predict", str(run)]) == 0
    found = [float(line.split(",")[1]) for line in capsys.readouterr().out.splitlines()[1:]]
    network = zoo.load(run / "model.keras")(np.float32(walk[-12:])[None, :, None])
    theta = recursions.theta(walk, 90, np.array([89]), 2)[0]
    expected = share * theta + (1 - share) * np.asarray(network)[0, -1, :, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    alone = train(data=path, horizon=2, window=12, model="nlinear")
    assert not (alone / "partners.json").exists()
    of_mean, of_network = (json.loads((each / "metrics.json").read_text()) for each in (run, alone))
    assert of_mean["train"] == of_network["train"]  # which partners have no part in
    assert of_mean["test"] != of_network["test"]
