"""Forecasts of a saved run: beyond the end of a file, and those of its test part again."""

import sys
from dataclasses import replace

import numpy as np

from recipes.data.dates import show
from recipes.data.files import say_notes
from recipes.engine.selection import joined
from recipes.errors import UserError, reading
from recipes.forecast import statistics, tables
from recipes.forecast.data.splits import apart, window_starts
from recipes.forecast.data.windows import Windows
from recipes.forecast.intervals import ConformalIntervals
from recipes.forecast.loading import load_series, open_file, split_windows
from recipes.forecast.task import ForecastTask


def predict(
    folder, config, metadata, source, output, future_covariates=None, backtest=False, overlap=False
) -> None:
    """Writes forecasts as CSV.

    For each series, the forecast of the steps that follow its end, by the model that was trained
    on all rows where the run has one. A backtest begins with those whose origin lies at or after
    the run's first test origin, as far as the input has the steps that they forecast (on the run's
    own data: its `predictions.csv` to the last digit).

    `overlap` asks for a backtest of all origins, not only of those whose steps do not overlap;
    `future_covariates` is a file that takes the place of the run's.
    """
    if not config.wide:
        config = replace(config, time=metadata["time"], target=metadata["target"])
    if future_covariates is not None:
        config = replace(config, future_covariates=future_covariates)
    window = metadata.get("window", config.window)
    config = replace(config, window=window, period=metadata["period"])
    file = None
    if source is not None or config.data:
        guess = config.data is None  # the run was trained on a data set
        config = config if source is None else replace(config, in_memory=None)
        before = metadata.get("reading")
        config, file, rows = open_file(config, source or config.data, before, guess)
        if rows and source is not None:
            raise UserError(
                f"{source} has {rows.count:,} rows, which do not fit into memory. Give the last "
                "ones of each series, or some series at a time."
            )
    future = 0 if source is None and config.dataset == "book_series" else config.horizon
    backtest = backtest or overlap or not future
    series = load_series(config, future=future, file=file)
    starts = split_windows(config, series) if source is None else {}
    task = ForecastTask(config, Windows(series, config.window, config.horizon, starts))
    partners = folder.read_partners()
    if partners.keys() & {"auto_ets", "auto_arima"} and not statistics.installed():
        raise UserError(f"{folder.path} forecasts with {', '.join(partners)}. {statistics.HINT}")
    kept = metadata.get("statistics", {})
    with reading(folder.partners):
        lasting = {name: statistics.Statistical(name, task.period, kept[name]) for name in partners}

    def saved(refit=False):
        return joined(task.predictor(folder.load(refit)), partners, lasting)

    forecaster = saved()
    intervals, found, parts = ConformalIntervals.load(folder, config.conformal), [], []
    if source is None and backtest:
        found.append((starts["test"], task.predict(forecaster, "test")))
    elif backtest:
        parts.append((_test_starts(config, metadata, series), forecaster))
    if future:
        # The model that has seen all rows must not be asked about them.
        last = metadata.get("last_time") if source is not None else None  # format 1 has none
        goes_on = last is None or series.times.max() >= _time_of_run(last, series.times.dtype)
        model = saved(refit=True) if goes_on and folder.refit.exists() else forecaster
        parts.append((_ends(series, config.window, config.horizon), model))
    for part, model in parts:
        if not len(part):
            continue
        forecasts = model(task.windows, part)
        if intervals is not None:
            forecasts = intervals.around(task.windows, part, forecasts)
        found.append((part, forecasts))
    if source is not None:
        say_notes(series.notes)
    if not backtest:
        return tables.write_ahead(output, task.windows, *found[0], config)
    if not (overlap or config.overlap):
        few = [apart(series, part, config.window, config.horizon) for part, _ in found]
        found = [(part[f], them.take(f)) for f, (part, them) in zip(few, found, strict=True)]
    return tables.write(output, task.windows, found, config)


def _test_starts(config, metadata, series):
    """First rows of windows of a file from the run's first test origin on."""
    if np.diff(series.offsets).max() < config.window + config.horizon:
        return np.empty(0, np.int64)  # enough at most to forecast what follows the end
    kept = 1 - config.validation_fraction - config.test_fraction
    starts = window_starts(series, config.window, config.horizon, kept)
    origins = series.times[starts + config.window - 1]
    return starts[origins >= _time_of_run(metadata["first_test_origin"], origins.dtype)]


def _time_of_run(text, dtype):
    """A time of the run, as one like those of the input."""
    dates = dtype.kind == "M"
    if dates == text.lstrip("-").isdigit():
        kinds = ("steps by number", "dates")
        raise UserError(
            f"The run was trained on {kinds[not dates]}; the input has {kinds[dates]}. Give the "
            "input the same kind of time column."
        )
    return np.array(text).astype(dtype)


def _ends(series, window, horizon):
    """First rows of the last window of each series that is long enough for one."""
    lengths = np.diff(series.offsets)
    least = window if series.num_series == 1 else min(window, horizon)
    short = np.flatnonzero(lengths < least)
    if len(short):
        name = series.ids[short[0]] or "the series"
        message = (
            f"A forecast needs the last {least} steps. Received: {name} with "
            f"{lengths[short[0]]}, which begins at {show(series.times[series.offsets[short[0]]])}"
        )
        if len(short) == len(lengths):
            raise UserError(f"{message}.")
        print(f"note: {message}: {len(short)} such series left out.", file=sys.stderr)
    return (series.offsets[1:] - window)[lengths >= least]
