"""Turns the columns of a file into a table of numbers, and refuses what is not a number."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from recipes.data.dates import read_times, show
from recipes.data.files import read_columns
from recipes.errors import UserError


@dataclass
class Table:
    """Rows read from a file, sorted by series, on their way to a `TimeSeries`.

    Args:
        values: float64 `(rows, columns)`; NaN where a value is missing.
        names: Names of the columns.
        times: `(rows,)` datetime64[us] or int64.
        offsets: int64 `(num_series + 1,)`, where each series starts and ends.
        ids: Names of the series.
        numbers: `(rows,)` row numbers in the file from 1, or None after resampling.
        source: Name of the file.
        notes: What was done so far.
    """

    values: np.ndarray
    names: tuple[str, ...]
    times: np.ndarray
    offsets: np.ndarray
    ids: tuple[str, ...]
    numbers: np.ndarray | None
    source: str
    notes: list[str] = field(default_factory=list)

    def where(self, row: int) -> str:
        """Says in words where a row is: its number in the file, or its time, and its series."""
        place = (
            f"at {show(self.times[row])}" if self.numbers is None else f"row {self.numbers[row]}"
        )
        name = self.ids[int(np.searchsorted(self.offsets, row, side="right")) - 1]
        return f"{place} of series {name!r}" if name else place


def read_table(
    path: str | Path,
    time: str | None,
    targets: Sequence[str],
    series: str | None,
    past_covariates: Sequence[str],
) -> Table:
    """Reads the columns asked for and sorts the rows by series.

    Args:
        path: CSV, gzipped CSV or Parquet file.
        time: Column of the times, or None.
        targets: Columns to forecast, at least one.
        series: Column of the series' names, or None.
        past_covariates: Other columns of values.

    Returns:
        A `Table`, every series in the order of its rows in the file.

    Raises:
        UserError: The file cannot be read, a column is missing, or does not hold what it should.
    """
    names = tuple(targets) + tuple(past_covariates)
    if not targets:
        raise UserError("Expected at least one column to forecast: name it with --target.")
    flags = {
        "--target": targets,
        "--past_covariates": past_covariates,
        "--time": [time],
        "--series": [series],
    }
    wanted = {}
    for flag, columns in flags.items():
        for column in columns:
            if column in wanted:
                raise UserError(
                    f"Expected every column once. Received: {column!r} in {wanted[column]} and in "
                    f"{flag}."
                )
            if column is not None:
                wanted[column] = flag
    frame = read_columns(path, wanted, text=series)
    notes: list[str] = []
    values = numeric_block(frame, names, path)
    times = None if time is None else read_times(frame[time], path, notes)
    codes, ids = (None, ("",)) if series is None else _codes(frame[series], path)
    numbers = np.arange(1, len(frame) + 1)
    del frame  # Large files should not be held twice longer than needed.
    if codes is None:
        offsets = np.array([0, len(values)], np.int64)
    else:
        offsets = np.concatenate([[0], np.cumsum(np.bincount(codes))]).astype(np.int64)
        if (np.diff(codes) < 0).any():
            order = np.argsort(codes, kind="stable")
            values, numbers = values[order], numbers[order]
            times = None if times is None else times[order]
    if times is None:
        times = np.arange(len(values)) - np.repeat(offsets[:-1], np.diff(offsets))
    return Table(values, names, times, offsets, ids, numbers, str(path), notes)


def numeric_block(frame: pd.DataFrame, names: Sequence[str], path: str | Path) -> np.ndarray:
    """Converts columns to numbers.

    Args:
        frame: The columns as read.
        names: Which of them.
        path: The file, for the message.

    Returns:
        float64 array of shape `(rows, len(names))`, NaN where a value is missing.

    Raises:
        UserError: A value is not a number or is infinite, naming it and its row.
    """
    block = np.empty((len(frame), len(names)))
    for place, name in enumerate(names):
        block[:, place] = _numbers(frame[name], path)
        # Past this, the 32-bit floats of the model overflow.
        large = np.flatnonzero(np.abs(block[:, place]) > np.finfo(np.float32).max)
        if len(large):
            raise UserError(
                f"Expected finite numbers in column {name!r} of {path}. Received: "
                f"{block[large[0], place]} in row {large[0] + 1} (row 1 follows the header), "
                f"{len(large)} such values. Correct it, or leave it empty if it is missing."
            )
    return block


def _numbers(column: pd.Series, path: str | Path) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype.kind != "c":
        return column.to_numpy(np.float64, na_value=np.nan)
    if pd.api.types.is_string_dtype(column.dtype) or column.dtype == object:
        numbers = pd.to_numeric(column, errors="coerce")
        bad = np.flatnonzero(numbers.isna() & column.notna())
    else:
        numbers, bad = None, np.flatnonzero(column.notna())
    if len(bad):
        raise UserError(
            f"Expected numbers in column {column.name!r} of {path}. Received: "
            f"{str(column.iloc[bad[0]])!r} in row {bad[0] + 1} (row 1 follows the header), "
            f"{len(bad)} such values. Correct them, encode them as numbers, or leave the column "
            "out."
        )
    if numbers is None:
        return np.full(len(column), np.nan)
    return numbers.to_numpy(np.float64, na_value=np.nan)


def _codes(column: pd.Series, path: str | Path) -> tuple[np.ndarray, tuple[str, ...]]:
    absent = np.flatnonzero(column.isna())
    if len(absent):
        raise UserError(
            f"Expected a series name in every row of column {column.name!r} of {path}. Received: "
            f"none in {len(absent)} rows, first row {absent[0] + 1} (row 1 follows the header). "
            "Fill them in or delete the rows."
        )
    codes, ids = pd.factorize(column.astype(str), sort=True)
    return codes, tuple(str(name) for name in ids)
