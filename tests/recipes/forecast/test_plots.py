"""Pictures are drawn without a warning, whatever the times."""

import io

import numpy as np
import pandas as pd
import pytest

from recipes.forecast import plots
from recipes.forecast.data.series import TimeSeries
from recipes.forecast.data.windows import Windows
from recipes.forecast.forecasts import Forecasts


def windows_of(times, window=20, horizon=4):
    steps = len(times)
    series = TimeSeries(
        values=np.arange(steps, dtype=np.float32)[:, None], targets=("y",), past_covariates=(),
        times=times, offsets=np.array([0, steps]), ids=("",),
        future_covariates=np.zeros((steps, 0), "f"), future_names=(), future=0,
        future_times=np.zeros((1, 0), times.dtype),
    )  # fmt: skip
    return Windows(series, window, horizon, {})


def draw(figure):
    figure.savefig(io.BytesIO(), dpi=20)
    return figure


@pytest.mark.parametrize("step", ["s", "h", "D", "W", "MS", "QS", "YS", None])
def test_any_kind_of_time(step):
    if step:
        times = pd.date_range("2020-01-01", periods=60, freq=step).to_numpy("M8[s]")
    else:
        times = np.arange(60)
    windows, starts = windows_of(times), np.arange(30, 36)
    actual = windows.targets(starts)[:, 0]
    found = Forecasts(actual, {80: (actual - 1, actual + 1)})
    draw(plots.forecasts(windows, starts[:1], found))
    axis = draw(plots.test_period(windows, starts, found)).axes[0]
    lines = {line.get_label(): line.get_ydata() for line in axis.get_lines()}
    np.testing.assert_array_equal(lines["actual"], np.arange(50, 56))
    np.testing.assert_array_equal(lines["forecast"], lines["actual"])


def test_a_legend_with_every_name_and_a_colour_each():
    actual = np.zeros((5, 3, 1))
    names = ("wavenet", "naive", "seasonal_naive", "least_squares")
    found = {name: Forecasts(actual + k, {}) for k, name in enumerate(names)}
    lines = draw(plots.error_by_step(actual, found, ["y"])).axes[0].get_lines()
    assert tuple(line.get_label() for line in lines) == names
    assert len({line.get_color() for line in lines}) == 4
    assert [line.get_ydata()[0] for line in lines] == [0, 1, 2, 3]


def test_windows_are_continuous_only_in_one_series_without_gaps():
    windows = windows_of(np.arange(60))
    assert plots.is_continuous(windows, np.arange(5))
    assert not plots.is_continuous(windows, np.array([1, 2, 4]))
