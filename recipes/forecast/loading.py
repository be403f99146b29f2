"""Reads the series that the flags of a forecasting run name, and splits its windows."""

from dataclasses import replace
from functools import partial

import numpy as np

from recipes.errors import UserError
from recipes.forecast.data import splits
from recipes.forecast.data.book_series import book_series
from recipes.forecast.data.larger import Larger
from recipes.forecast.data.opening import open_file
from recipes.forecast.data.reading import read_series
from recipes.forecast.data.ridership import ridership

#: The book's dates (3rd edition, chapter 15); its test part ends before the pandemic.
RIDERSHIP_DATES = {
    "train": ("2016-01", "2018-12"),
    "validation": ("2019-01", "2019-05"),
    "test": ("2019-06", "2020-02"),
}

#: Settings of the reader that have its names.
_READING = (
    "time", "series", "past_covariates", "future_covariates", "datetime_features", "missing",
    "resample", "resample_rule", "partial",
)  # fmt: skip


def check(config) -> None:
    """Raises a `UserError` if the series in a file cannot be read, or are too short."""
    config, file, _ = open_file(config, config.data)
    split_windows(replace(config, window=config.window or 1), load_series(config, file=file))


def load(config):
    """The series of a run, with its windows split, as a `ForecastTask`."""
    from recipes.forecast.data.windows import Windows
    from recipes.forecast.task import ForecastTask

    file = rows = None
    if config.data:
        config, file, rows = open_file(config, config.data)
    series = load_series(config, file=file)
    larger = rows and Larger(rows, config, file, series, partial(load_series, config, 0))
    if config.window is None:
        window, note = choose_window(config, series)
        config = replace(config, window=window)
        series = replace(series, notes=(*series.notes, note))
    if config.difference and config.difference >= config.window:
        raise UserError(
            f"--difference must be below --window ({config.window}). Received: {config.difference}"
        )
    starts = split_windows(config, series)
    series = replace(series, notes=(*series.notes, *_short(config, series)))
    windows = Windows(series, config.window, config.horizon, starts)
    task = ForecastTask(
        config, windows, file.decided if file else {}, _splits_each(config, series), larger=larger
    )
    try:  # the windows of every fold, once, so that a lack of data shows before the training
        task.folds()
    except UserError as error:
        raise UserError(
            f"--backtest {config.backtest} reaches back too far. {error} Or lower --backtest."
        ) from error
    _check(task)
    return task


def load_series(config, future=0, file=None):
    """The `TimeSeries` of a run, or another `TableFile` read in the same way.

    `future` counts steps beyond the end for which times and future covariates are needed. A
    `UserError` if columns or features of dates are asked for that the data does not have.
    """
    if file is not None and "day_type" in config.datetime_features:
        raise UserError("day_type is known for ridership only: this run forecasts no other file.")
    if file is not None:
        settings = {name: getattr(config, name) for name in _READING}
        return read_series(file, targets=config.target, future=future, **settings)
    if config.dataset == "book_series":
        return book_series(config.horizon)
    if set(config.datetime_features) - {"day_type"}:
        raise UserError(
            "ridership knows only --datetime_features day_type. Received: "
            f"{config.datetime_features}"
        )
    try:
        day_type = "day_type" in config.datetime_features
        return ridership(config.target, config.past_covariates, day_type, future)
    except ValueError as error:
        raise UserError(f"--target and --past_covariates: {error}") from error


def choose_window(config, series) -> tuple[int, str]:
    """How far a model looks back where no flag says it, in steps, and a note.

    By the season, the horizon and the rows: three horizons, and two seasons at least, in whole
    seasons; up to twelve horizons where several series have a thousand rows for each step of it.
    But no more than a third of the rows before the validation part of a series in the middle.
    """
    from recipes.forecast.baselines import season_of

    lengths = np.diff(series.offsets)
    parts = (config.validation_fraction, config.test_fraction)
    kept = max(0.0, 1 - sum(max(part, config.horizon / np.median(lengths)) for part in parts))
    before = np.arange(len(series)) - np.repeat(series.offsets[:-1], lengths)
    period = config.period or season_of(series, before < kept * np.repeat(lengths, lengths))
    most = max(1, int(np.median(lengths) * kept / 3))
    window = max(3 * config.horizon, 2 * period, 8)
    if len(lengths) > 1:
        window = max(window, min(12 * config.horizon, int(kept * len(series) / 1000)))
    window = min(window, most)
    window = max(window // period * period, min(period, most), 1)
    season = f"a season of {period} steps" if period > 1 else "no season"
    return window, (
        f"--window {window}: for {season}, a horizon of {config.horizon} and series of "
        f"{np.median(lengths):,.0f} rows"
    )


def _short(config, series):
    """Says which series are short for a window or a horizon, and which too short."""
    lengths, least = np.diff(series.offsets), config.window
    notes = ()
    if config.data:
        small = min(config.validation_fraction, config.test_fraction) * np.median(lengths)
        if small < config.horizon:
            notes = (f"validation and test part: {config.horizon} rows, a horizon, at least",)
    if config.data and len(lengths) > 1:
        kept = 1 - config.validation_fraction - config.test_fraction
        least = min(config.window, config.horizon)
        span = config.window + config.horizon
        count = int((kept * lengths < span).sum())
        if count and lengths.max() >= span:
            notes = (f"windows of {count:,} short series begin with their first value, repeated",)
    short = np.flatnonzero(lengths < least + config.horizon)
    if not len(short):
        return notes
    named = [f"{series.ids[index]} ({lengths[index]:,})" for index in short[:5]]
    return (
        *notes,
        f"{len(short):,} of {len(lengths):,} series have fewer rows than {least} and --horizon "
        f"{config.horizon} after them, and nothing is learned from them: "
        f"{', '.join(named)}{', ...' if len(short) > 5 else ''}",
    )


def split_windows(config, series) -> dict:
    """First rows of a run's training, validation and test windows; a `UserError` without any."""
    if config.dataset == "book_series":
        if config.window > 50:
            raise UserError(f"book_series have windows of 50 at most. Received: {config.window}")
        return splits.split_by_series(series, config.window, config.horizon)
    if config.dataset == "ridership":
        return splits.split_by_dates(series, config.window, config.horizon, RIDERSHIP_DATES)
    return splits.split_in_time(
        series, config.window, config.horizon, config.validation_fraction, config.test_fraction,
        each=_splits_each(config, series),
    )  # fmt: skip


def _splits_each(config, series):
    """Whether each series is split at its own end, not all at the same times."""
    steps = series.times.dtype.kind != "M"
    return config.split == "each" or (config.split == "auto" and steps and series.num_series > 1)


def _check(task):
    """Refuses numbers that 32-bit floats cannot standardise, and a season longer than the series.

    Of such a season, the series hold no two values: MASE would have no unit.
    """
    series, period = task.windows.series, task.config.period
    _, scale = task.scaling
    for name, deviation in zip(series.targets + series.past_covariates, scale, strict=False):
        if not 1e-6 < deviation < 1e15:
            raise UserError(
                f"Expected values of {name!r} that deviate by 1e-6 to 1e15. Received: "
                f"{deviation:.1e}. Multiply the column by a power of ten."
            )
    rows = np.add.reduceat(task.rows_before_test, series.offsets[:-1], dtype=np.int64).max()
    if period is not None and period >= rows:
        raise UserError(
            "Expected --period to be shorter than the series before the test part. Received: "
            f"{period}, and the longest has {rows} rows there. Lower --period (1 is for no season)."
        )
