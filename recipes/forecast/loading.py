"""Reads the series that the flags of a forecasting run name, and splits its windows."""

from dataclasses import replace

from recipes.errors import UserError
from recipes.forecast.data import splits
from recipes.forecast.data.book_series import book_series
from recipes.forecast.data.guess import guess_columns
from recipes.forecast.data.reading import read_series
from recipes.forecast.data.ridership import ridership
from recipes.forecast.data.windows import Windows
from recipes.forecast.task import ForecastTask

#: The book's dates (3rd edition, chapter 15); its test part ends before the pandemic.
RIDERSHIP_DATES = {
    "train": ("2016-01", "2018-12"),
    "validation": ("2019-01", "2019-05"),
    "test": ("2019-06", "2020-02"),
}


def load(config) -> ForecastTask:
    """The series of a run, with its windows split.

    Args:
        config: A `ForecastConfig`.

    Returns:
        A `ForecastTask`.

    Raises:
        UserError: If the data is not what the flags say.
    """
    _check_sizes(config)
    if config.data:
        config = name_columns(config, config.data)
    series = load_series(config)
    starts = split_windows(config, series)
    task = ForecastTask(config, Windows(series, config.window, config.horizon, starts))
    _check_backtest(task)
    _check_scale(task)
    return task


def name_columns(config, path):
    """The configuration of a run with the columns of a file that the flags leave open."""
    taken = {config.series, *config.past_covariates} - {None}
    time, targets = guess_columns(path, config.time, config.target, taken)
    return replace(config, time=time, target=targets)


def load_series(config, future=0, path=None):
    """The `TimeSeries` of a run, or another file read in the same way.

    Args:
        config: A `ForecastConfig`.
        future: Steps beyond the end for which times and future covariates are needed.
        path: A file to read instead of the run's own data.
    """
    if path is None and config.dataset == "book_series":
        return book_series(config.horizon)
    if path is None and config.dataset == "ridership":
        return _ridership(config, future)
    return _own(config, path or config.data, future)


def _ridership(config, future):
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


def _own(config, path, future):
    if "day_type" in config.datetime_features:
        raise UserError("day_type is known for ridership only: this run forecasts no other file.")
    return read_series(
        path,
        time=config.time,
        targets=config.target,
        series=config.series,
        past_covariates=config.past_covariates,
        future_covariates=config.future_covariates,
        datetime_features=config.datetime_features,
        missing=config.missing,
        resample=config.resample,
        resample_rule=config.resample_rule,
        future=future,
    )


def split_windows(config, series) -> dict:
    """First rows of the training, validation and test windows of a run."""
    if config.dataset == "book_series":
        if config.window > 50:
            raise UserError(f"book_series have windows of 50 at most. Received: {config.window}")
        return splits.split_by_series(series, config.window, config.horizon)
    if config.dataset == "ridership":
        return splits.split_by_dates(
            series, config.window, config.horizon, RIDERSHIP_DATES, context=False
        )
    return splits.split_in_time(
        series, config.window, config.horizon, config.validation_fraction, config.test_fraction
    )


def _check_backtest(task):
    """Cuts the windows of every fold once, so that a lack of data shows before the training."""
    try:
        task.folds()
    except UserError as error:
        raise UserError(
            f"--backtest {task.config.backtest} reaches back too far. {error} Or lower --backtest."
        ) from error


def _check_scale(task):
    """Refuses numbers that 32-bit floats cannot standardise."""
    series = task.windows.series
    _, scale = task.scaling
    for name, deviation in zip(series.targets + series.past_covariates, scale, strict=False):
        if not 1e-6 < deviation < 1e15:
            raise UserError(
                f"Expected values of {name!r} that deviate by 1e-6 to 1e15. Received: "
                f"{deviation:.1e}. Multiply the column by a power of ten."
            )


def _check_sizes(config):
    if config.difference and config.difference >= config.window:
        raise UserError(
            f"--difference must be below --window ({config.window}). Received: {config.difference}"
        )
