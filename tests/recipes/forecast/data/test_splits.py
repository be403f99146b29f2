"""Splits: nothing crosses a series, and no target is ever on the wrong side of a cut."""

import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from recipes.errors import UserError
from recipes.forecast.data.series import TimeSeries
from recipes.forecast.data.splits import (
    split_by_dates,
    split_by_series,
    split_in_time,
    window_starts,
)


def make(*blocks):
    """One series a block of times."""
    times = np.concatenate([np.asarray(block) for block in blocks])
    count, steps = len(blocks), len(times)
    return TimeSeries(
        values=np.zeros((steps, 1), np.float32),
        targets=("y",),
        past_covariates=(),
        times=times,
        offsets=np.cumsum([0, *map(len, blocks)]).astype(np.int64),
        ids=tuple(str(number) for number in range(count)),
        future_covariates=np.zeros((steps, 0), np.float32),
        future_names=(),
        future=0,
        future_times=np.zeros((count, 0), times.dtype),
    )


def test_a_small_split_by_hand():
    # Cuts at times 14 and 17; windows of 3 inputs and 2 targets.
    splits = split_in_time(make(np.arange(20)), 3, 2, validation=0.15, test=0.15)
    assert splits["train"].tolist() == list(range(10))  # Last target of the last one: 9 + 4 = 13.
    assert splits["validation"].tolist() == [11, 12]  # Targets 14, 15 and 15, 16.
    assert splits["test"].tolist() == [14, 15]  # Targets 17, 18 and 18, 19.


@settings(deadline=None)
@given(
    spans=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 60)), min_size=1, max_size=5),
    window=st.integers(1, 8),
    horizon=st.integers(1, 6),
    validation=st.floats(0.05, 0.45),
    test=st.floats(0.05, 0.45),
)
def test_windows_stay_in_their_series_and_targets_in_their_split(
    spans, window, horizon, validation, test
):
    series = make(*[np.arange(start, start + length) for start, length in spans])
    try:
        splits = split_in_time(series, window, horizon, validation, test)
    except UserError:
        assume(False)
    bounds = {}
    for name, starts in splits.items():
        ends = starts + window + horizon - 1
        origins = starts + window - 1  # a window of a short series may start before it does
        np.testing.assert_array_equal(series.series_of(origins), series.series_of(ends))
        targets = series.times[(starts + window)[:, None] + np.arange(horizon)]
        bounds[name] = targets.min(), targets.max()
        assert len(np.unique(starts)) == len(starts)
    assert bounds["train"][1] < bounds["validation"][0]
    assert bounds["validation"][1] < bounds["test"][0]


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    window=st.integers(1, 9),
    horizon=st.integers(1, 9),
)
def test_all_windows_are_listed(lengths, window, horizon):
    series = make(*[np.arange(length) for length in lengths])
    expected = [
        row
        for first, last in zip(series.offsets[:-1], series.offsets[1:], strict=True)
        for row in range(first, last - window - horizon + 1)
    ]
    if expected:
        assert window_starts(series, window, horizon).tolist() == expected
    else:
        with pytest.raises(UserError, match=f"has {max(lengths)} rows"):
            window_starts(series, window, horizon)


@pytest.mark.parametrize(
    ("window", "horizon", "fractions", "words"),
    [
        (80, 1, (0.2, 0.2), ("train", "60 rows", "needs 81", "--window", "--validation_fraction")),
        (5, 40, (0.05, 0.2), ("train", "20 rows", "needs 45", "--window", "--horizon")),
        (95, 10, (0.2, 0.2), ("100 rows", "105 rows", "--window", "--horizon")),
        (5, 5, (0.0, 0.2), ("--validation_fraction", "0.0")),
        (5, 5, (0.6, 0.4), ("less than 1", "0.6")),
        (0, 5, (0.2, 0.2), ("--window", "at least 1", "0")),
        (5, -1, (0.2, 0.2), ("--horizon", "at least 1", "-1")),
    ],
)
def test_an_empty_split_says_which_flag_to_change(window, horizon, fractions, words):
    with pytest.raises(UserError) as caught:
        split_in_time(make(np.arange(100)), window, horizon, *fractions)
    for word in words:
        assert word in str(caught.value)


def test_a_part_is_a_horizon_long_at_least():
    splits = split_in_time(make(np.arange(72)), 12, 12, 0.15, 0.15)
    assert (splits["validation"].tolist(), splits["test"].tolist()) == ([36], [48])
    assert splits["train"].tolist() == list(range(25))
    splits = split_in_time(make(np.arange(72)), 12, 12, 0.15, 0.15, skip=12 / 72)
    assert (splits["validation"].tolist(), splits["test"].tolist()) == ([24], [36])


def test_each_series_is_split_at_its_own_end():
    series = make(np.arange(20), np.arange(8), np.arange(4))
    splits = split_in_time(series, 3, 2, validation=0.1, test=0.1, each=True)
    # Two rows of test and two of validation at the end of each; the last series is so short that
    # its only window has two rows of its own, after its first value once more.
    assert splits["test"].tolist() == [15, 20 + 3, 28 - 1]
    assert splits["validation"].tolist() == [13, 20 + 1]
    assert splits["train"].tolist() == list(range(12))
    with pytest.raises(UserError, match="The train split is empty"):
        split_in_time(make(np.arange(8)), 3, 2, validation=0.1, test=0.1, each=True)


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    window=st.integers(1, 8),
    horizon=st.integers(1, 4),
)
def test_no_target_of_a_series_is_in_two_parts(lengths, window, horizon):
    series = make(*map(np.arange, lengths))
    try:
        splits = split_in_time(series, window, horizon, 0.2, 0.2, each=True)
    except UserError:
        return
    targets = {
        name: {row for start in starts for row in range(start + window, start + window + horizon)}
        for name, starts in splits.items()
    }
    assert not targets["train"] & targets["validation"]
    assert not (targets["train"] | targets["validation"]) & targets["test"]
    for starts in splits.values():
        origins = starts + window - 1
        assert (series.series_of(origins) == series.series_of(origins + horizon)).all()
        own = origins + 1 - series.offsets[series.series_of(origins)]
        assert (own >= min(window, horizon)).all()


def test_dates_stand_for_all_of_what_they_name():
    days = np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]").astype("datetime64[s]")
    bounds = {"train": ("2020-01", "2020-01"), "test": ("2020-02", "2020-02-29")}
    inside = split_by_dates(make(days), 7, 2, bounds)
    assert inside["train"].tolist() == list(range(31 - 8))
    assert inside["test"].tolist() == list(range(31, 60 - 8))
    with pytest.raises(UserError, match="2020-03"):
        split_by_dates(make(days), 7, 2, {"test": ("2020-03", "2020-04")})


def test_whole_series_are_split_in_order():
    series = make(np.arange(4), np.arange(5), np.arange(4), np.arange(4))
    splits = split_by_series(series, 3, 1, counts=(2, 1, 1))
    assert {name: rows.tolist() for name, rows in splits.items()} == {
        "train": [0, 4, 5],
        "validation": [9],
        "test": [13],
    }
    with pytest.raises(ValueError, match="at most 4"):
        split_by_series(series, 3, 1, counts=(3, 1, 1))
    with pytest.raises(UserError, match="validation split is empty"):
        split_by_series(series, 3, 2, counts=(2, 1, 1))


def test_a_million_rows_are_split_at_once():
    series = make(*[np.arange(10_000)] * 100)
    started = time.process_time()
    splits = split_in_time(series, 50, 10)
    assert sum(map(len, splits.values())) > 990_000 - 100 * 120
    assert time.process_time() - started < 30  # A loop over rows would take minutes.
