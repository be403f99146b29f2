"""Which windows of a series are for training, validation and test.

A window that starts at row `s` has its inputs in rows `s .. s + window - 1` and its last target in
row `s + window + horizon - 1`, all in one series; but for inputs of a short series, see `Windows`.
Splits are arrays of such start rows.
"""

from collections.abc import Mapping

import numpy as np

from recipes.data.dates import show
from recipes.errors import UserError
from recipes.forecast.data.series import TimeSeries

NAMES = ("train", "validation", "test")


def split_in_time(
    series: TimeSeries,
    window: int,
    horizon: int,
    validation: float = 0.15,
    test: float = 0.15,
    skip: float = 0.0,
    each: bool = False,
    like: TimeSeries | None = None,
) -> dict[str, np.ndarray]:
    """Splits windows at two times that all series share, so that none sees another's future.

    Training targets all lie before the first cut, validation targets between the two and test
    targets at or after the second, each part a horizon long at least. Inputs may reach back across
    a cut; targets never do. A `UserError` if a fraction is out of range, or a split would be empty.

    The fractions are of all rows; `skip` leaves the last ones out: a test part further back. With
    `each`, every series is split at its own end instead, so that the test part holds every one that
    is long enough: fractions are of its rows, each part a horizon long at least. With `like`, the
    two times are those of these other series, and a split may be empty.

    Returns:
        `{"train": ..., "validation": ..., "test": ...}`, int64 start rows in ascending order.
    """
    if not (validation > 0 and test > 0 and validation + test < 1):
        raise UserError(
            "Expected --validation_fraction and --test_fraction to be above 0 and to sum to less "
            f"than 1. Received: {validation} and {test}."
        )
    starts = window_starts(series, window, horizon, 1 - validation - test - skip)
    sizes = horizon, validation, test, skip
    inside = _at_their_ends(series, *sizes) if each else _in_time(series, like or series, *sizes)
    first, last = starts + window, starts + (window + horizon - 1)
    splits = {name: starts[rows[first] & rows[last]] for name, rows in inside.items()}
    for name, found in splits.items():
        if not len(found) and like is None:
            most = int(np.add.reduceat(inside[name], series.offsets[:-1], dtype=np.int64).max())
            _refuse_empty(name, most, window, horizon)
    return splits


def _in_time(series, like, horizon, validation, test, skip):
    """Masks of the rows of each part, between two times that all series share."""
    rows = len(like)
    sizes = (validation + test + skip, test + skip, skip)
    marks = [max(0, min(rows - 1, rows - round(rows * size))) for size in sizes]
    first, second, last = np.partition(like.times, marks)[marks]
    steps = like.times if like.num_series == 1 else np.unique(like.times)
    place = np.searchsorted(steps, last) if skip else len(steps)
    second = min(second, steps[max(0, place - horizon)])
    first = min(first, steps[max(0, np.searchsorted(steps, second) - horizon)])
    # Without a skip, the last row itself belongs to the test part.
    before_end = series.times < last if skip else np.ones(len(series), bool)
    return {
        "train": series.times < first,
        "validation": (series.times >= first) & (series.times < second),
        "test": (series.times >= second) & before_end,
    }


def _at_their_ends(series, horizon, validation, test, skip):
    """Masks of the rows of each part, of every series by itself."""
    lengths = np.diff(series.offsets)
    last = series.offsets[1:] - np.round(skip * lengths).astype(np.int64)
    second = last - np.maximum(horizon, np.round(test * lengths).astype(np.int64))
    first = second - np.maximum(horizon, np.round(validation * lengths).astype(np.int64))
    rows, which = np.arange(len(series)), np.repeat(np.arange(series.num_series), lengths)
    parts = zip(NAMES, (series.offsets[:-1], first, second), (first, second, last), strict=True)
    return {name: (rows >= start[which]) & (rows < end[which]) for name, start, end in parts}


def split_by_dates(
    series: TimeSeries, window: int, horizon: int, bounds: Mapping[str, tuple[str, str]]
) -> dict[str, np.ndarray]:
    """Splits windows of dated rows by given dates, as the book does; see `split_in_time`.

    A first and a last date bound every split, as NumPy reads them: each stands for all of what it
    names, so that `("2016-01", "2018-12")` ends with the last second of December 2018. Inputs and
    targets are both inside. A `UserError` if a split would be empty.
    """
    starts = window_starts(series, window, horizon)
    opening, closing = series.times[starts], series.times[starts + (window + horizon - 1)]
    splits = {}
    for name, (first, last) in bounds.items():
        end = np.datetime64(last) + np.timedelta64(1, np.datetime_data(np.datetime64(last)))
        inside = (opening >= np.datetime64(first)) & (closing < end)
        splits[name] = starts[inside]
        if not inside.any():
            raise UserError(
                f"No window of {window} inputs and {horizon} steps to forecast lies in the "
                f"{name} split, {first} to {last}; the data has "
                f"{show(series.times.min())} to {show(series.times.max())}. Lower --window or "
                "--horizon."
            )
    return splits


def split_by_series(
    series: TimeSeries, window: int, horizon: int, counts: tuple[int, int, int] = (7000, 2000, 1000)
) -> dict[str, np.ndarray]:
    """Splits whole series, so many for training, validation and the test; see `split_in_time`.

    A `ValueError` if there are fewer series than `counts` asks for.
    """
    if sum(counts) > series.num_series or min(counts) < 1:
        raise ValueError(
            f"Expected counts of at least 1 that sum to at most {series.num_series} series. "
            f"Received: counts={counts}"
        )
    starts = window_starts(series, window, horizon)
    edges = np.searchsorted(starts, series.offsets[np.cumsum((0, *counts))])
    splits = {name: starts[edges[i] : edges[i + 1]] for i, name in enumerate(NAMES)}
    for name, found in splits.items():
        if not len(found):
            _refuse_empty(name, int(np.diff(series.offsets).max()), window, horizon, cut=False)
    return splits


def window_starts(
    series: TimeSeries, window: int, horizon: int, kept: float | None = None
) -> np.ndarray:
    """The start rows, int64, of all windows that lie within one series, in their order.

    Where there are several series, those for which the fraction `kept` of the rows to train on is
    less than a window have windows that start before they do, up to where a horizon of their own
    rows is left. Defaults to none that do. A `UserError` if a length is below 1, or every series is
    shorter than one window.
    """
    for flag, value in (("--window", window), ("--horizon", horizon)):
        if value < 1:
            raise UserError(f"Expected {flag} to be at least 1. Received: {value}.")
    span = window + horizon
    lengths = np.diff(series.offsets)
    before = np.zeros_like(lengths)
    if kept is not None and series.num_series > 1 and lengths.max() >= span:
        before[kept * lengths < span] = max(window - horizon, 0)
    counts = np.maximum(lengths + before - span + 1, 0)
    first = series.offsets[:-1] - before - np.r_[0, np.cumsum(counts)[:-1]]
    starts = np.arange(counts.sum()) + np.repeat(first, counts)
    if not len(starts):
        longest = "The data has" if series.num_series == 1 else "The longest series has"
        if horizon >= lengths.max():
            raise UserError(
                f"Expected --horizon to be shorter than the series. Received: {horizon}. {longest} "
                f"{lengths.max()} rows. Lower --horizon, or bring more data."
            )
        raise UserError(
            f"{longest} {lengths.max()} rows, and one window needs --window {window} + --horizon "
            f"{horizon} = {span} rows. Lower --window or --horizon, or bring more data."
        )
    return starts


def apart(series: TimeSeries, starts: np.ndarray, window: int, horizon: int) -> np.ndarray:
    """Which of some windows to take so that the steps they forecast do not overlap.

    Positions in `starts`, which ascend, the first one of each series among them.
    """
    kept, last = [], None
    numbers = series.series_of(starts + window - 1)
    for place, (start, which) in enumerate(zip(starts, numbers, strict=True)):
        if last is None or which != last[0] or start >= last[1]:
            kept.append(place)
            last = which, start + horizon
    return np.array(kept, np.int64)


def _refuse_empty(name: str, rows: int, window: int, horizon: int, cut: bool = True) -> None:
    """One message for all splits: how many rows, how many are needed, which flag to change."""
    inputs_inside = name == "train" or not cut
    needed = window + horizon if inputs_inside else horizon
    sum_of = f"--window {window} + --horizon {horizon}" if inputs_inside else "--horizon"
    change = "lower --window or --horizon" if inputs_inside else "lower --horizon"
    if cut:
        other = "validation" if name == "train" else name
        verb = "lower" if name == "train" else "raise"
        change += f", or {verb} --{other}_fraction"
    raise UserError(
        f"The {name} split is empty: it has {rows} rows of a series at most, and one window needs "
        f"{needed} ({sum_of}) there. To change that, {change}, or bring more data."
    )
