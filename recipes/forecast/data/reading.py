"""Reads time series from a user's file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recipes.data import dates
from recipes.data.table_file import TableFile
from recipes.forecast.data import clock, gaps
from recipes.forecast.data.future_covariates import check_datetime_features, future_columns
from recipes.forecast.data.series import TimeSeries
from recipes.forecast.data.table import read_table


def read_series(
    file: TableFile,
    *,
    time: str | None = None,
    targets: Sequence[str],
    series: str | None = None,
    past_covariates: Sequence[str] = (),
    future_covariates: str | Path | None = None,
    datetime_features: Sequence[str] = (),
    missing: str = "forward",
    resample: str | None = None,
    resample_rule: str = "mean",
    partial: str = "drop",
    future: int = 0,
) -> TimeSeries:
    """Reads time series from a table, with one row per time and series.

    The arguments are the settings of `ForecastConfig` by their names; without a `time` the rows are
    equally spaced steps. `future` counts steps beyond the end for which times and future covariates
    are to be had. A `UserError` if something is wrong with the file or the arguments; the message
    says what. The series are sorted by name, and `notes` say what was decided and done.
    """
    targets, past_covariates = tuple(targets), tuple(past_covariates)
    check_datetime_features(datetime_features, time)
    clock.check_resample(resample, time)
    table = read_table(file, time, targets, series, past_covariates)
    if missing == "forward":
        gaps.leave_out_empty(table)
    if resample is not None:
        step = clock.resample(table, resample, resample_rule, partial)
    else:
        step = clock.Step("fixed", 1) if time is None else clock.find_step(table, time)
    observed = ~np.isnan(table.values[:, : len(targets)])
    gaps.fill(table, missing)
    future_times = step.after(table.times[table.offsets[1:] - 1], future)
    columns, names = future_columns(
        table, future_times, future_covariates, time, series, datetime_features, file
    )
    return TimeSeries(
        values=gaps.to_float32(table),
        targets=targets,
        past_covariates=past_covariates,
        times=dates.in_seconds(table.times, time),
        offsets=table.offsets,
        ids=table.ids,
        future_covariates=columns,
        future_names=names,
        future=future,
        future_times=dates.in_seconds(future_times, time),
        notes=(*file.notes, *table.notes),
        observed=None if observed.all() else observed,
    )
