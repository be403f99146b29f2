"""Conformal intervals of forecasts."""

from types import SimpleNamespace

import numpy as np
import pytest

from recipes.errors import UserError
from recipes.forecast.data.series import TimeSeries
from recipes.forecast.data.windows import Windows
from recipes.forecast.forecasts import Forecasts
from recipes.forecast.intervals import ConformalIntervals

HORIZON = 3


def walks(count, steps=2500):
    """Random walks; what follows a window is unknown, and further ahead more so."""
    moves = np.random.default_rng(0).normal(size=(count, steps))
    values = moves.cumsum(axis=1).reshape(-1, 1).astype("float32")
    series = TimeSeries(
        values=values,
        times=np.tile(np.arange(steps), count),
        targets=("y",),
        past_covariates=(),
        future_covariates=np.zeros((count * steps, 0), np.float32),
        future_names=(),
        future=0,
        future_times=np.zeros((count, 0), np.int64),
        ids=tuple(f"s{n}" for n in range(count)),
        offsets=np.arange(count + 1) * steps,
    )
    return Windows(series, 20, HORIZON, {})


def parts(windows, steps, begin, end):
    """Windows of a part of each series, their naive forecasts, and what came."""
    starts = [np.arange(begin, end) + n * steps for n in range(windows.series.num_series)]
    starts = np.concatenate(starts)
    last = windows.series.values[starts + 19]
    point = np.repeat(last[:, None], HORIZON, axis=1)
    return starts, Forecasts(point, {}), windows.targets(starts)[:, 0]


def coverage(found, actual, level):
    lower, upper = found.intervals[level]
    return ((lower <= actual) & (actual <= upper)).mean()


@pytest.mark.parametrize(("count", "steps"), [(1, 2500), (20, 250)])
def test_they_hold_as_often_as_asked_and_widen(count, steps):
    windows = walks(count, steps)
    half = steps // 2
    starts, forecasts, actual = parts(windows, steps, 0, half - 25)
    intervals = ConformalIntervals.fit([80, 95], windows, starts, forecasts, actual, 1)
    starts, forecasts, actual = parts(windows, steps, half, steps - 25)
    found, after = intervals.followed(windows, starts, forecasts, actual)
    for level in (80, 95):
        assert abs(coverage(found, actual, level) - level / 100) < 0.02
        lower, upper = found.intervals[level]
        width = (upper - lower)[..., 0]
        assert (np.diff(width, axis=1) >= -1e-4).all()
        assert width[:, 2].mean() > 1.3 * width[:, 0].mean()  # sqrt(3) for a random walk
    assert after.radii[80].shape == (count + 1, HORIZON, 1)


def test_they_follow_a_series_that_changes_its_ways():
    """Forecasts that overshoot ever more: fixed intervals would hold less and less often."""
    windows = walks(1)
    starts, forecasts, actual = parts(windows, 2500, 0, 400)
    intervals = ConformalIntervals.fit([80], windows, starts, forecasts, actual, 1)
    starts, forecasts, actual = parts(windows, 2500, 500, 2400)
    forecasts = Forecasts(forecasts.point + 2.5, {})
    fixed = intervals.around(windows, starts, forecasts)
    found, _ = intervals.followed(windows, starts, forecasts, actual)
    assert coverage(fixed, actual, 80) < 0.6
    assert abs(coverage(found, actual, 80) - 0.8) < 0.02


def test_no_interval_knows_what_comes_after_its_origin():
    windows = walks(1)
    starts, forecasts, actual = parts(windows, 2500, 0, 300)
    intervals = ConformalIntervals.fit([80], windows, starts, forecasts, actual, 1)
    other = actual.copy()
    other[150:] += 1000
    before, _ = intervals.followed(windows, starts, forecasts, actual)
    after, _ = intervals.followed(windows, starts, forecasts, other)
    same = before.intervals[80][1] == after.intervals[80][1]
    assert same[:151].all()  # what was forecast at origin 150 is known at origin 151
    assert not same[160:].any()


def test_those_of_a_head_are_corrected():
    windows = walks(1)
    starts, forecasts, actual = parts(windows, 2500, 0, 1000)
    narrow = Forecasts(forecasts.point, {80: (forecasts.point - 0.1, forecasts.point + 0.1)})
    intervals = ConformalIntervals.fit([80], windows, starts, narrow, actual, 1)
    found = intervals.around(windows, starts, narrow)
    assert abs(coverage(found, actual, 80) - 0.8) < 0.01


def test_they_are_read_back_and_know_strangers(tmp_path):
    windows = walks(2, 250)
    starts, forecasts, actual = parts(windows, 250, 0, 200)
    intervals = ConformalIntervals.fit([90], windows, starts, forecasts, actual, 1)
    intervals.radii[90][0] *= 2
    folder = SimpleNamespace(path=tmp_path)
    assert ConformalIntervals.load(folder, []) is None
    intervals.save(folder)
    intervals.ids[1] = "other"
    found = ConformalIntervals.load(folder, [80])
    np.testing.assert_array_equal(found.radii[90], intervals.radii[90])
    lower, upper = found.around(windows, starts, forecasts).intervals[90]
    width = (upper - lower)[..., 0]
    assert width[:200].mean() > 1.5 * width[200:].mean()
    (tmp_path / "conformal.npz").write_bytes(b"PK")
    with pytest.raises(UserError, match="damaged"):
        ConformalIntervals.load(folder, [80])
