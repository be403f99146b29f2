"""Wide tables: one row a series and one column a step, or one row a year and one column a month."""

import re

import numpy as np
import pandas as pd

from recipes.data import dates
from recipes.data.table_file import UNNAMED, TableFile
from recipes.errors import UserError

#: Names of the columns of the long table.
STEP, VALUE = "step", "value"


def unfold(file: TableFile, series: str | None) -> tuple[TableFile, str | None, str]:
    """Turns a wide table, such as M4's, into a long one, a row for each series and step.

    Steps without a value before the first and after the last one of a series are no part of it. The
    column of the series' names defaults to the first one that holds no numbers. A `UserError` if
    there is no column of names, or none of values. Twelve columns of months are one series.

    Returns:
        A table with the columns of the series' names, `step` (or `time`, where the columns are
        named by dates) and `value`; the names of the first two.
    """
    if series is None and months_of(file):
        return _calendar(file)
    if series is None:
        series = next((name for name in file.names if not file.is_numeric(name, 0.5)), None)
    if series is None:
        raise UserError(
            f"Expected a column with the names of the series in {file.source} (--wide), one row a "
            "series. Received: numbers only. Name it with --series."
        )
    file.require(series, "--series")
    others = [name for name in file.names if name != series and not name.startswith(UNNAMED)]
    steps, when = _steps(others, file)
    if len(steps) < 2:
        raise UserError(
            f"Expected one column a step in {file.source} (--wide). Received: {len(steps)} beside "
            f"{series!r}. Leave --wide out if the file has one row a time."
        )
    values = np.stack([file.numbers(name) for name in steps], axis=1)
    known = ~np.isnan(values)
    empty = np.flatnonzero(~known.any(axis=1))
    names = file.labels(series).to_numpy()
    if len(empty):
        raise UserError(
            f"Expected values in every row of {file.source} (--wide). Received: none in that of "
            f"series {names[empty[0]]!r} ({len(empty)} such rows). Delete them."
        )
    if len({*names}) < len(names) or None in names:
        raise UserError(
            f"Expected one row a series in {file.source} (--wide), each with a name of its own in "
            f"column {series!r}. Received: some without, or twice. Name the column with --series."
        )
    first, last = known.argmax(axis=1), values.shape[1] - known[:, ::-1].argmax(axis=1)
    place = np.arange(values.shape[1])
    rows, places = np.nonzero((place >= first[:, None]) & (place < last[:, None]))
    time = STEP if when.dtype.kind == "i" else "time"
    when = pd.Series(when[places])
    columns = {series: pd.Series(names[rows]), time: when, VALUE: pd.Series(values[rows, places])}
    left = [name for name in others if name not in {*steps}]
    notes = [*file.notes[1:], f"wide: {len(values):,} series of up to {len(steps):,} steps"]
    if left:
        notes += [f"left out, for their names are not like those of the steps: {', '.join(left)}"]
    long = TableFile(file.source, columns, file.dialect, file.decided, file.before, notes)
    return long, series, time


def months_of(file: TableFile) -> list[str]:
    """The twelve columns called January to December, or Jan to Dec, if a table has them."""
    places = [dates.month(name) for name in file.names]
    found = [name for name, place in zip(file.names, places, strict=True) if place]
    return found if sorted(filter(None, places)) == [*range(1, 13)] else []


def _calendar(file):
    """A row a year and a column a month, as one series."""
    months = sorted(months_of(file), key=dates.month)
    numbers = {name: file.numbers(name) for name in file.names if file.is_numeric(name)}
    fits = {n: (v > 1500) & (v < 2200) & (v % 1 == 0) for n, v in numbers.items()}
    year = next((name for name, fitting in fits.items() if fitting.all()), None)
    if year is None:
        raise UserError(
            f"Expected a column of years in {file.source}, beside its twelve months (--wide). "
            "Received: none. Add one."
        )
    order = np.argsort(file.numbers(year), kind="stable")  # the newest year may come first
    years = file.numbers(year)[order].astype(np.int64)
    values = np.stack([file.numbers(name) for name in months], axis=1)[order].ravel()
    when = (np.datetime64("0000", "M") + 12 * years[:, None] + np.arange(12)).ravel()
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        raise UserError(f"Expected values in the twelve months of {file.source}. Received: none.")
    rows = slice(known[0], known[-1] + 1)
    time = pd.Series(when[rows].astype(dates.MICROSECONDS))
    columns = {"time": time, VALUE: pd.Series(values[rows])}
    notes = [*file.notes[1:], f"wide: {len(years):,} years of months, one series"]
    long = TableFile(file.source, columns, file.dialect, file.decided, file.before, notes)
    return long, None, "time"


def _steps(names, file):
    """The columns of steps, those with names of the most common kind, and their times.

    Names are dates, whole numbers such as years, or a word with a number, in the order of the file.
    """
    kinds = {}
    for name in names:
        word = "numbers" if name.lstrip("-").isdigit() else re.sub(r"\d+$", "", name)
        kinds.setdefault("dates" if dates.is_date(name) else word, []).append(name)
    kind, steps = max(kinds.items(), key=lambda item: len(item[1])) if kinds else ("", [])
    if kind == "dates":
        return steps, np.array(steps, object)
    if kind == "numbers":
        return steps, np.array(steps).astype(np.int64)
    if len(steps) < 0.5 * len(names):  # words: every column of numbers is a step
        steps = [name for name in names if file.is_numeric(name, 0.5)]
    return steps, np.arange(1, len(steps) + 1)
