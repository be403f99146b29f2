"""Which series are modelled by their changes."""

import numpy as np
import pytest

from recipes.forecast.data.series import TimeSeries
from recipes.forecast.differencing import changes, choose_lag


def series(*blocks):
    values = np.concatenate(blocks).astype(np.float32)[:, None]
    offsets = np.cumsum([0, *map(len, blocks)])
    return TimeSeries(
        values=values,
        targets=("y",),
        past_covariates=(),
        times=np.concatenate([np.arange(len(block)) for block in blocks]),
        offsets=offsets,
        ids=tuple(map(str, range(len(blocks)))),
        future_covariates=np.zeros((len(values), 0), np.float32),
        future_names=(),
        future=0,
        future_times=np.zeros((len(blocks), 0), np.int64),
    )


STEPS = np.arange(300)
NOISE = np.random.default_rng(0).normal(size=300)


@pytest.mark.parametrize(
    ("values", "period", "horizon", "lag"),
    [
        (NOISE, 1, 1, 0),
        (NOISE.cumsum(), 1, 1, 1),
        (np.sin(STEPS * 2 * np.pi / 12) + 0.05 * NOISE, 12, 6, 12),
        # One step ahead the last value is close enough; a day ahead the season counts.
        (10 * np.sin(STEPS * 2 * np.pi / 24) + 0.5 * NOISE.cumsum(), 24, 24, 24),
    ],
)
def test_the_lag_that_leaves_least_to_forecast(values, period, horizon, lag):
    found = series(values)
    assert choose_lag(found, np.ones(300, bool), period, window=60, horizon=horizon) == lag


def test_a_season_longer_than_half_the_window_is_not_used():
    found = series(np.sin(STEPS * 2 * np.pi / 40))
    assert choose_lag(found, np.ones(300, bool), 40, window=60, horizon=40) == 0


def test_levels_of_several_series_are_not_deviation():
    found = series(NOISE, 1000 + NOISE)
    assert choose_lag(found, np.ones(600, bool), 1, window=20, horizon=1) == 0


def test_changes_stay_inside_series_and_rows():
    found = series([1.0, 2.0, 4.0], [100.0, 107.0])
    rows = np.array([True, True, True, True, True])
    assert changes(found, rows, 1, 1).ravel().tolist() == [1.0, 2.0, 7.0]
    rows[1] = False
    assert changes(found, rows, 1, 1).ravel().tolist() == [7.0]
