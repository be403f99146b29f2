"""Future covariates: features of the dates, and a second file of the user's."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from recipes.data.dates import show
from recipes.data.files import open_table
from recipes.data.table_file import UNNAMED, TableFile
from recipes.errors import UserError
from recipes.forecast.data.table import Table, join_time

DATETIME_FEATURES = ("dayofweek", "dayofyear", "month", "hour", "weekend")


def check_datetime_features(datetime_features: Sequence[str], time: str | None) -> None:
    """Refuses datetime features that do not exist or have no dates to come from.

    A `UserError` if a name is unknown or repeated, or there is no time column.
    """
    names = set(datetime_features)
    if not names <= set(DATETIME_FEATURES) or len(names) < len(datetime_features):
        raise UserError(
            "Expected --datetime_features to list distinct names out of "
            f"{', '.join(DATETIME_FEATURES)}. Received: {', '.join(datetime_features)}."
        )
    if datetime_features and time is None:
        raise UserError("--datetime_features needs dates: name their column with --time.")


def future_columns(
    table: Table,
    future_times: np.ndarray,
    future_covariates: str | Path | None,
    time: str | None,
    series: str | None,
    datetime_features: Sequence[str],
    file: TableFile,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Collects all future covariates, for the rows of a table and beyond its end.

    They are float32 `(rows + num_series * future, columns)`, every series followed by its future,
    and the columns' names. A `UserError` if the second file does not fit, or the times are not
    dates where they must be.
    """
    future = future_times.shape[1]
    codes = np.repeat(np.arange(len(table.ids)), np.diff(table.offsets) + future)
    series_times = zip(np.split(table.times, table.offsets[1:-1]), future_times, strict=True)
    times = np.concatenate([part for pair in series_times for part in pair])
    columns, names = _from_dates(times, datetime_features, table.source)
    if future_covariates is not None:
        more = _from_file(table, file, codes, times, future_covariates, time, series, taken=names)
        columns, names = columns + more[0], names + more[1]
    block = np.empty((len(times), len(columns)), np.float32)
    for place, column in enumerate(columns):
        block[:, place] = column
    return block, tuple(names)


def _from_dates(
    times: np.ndarray, datetime_features: Sequence[str], source: str
) -> tuple[list[np.ndarray], list[str]]:
    if not datetime_features:
        return [], []
    if times.dtype.kind != "M":
        raise UserError(
            "--datetime_features needs dates. Received: step numbers in the time column of "
            f"{source}."
        )
    dates, columns, names = pd.DatetimeIndex(times), [], []
    phases = {  # places in a cycle, from 0 to less than 1
        "hour": (dates - dates.normalize()) / pd.Timedelta(days=1),
        "dayofweek": dates.day_of_week / 7,
        "dayofyear": (dates.day_of_year - 1) / 366,
        "month": (dates.month - 1) / 12,
    }
    for name in datetime_features:
        if name == "weekend":
            columns.append(dates.day_of_week >= 5)
            names.append(name)
        else:
            angle = 2 * np.pi * phases[name]
            columns += [np.sin(angle), np.cos(angle)]
            names += [f"{name}_sin", f"{name}_cos"]
    return columns, names


def _from_file(
    table: Table,
    data: TableFile,
    codes: np.ndarray,
    times: np.ndarray,
    path: str | Path,
    time: str | None,
    series: str | None,
    taken: list[str],
) -> tuple[list[np.ndarray], list[str]]:
    if time is None:
        raise UserError("--future_covariates needs times to go by: name their column with --time.")
    file = open_table(path, data.dialect, data.decided)
    join_time(file, time)
    file.require(time, "--time")
    found = file.times(time, None)
    file.cut(found.kept)
    if series is not None and {*series.split(",")} <= {*file.names}:
        file.join(series)
    by_series = series is not None and series in file.names
    keys = [time, *time.split(","), *([series, *series.split(",")] if by_series else [])]
    names = [name for name in file.names if name not in keys and not name.startswith(UNNAMED)]
    clash = [name for name in names if name in table.names or name in taken]
    if clash or not names:
        what = f"{clash[0]!r}, which is taken" if clash else "none"
        raise UserError(f"Expected columns with names of their own in {path}. Received: {what}.")
    values = np.stack([file.numbers(name) for name in names], axis=1)
    absent = np.argwhere(np.isnan(values))
    if len(absent):
        row, place = absent[0]
        raise UserError(
            f"Expected no missing values in {path}: they are known in advance. Received: "
            f"{len(absent)} missing, the first in column {names[place]!r}, row {row + 1} (row 1 "
            "follows the header)."
        )
    own_times = found.values
    if own_times.dtype != times.dtype:
        raise UserError(
            f"Expected the same kind of times in {path} and {table.source}. Received: dates in one "
            "and step numbers in the other."
        )
    own_codes = None
    if by_series:  # -1 for series that the data does not have
        own_codes = pd.Index(table.ids).get_indexer(file.labels(series).astype(str))
    rows = _lookup(path, table, own_codes, own_times, codes, times)
    table.notes += file.notes
    return list(values[rows].T), names


def _lookup(path, table: Table, own_codes, own_times, codes, times) -> np.ndarray:
    """Finds the row of the second file for every time (of every series)."""
    if own_codes is None:
        own, wanted = pd.Index(own_times), pd.Index(times)
    else:
        keep = own_codes >= 0
        own = pd.MultiIndex.from_arrays([own_codes[keep], own_times[keep]])
        wanted = pd.MultiIndex.from_arrays([codes, times])
    repeated = own.duplicated()
    if repeated.any():
        raise UserError(
            f"Expected every time once in {path} (and series, if it has them). Received: "
            f"{int(repeated.sum())} repeated."
        )
    rows = own.get_indexer(wanted)
    missing = np.flatnonzero(rows < 0)
    if len(missing):
        first = missing[0]
        name = table.ids[codes[first]]
        of_series = f" of series {name!r}" if name else ""
        raise UserError(
            f"Expected {path} to have every time of {table.source} and the steps to forecast "
            f"beyond its end. Received: no row for {show(times[first])}{of_series} "
            f"({len(missing)} times missing). Add the rows."
        )
    return rows if own_codes is None else np.flatnonzero(keep)[rows]
