"""Scores, baselines and forecasts against NumPy by hand."""

from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from recipes.data.files import open_table
from recipes.forecast import baselines, scores
from recipes.forecast.data.book_series import book_series
from recipes.forecast.data.reading import read_series
from recipes.forecast.data.series import TimeSeries
from recipes.forecast.data.splits import split_by_series, split_in_time
from recipes.forecast.data.wide import unfold
from recipes.forecast.data.windows import Windows
from recipes.forecast.forecasts import Forecaster, Forecasts, median_index


def series_of(values, future_covariates=None, lengths=None, future=0):
    values = np.float32(values).reshape(len(values), -1)
    lengths = lengths or (len(values),)
    if future_covariates is None:
        future_covariates = np.zeros((len(values) + future, 0))
    return TimeSeries(
        values=values,
        targets=tuple(f"y{i}" for i in range(values.shape[1])),
        past_covariates=(),
        times=np.concatenate([np.arange(n) for n in lengths]),
        offsets=np.cumsum([0, *lengths]),
        ids=tuple(f"s{i}" for i in range(len(lengths))),
        future_covariates=np.float32(future_covariates),
        future_names=tuple(f"k{i}" for i in range(future_covariates.shape[1])),
        future=future,
        future_times=np.zeros((len(lengths), future), np.int64),
    )


def windows_of(values, window=8, horizon=3, **arguments):
    series = series_of(values, **arguments)
    return Windows(series, window, horizon, split_in_time(series, window, horizon))


class Fixed:
    """A model whose every answer is this one, whatever the window."""

    def __init__(self, answer):
        self.answer = np.float32(answer)

    def predict_on_batch(self, inputs):
        return np.broadcast_to(self.answer, (len(inputs), 2, *self.answer.shape))


# Scores


def test_scores_by_hand():
    actual = np.array([[[1.0, 10], [2, 20]], [[3, 30], [4, 40]]])
    error = np.array([[[1.0, -2], [0, 4]], [[-1, 2], [2, 0]]])
    lower, upper = actual - 1, actual + 1
    upper[0, 0, 0], lower[1, 1, 1] = 0.5, 40.5  # two of eight lie outside
    found = scores.score(
        actual, Forecasts(actual + error, {80: (lower, upper)}), np.array([[0.5, 4.0]]), ("a", "b")
    )
    smape = found.pop("smape")
    assert found == pytest.approx(
        {
            "mse": 30 / 8, "rmse": np.sqrt(30 / 8), "mae": 12 / 8, "mase": (1 / 0.5 + 2 / 4) / 2,
            "mse_step_1": 10 / 4, "mae_step_1": 6 / 4, "mse_step_2": 20 / 4, "mae_step_2": 6 / 4,
            "mae_a": 1.0, "rmse_a": np.sqrt(6 / 4), "mae_b": 2.0, "rmse_b": np.sqrt(24 / 4),
            "coverage_80": 6 / 8,
        }
    )  # fmt: skip
    relative = np.abs(error) / (np.abs(actual) + np.abs(actual + error))
    assert smape == pytest.approx(200 * relative.mean())


def test_one_step_of_one_target_has_no_scores_by_step_or_target():
    found = scores.score(np.zeros((4, 1, 1)), Forecasts(np.ones((4, 1, 1)), {}), [[2.0]], ("y",))
    assert found == {"mse": 1.0, "rmse": 1.0, "mae": 1.0, "mase": 0.5, "smape": 200.0}


def test_scores_do_not_lose_digits_of_large_values():
    actual = np.full((1000, 1, 1), 1e8, np.float32)
    found = scores.score(actual, Forecasts(actual + np.float32(8), {}), [[1.0]], ("y",))
    assert found["mse"] == 64.0


def test_unit_of_mase_stays_within_a_series_and_the_training_rows():
    series = series_of([1, 2, 4, 8, 100, 103, 109], lengths=(4, 3))
    rows = np.array([True, True, True, False, True, True, True])
    # 1 and 2 in the first series; 3 and 6 in the second; the jump from 8 to 100 is none.
    assert scores.naive_mae(series, rows, 1, 1).tolist() == [[1.5], [4.5]]
    assert scores.naive_mae(series, rows, 2, 1).tolist() == [[3], [9]]
    assert scores.naive_mae(series_of(np.ones(9)), np.ones(9, bool), 1, 1).tolist() == [[1.0]]


def test_each_series_counts_alike_in_mase_and_smape():
    actual = np.array([1.0, 1.0, 100.0]).reshape(3, 1, 1)
    point = np.array([2.0, 1.0, 150.0]).reshape(3, 1, 1)
    which, units = np.array([0, 0, 1]), np.array([[1.0], [100.0], [np.nan]])
    found = scores.score(actual, Forecasts(point, {}), units, ("y",), which, (20.0, 1.0))
    assert found["mase"] == pytest.approx((0.5 / 1 + 50 / 100) / 2)
    smape = ((200 / 3 + 0) / 2 + 200 * 50 / 250) / 2
    assert found["smape"] == pytest.approx(smape)
    assert found["owa"] == pytest.approx((smape / 20 + found["mase"] / 1) / 2)


@pytest.mark.slow  # other tests compute scores by hand
def test_the_naive_forecast_on_m4_weekly_has_the_published_scores(zoo_data):
    """sMAPE 9.161 and MASE 2.777: Makridakis et al., 2020, table 4."""
    files = [zoo_data / "suite" / "series" / f"m4_weekly_{name}.csv.gz" for name in PARTS]
    train, test = (unfold(open_table(file), None) for file in files)
    blocks = [read_series(file, time=time, targets=("value",), series=series)
              for file, series, time in (train, test)]  # fmt: skip
    assert blocks[0].ids == blocks[1].ids
    parts = [np.split(block.values, block.offsets[1:-1]) for block in blocks]
    rows = [np.concatenate(pair) for pair in zip(*parts, strict=True)]
    series = series_of(np.concatenate(rows), lengths=tuple(map(len, rows)))
    windows = Windows(series, 13, 13, split_in_time(series, 13, 13, 1e-9, 1e-9, each=True))
    starts = windows.starts["test"]
    assert len(starts) == 359
    before = np.arange(len(series)) < np.repeat(series.offsets[1:] - 13, np.diff(series.offsets))
    units = scores.naive_mae(series, before, 1, 1)
    actual, which = windows.targets(starts)[:, 0], series.series_of(starts)
    found = scores.score(actual, baselines.naive(windows, starts), units, ("y",), which)
    assert found["smape"] == pytest.approx(9.161, abs=5e-4)
    assert found["mase"] == pytest.approx(2.777, abs=5e-4)


PARTS = ("train", "test")


def test_naive2_repeats_the_season_around_the_last_value():
    season = np.array([0.5, 1.0, 1.5, 1.0])
    values = np.tile(season, 12) * 8
    windows = windows_of(values, window=8, horizon=6)
    rows = np.ones(len(values), bool)
    found = baselines.Naive2(windows.series, rows, 4)(windows, np.array([3])).point.ravel()
    np.testing.assert_allclose(found, values[11:17], rtol=1e-6)
    noise = np.random.default_rng(0).normal(10, 1, 200)
    windows = windows_of(noise, window=8, horizon=3)
    found = baselines.Naive2(windows.series, np.ones(200, bool), 4)(windows, np.array([5])).point
    np.testing.assert_allclose(found.ravel(), np.float32(noise[12]), rtol=1e-6)


# Baselines


@pytest.mark.parametrize("period", [1, 3, 4, 7])
def test_naive_repeats_the_last_season(period):
    windows = windows_of(np.arange(60), horizon=6)
    found = baselines.naive(windows, np.array([5, 9]), period).point
    for row, start in enumerate((5, 9)):
        seen = list(range(start, start + 8))
        for _ in range(6):
            seen.append(seen[-period])
        np.testing.assert_array_equal(found[row, :, 0], seen[8:])


def test_least_squares_is_numpys(monkeypatch):
    monkeypatch.setattr(baselines, "_CHUNK", 16)  # sums over chunks
    generator = np.random.default_rng(0)
    known = generator.normal(size=(200, 2))
    values = 100 + generator.normal(size=(200, 2)).cumsum(axis=0)
    windows = windows_of(values, future_covariates=known)
    train, test = windows.starts["train"], windows.starts["test"]

    def design(starts):
        parts = [[*windows.series.values[s : s + 8].ravel(), *known[s + 8 : s + 11].ravel(), 1]
                 for s in starts]  # fmt: skip
        return np.float64(parts)

    weights = np.linalg.lstsq(design(train), windows.targets(train).reshape(len(train), -1))[0]
    expected = (design(test) @ weights).reshape(-1, 3, 2)
    found = baselines.LeastSquares(windows)(windows, test).point
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_least_squares_takes_constant_and_doubled_columns():
    values = np.tile(np.sin(np.arange(90)), (2, 1)).T
    windows = windows_of(values, future_covariates=np.ones((90, 1)))
    found = baselines.LeastSquares(windows)(windows, windows.starts["test"])
    actual = windows.targets(windows.starts["test"])[:, 0]
    np.testing.assert_allclose(found.point, actual, atol=1e-4)


@pytest.mark.parametrize(("horizon", "expected"), [(10, 0.015488), (1, 0.002931)])
def test_least_squares_on_the_books_series(horizon, expected):
    series = book_series(horizon)
    windows = Windows(series, 50, horizon, split_by_series(series, 50, horizon))
    starts = windows.starts["validation"]
    found = baselines.LeastSquares(windows)(windows, starts)
    error = found.point - windows.targets(starts)[:, 0]
    assert np.square(error).mean() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("period", [4, 7, 12, 24, 52])
@pytest.mark.parametrize("trend", [0.0, 0.5])
def test_a_season_is_detected(period, trend):
    steps = np.arange(period * 8)
    noise = np.random.default_rng(3).normal(0, 0.2, len(steps))
    wave = np.exp(np.sin(steps * 2 * np.pi / period) * 1.5)  # peaks are sharper than valleys
    assert baselines.detect_period(wave + trend * steps + noise) == period


@pytest.mark.parametrize(
    ("step", "length", "found", "season"),
    [("30min", 50, 49, 48), ("7D", 54, 53, 52), ("MS", 4, 4, 4)],
)
def test_a_few_seasons_are_taken_for_one_of_the_calendar(step, length, found, season):
    wave = np.sin(np.arange(200) * 2 * np.pi / length)
    times = pd.date_range("2024-01-01", periods=200, freq=step).to_numpy("datetime64[s]")
    series = SimpleNamespace(offsets=np.array([0, 200]), values=wave[:, None], times=times)
    assert baselines.detect_period(wave) == found
    assert baselines.season_of(series, np.ones(200, bool)) == season


@pytest.mark.parametrize(
    "values",
    [np.ones(100), np.arange(100.0), np.random.default_rng(5).normal(size=300), [1.0, 2.0], []],
)
def test_no_season_is_detected(values):
    assert baselines.detect_period(np.asarray(values)) == 1


# Forecasts


def test_quantiles_become_median_and_intervals():
    windows = windows_of(np.arange(60.0), horizon=1)
    quantiles = (0.025, 0.1, 0.5, 0.8, 0.9)
    model = Fixed([[[1, 2, 3, 4, 5]]])  # (horizon, targets, quantiles)
    found = Forecaster(model, "quantile", quantiles)(windows, np.arange(3))
    assert found.point.ravel().tolist() == [3, 3, 3]
    assert list(found.intervals) == [80]  # 0.025 and 0.8 have no mirror image
    assert [bound[0, 0, 0] for bound in found.widest] == [2, 5]


def test_a_lone_quantile_has_no_interval():
    windows = windows_of(np.arange(60.0), horizon=1)
    found = Forecaster(Fixed([[[1]]]), "quantile", (0.5,))(windows, np.arange(3))
    assert (found.intervals, found.widest) == ({}, None)
    assert median_index((0.1, 0.3, 0.9)) == 1


def test_gaussian_intervals():
    windows = windows_of(np.arange(60.0), horizon=1)
    found = Forecaster(Fixed([[[10, 2]]]), "gaussian")(windows, np.arange(2))
    assert found.point[0, 0, 0] == 10
    for level, z in ((80, 1.281552), (95, 1.959964)):
        bounds = [float(bound[1, 0, 0]) for bound in found.intervals[level]]
        assert bounds == pytest.approx([10 - 2 * z, 10 + 2 * z])
    assert found.widest == found.intervals[80]


def test_forecasts_come_from_the_last_output_whatever_the_number_of_windows():
    windows = windows_of(np.arange(700.0), horizon=2)
    positions = keras.Input((8, 1))
    outputs = keras.layers.Reshape((8, 1, 1))(positions)
    outputs = keras.ops.concatenate([outputs, outputs + 1], axis=2)
    found = Forecaster(keras.Model(positions, outputs))(windows, np.arange(600))
    np.testing.assert_array_equal(found.point[:, 0, 0], np.arange(600) + 7)
    with pytest.raises(ValueError, match="no windows"):
        Forecaster(Fixed([[1]]))(windows, np.arange(0))


def test_monte_carlo_intervals():
    windows = windows_of(np.sin(np.arange(80)), horizon=2)
    model = zoo.deep_rnn((8, 1), horizon=2, units=4, num_layers=1, dropout=0.5)
    starts = np.arange(5)
    found = Forecaster(model, mc_samples=30, seed=7)(windows, starts)
    again = Forecaster(model, mc_samples=30, seed=7)(windows, starts)
    other = Forecaster(model, mc_samples=30, seed=8)(windows, starts)
    np.testing.assert_array_equal(found.point, again.point)
    assert not np.array_equal(found.point, other.point)
    (low, high), (lowest, highest) = found.intervals[80], found.intervals[95]
    assert (lowest <= low).all()
    assert (low < high).all()
    assert (high <= highest).all()
    assert ((low < found.point) & (found.point < high)).mean() > 0.9


def test_recursive_forecasts_equal_feeding_back_by_hand():
    known = np.random.default_rng(1).normal(size=(64, 2))
    values = np.random.default_rng(2).normal(size=60).cumsum()
    windows = windows_of(values, horizon=1, future_covariates=known, future=4)
    model = zoo.linear_forecaster((8, 3))
    starts = np.array([0, 20, 52])  # the last window ends with the series
    found = Forecaster(model, recursive_steps=4)(windows, starts).point
    assert found.shape == (3, 4, 1)
    for row, start in enumerate(starts):
        past = list(values[start : start + 8])
        for step in range(4):
            ahead = known[start + step + 1 : start + step + 9]
            x = np.concatenate([np.array(past[-8:])[:, None], ahead], axis=1)
            past.append(float(model.predict_on_batch(np.float32(x[None]))[0, -1, 0, 0]))
        np.testing.assert_allclose(found[row, :, 0], past[8:], rtol=1e-4, atol=1e-5)
