"""Reads a column of dates or of whole step numbers."""

import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from recipes.errors import UserError

MICROSECONDS = "datetime64[us]"
WITH_ZONE = re.compile(r"\d[T ]?\d{2}:?\d{2}.*(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)$")


def read_times(column: pd.Series, path: str | Path, notes: list[str]) -> np.ndarray:
    """Reads a column as dates or as whole step numbers.

    Args:
        column: The column as read from the file.
        path: The file, for messages.
        notes: Gains a note when something was decided on the way.

    Returns:
        datetime64[us] or int64 array, one per row.

    Raises:
        UserError: A time is missing or cannot be read; names the first one.
    """
    absent = np.flatnonzero(column.isna())
    if len(absent):
        raise UserError(
            f"Expected a time in every row of column {column.name!r} of {path}. Received: none in "
            f"{len(absent)} rows, first row {absent[0] + 1} (row 1 follows the header). Fill them "
            "in or delete the rows."
        )
    kind = pd.api.types
    if kind.is_bool_dtype(column.dtype):
        _refuse_time(column, 0, path)
    if kind.is_numeric_dtype(column.dtype):
        return _whole_numbers(column, column.to_numpy(np.float64), path)
    if kind.is_datetime64_any_dtype(column.dtype):
        if column.dt.tz is not None:
            notes.append(f"{column.name}: times converted to UTC")
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        return column.to_numpy(MICROSECONDS)
    text = column.astype(str).str.strip()
    numbers = pd.to_numeric(text, errors="coerce")
    if numbers.notna().mean() > 0.5:  # Step numbers, some of them spoilt.
        return _whole_numbers(column, numbers.to_numpy(np.float64), path)
    return _parse_dates(column, text, path, notes)


def _whole_numbers(column: pd.Series, numbers: np.ndarray, path: str | Path) -> np.ndarray:
    bad = np.flatnonzero(~(np.abs(numbers) < 2**53) | (numbers != np.floor(numbers)))
    if len(bad):
        _refuse_time(column, bad[0], path)
    return numbers.astype(np.int64)


def _parse_dates(
    column: pd.Series, text: pd.Series, path: str | Path, notes: list[str]
) -> np.ndarray:
    """ISO 8601 first; then the format of the first value, with the month or the day in front."""
    guess = pd.tseries.api.guess_datetime_format
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The day in front is one guess of two, not a claim.
        formats = ["ISO8601", guess(text.iloc[0]), guess(text.iloc[0], dayfirst=True)]
    best = None
    for date_format in dict.fromkeys(filter(None, formats)):
        parsed = pd.to_datetime(text, format=date_format, errors="coerce", utc=True)
        bad = np.flatnonzero(parsed.isna())
        if best is None or len(bad) < len(best[1]):
            best = parsed, bad, date_format
        if not len(bad):
            break
    parsed, bad, date_format = best
    if len(bad):
        _refuse_time(column, bad[0], path)
    if date_format != "ISO8601":
        notes.append(f"{column.name}: dates read as {date_format}")
    if WITH_ZONE.search(text.iloc[0]):
        notes.append(f"{column.name}: times converted to UTC")
    return parsed.dt.tz_localize(None).to_numpy(MICROSECONDS)


def _refuse_time(column: pd.Series, row: int, path: str | Path) -> None:
    raise UserError(
        f"Expected dates such as 2024-01-31 or 2024-01-31 13:00, all written alike, or whole step "
        f"numbers in column {column.name!r} of {path} (--time). Received: "
        f"{str(column.iloc[row])!r} in row {row + 1} (row 1 follows the header). Correct it, or "
        "leave --time out if the rows are equally spaced."
    )


def in_seconds(times: np.ndarray, time: str | None) -> np.ndarray:
    """Converts times to the unit of a `TimeSeries`.

    Args:
        times: datetime64[us] or int64, of any shape.
        time: Name of the time column, for the message.

    Returns:
        datetime64[s] or int64.

    Raises:
        UserError: Times have fractions of a second.
    """
    if times.dtype.kind != "M":
        return times.astype(np.int64)
    whole = times.astype("datetime64[s]")
    broken = times[whole != times]
    if len(broken):
        raise UserError(
            f"Expected whole seconds in column {time!r}. Received: {broken[0]}. Use --resample s, "
            "or leave --time out if the rows are equally spaced."
        )
    return whole


def show(time) -> str:
    """Writes a time as short as it can be said.

    Args:
        time: A datetime64 or an int.

    Returns:
        A date, a date and time, or a number.

    Example:
    >>> show(np.datetime64("2024-01-31T00:00:00")), show(7)
    ('2024-01-31', '7')
    """
    if isinstance(time, np.datetime64):
        for unit in ("D", "s"):
            if time.astype(f"datetime64[{unit}]") == time:
                return str(time.astype(f"datetime64[{unit}]"))
    return str(time)
