"""Chicago's ridership against the numbers printed in the book."""

import numpy as np
import pytest

from recipes.forecast.data.ridership import ridership
from recipes.forecast.data.splits import split_by_dates

pytestmark = pytest.mark.usefixtures("zoo_data")


def test_the_naive_forecast_of_spring_2019_scores_as_printed():
    series = ridership(("bus", "rail"))
    spring = (series.times >= np.datetime64("2019-03-01")) & (
        series.times < np.datetime64("2019-06-01")
    )
    rows = np.flatnonzero(spring)
    errors = np.abs(series.values[rows].astype(float) - series.values[rows - 7])
    np.testing.assert_allclose(errors.mean(axis=0), [43915.6, 42143.3], atol=0.05)


def test_every_day_is_there_once():
    series = ridership()
    assert series.times[0] == np.datetime64("2001-01-01")
    assert series.times[-1] == np.datetime64("2021-11-30")
    assert (np.diff(series.times) == np.timedelta64(1, "D")).all()
    assert "62 duplicate rows" in series.notes[0]
    assert series.future_covariates.shape == (len(series), 0)
    assert series.past_covariates == ()


def test_the_kind_of_day_is_known_beyond_the_end():
    series = ridership(("rail",), past_covariates=("bus",), day_type=True, future=7)
    assert series.values.shape[1] == 2
    assert series.future_names == ("day_type_A", "day_type_U", "day_type_W")
    np.testing.assert_array_equal(series.future_covariates.sum(axis=1), 1)
    # From Wednesday, 2021-12-01 on: Saturday is the fourth day, Sunday the fifth.
    np.testing.assert_array_equal(
        series.future_covariates[-7:].argmax(axis=1), [2, 2, 2, 0, 1, 2, 2]
    )
    christmas = np.flatnonzero(series.times == np.datetime64("2018-12-25"))
    np.testing.assert_array_equal(series.future_covariates[christmas], [[0, 1, 0]])
    assert any("weekday" in note for note in series.notes)


def test_the_books_dates_give_the_books_windows():
    bounds = {"train": ("2016-01", "2018-12"), "validation": ("2019-01", "2019-05")}
    splits = split_by_dates(ridership(), 56, 1, bounds)
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 1040, "validation": 95}


@pytest.mark.parametrize("targets", [(), ("tram",), ("rail", "rail")])
def test_other_columns_are_refused(targets):
    with pytest.raises(ValueError, match="targets="):
        ridership(targets)
