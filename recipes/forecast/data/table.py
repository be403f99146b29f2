"""The columns of a file on their way to a `TimeSeries`."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from recipes.data.dates import show
from recipes.data.table_file import TableFile, check_columns
from recipes.errors import UserError
from recipes.forecast.data.steps import is_regular

#: A column with one of these names is one of times, even if nobody can read it; if it holds
#: numbers, they must go up or down in each series.
TIMES = (
    "date", "datetime", "day", "ds", "month", "period", "quarter", "time", "timestamp", "week",
    "year", "datum", "fecha", "jahr", "année", "annee", "año", "ano", "anno", "jaar",
)  # fmt: skip

#: Names of columns of the parts of a time.
PARTS = {
    "year": ("year", "yr", "jahr", "annee", "année", "ano", "año", "anno", "jaar"),
    "quarter": ("quarter", "qtr", "quartal", "trimestre", "kwartaal"),
    "month": ("month", "mon", "mo", "monat", "mois", "mes", "mês", "mese", "maand"),
    "week": ("week", "woche", "kw", "semaine", "semana", "settimana"),
    "day": ("day", "tag", "jour", "dia", "día", "giorno", "dag"),
    "hour": ("hour", "hr", "stunde", "heure", "hora", "ora", "uur"),
}


def join_time(file: TableFile, time: str | None) -> None:
    """Adds the column of times whose parts stand in several, such as year,month or date,time."""
    if "," in (time or ""):
        file.join(time, "--time", _written)


def _written(name):
    """How a part of a time follows those before it."""
    kind = next((kind for kind, names in PARTS.items() if name.casefold() in names), "")
    sign = {"quarter": "-Q", "week": "-W", "hour": " "}.get(kind, "-")
    bare = ":00" if kind == "hour" else ""

    def write(text):
        return (" " if {*":."} & {*text} else sign) + text.lstrip("QqWw") + bare * text.isdigit()

    return write


@dataclass
class Table:
    """Rows read from a file, sorted by series, on their way to a `TimeSeries`.

    Args:
        values: float64 `(rows, columns)`; NaN where a value is missing.
        names: Names of the columns.
        times: `(rows,)` datetime64[us] or int64.
        offsets: int64 `(num_series + 1,)`, where each series starts and ends.
        ids: Names of the series.
        numbers: `(rows,)` row numbers in the file from 1; None after resampling, or of a part.
        source: Name of the file.
        notes: What was done so far.
        key: Columns whose values seem to be the series, where times repeat.
    """

    values: np.ndarray
    names: tuple[str, ...]
    times: np.ndarray
    offsets: np.ndarray
    ids: tuple[str, ...]
    numbers: np.ndarray | None
    source: str
    notes: list[str] = field(default_factory=list)
    key: str | None = None

    def where(self, row: int) -> str:
        """Says in words where a row is: its number in the file, or its time, and its series."""
        place = (
            f"at {show(self.times[row])}" if self.numbers is None else f"row {self.numbers[row]}"
        )
        name = self.ids[int(np.searchsorted(self.offsets, row, side="right")) - 1]
        return f"{place} of series {name!r}" if name else place


def read_table(
    file: TableFile,
    time: str | None,
    targets: Sequence[str],
    series: str | None,
    past_covariates: Sequence[str],
) -> Table:
    """Reads the columns asked for and sorts the rows by series, and by time.

    Without a time column every series is in the order of its rows in the file. A `UserError` if a
    column is missing, or does not hold what it should.
    """
    join_time(file, time)
    names = tuple(targets) + tuple(past_covariates)
    if not targets:
        raise UserError("Expected at least one column to forecast: name it with --target.")
    flags = {"--target": targets, "--past_covariates": past_covariates}
    flags |= {"--time": [time] * (time is not None), "--series": [series] * (series is not None)}
    check_columns(flags, file.names, file.source)
    notes: list[str] = []
    times = None
    if time is None:
        notes.append("no time column: the rows count as equal steps, in their order in the file")
    else:
        codes = None if series is None else pd.factorize(file.labels(series))[0]
        found = file.times(time, lambda times: is_regular(times, codes))
        file.cut(found.kept)
        times = found.values
    codes, ids = np.zeros(len(file), np.int64), [""]
    if series is not None:
        codes, ids = pd.factorize(names_of(file, series), sort=True)
    values = np.stack([file.numbers(name) for name in names], axis=1)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(codes))]).astype(np.int64)
    order = np.lexsort((codes,) if times is None else (times, codes))  # which is stable
    numbers = None if file.before.get("parts") else order + 1
    if (np.diff(order) < 0).any():
        values, codes = values[order], codes[order]
        if times is not None:
            times, same = times[order], codes[1:] == codes[:-1]
            moved = same & (np.diff(order) < 0)
            if moved.any():
                newest, count = moved[same].all(), int(moved.sum())
                how = "the newest came first" if newest else f"{count:,} were out of order"
                notes.append(f"{time}: rows sorted by time: {how}")
    if times is None:
        times = np.arange(len(values)) - np.repeat(offsets[:-1], np.diff(offsets))
    others = [name for name in file.names if name not in {*names, time, series}]
    repeated = time is not None and ((times[1:] == times[:-1]) & (np.diff(codes) == 0)).any()
    key = find_key(file, others, time, series) if repeated else None
    ids = tuple(map(str, ids))
    return Table(values, names, times, offsets, ids, numbers, file.source, notes, key)


def find_key(file, names, time, series=None) -> str | None:
    """The fewest columns, a,b,c, that with a time, and `series`, tell all rows apart.

    Columns of texts; of whole numbers, too, if most of their values come at most times.
    """
    words = {*TIMES, *itertools.chain(*PARTS.values())}
    names = [name for name in names if not words & {*re.split(r"[\W_]+", name.casefold())}]
    texts = [name for name in names if file.is_text(name)][:6]
    numbers = [name for name in names if name not in texts and file.is_numeric(name)]
    numbers = [name for name in numbers if not (file.numbers(name) % 1).any()][:3]
    known = [time, *[series] * (series is not None)]
    codes = {name: file.labels(name).factorize()[0] for name in (*known, *texts, *numbers)}
    table, times = pd.DataFrame(codes), codes[time].max() + 1
    for count in range(1, 4):
        for key in itertools.combinations(texts + numbers, count):
            found = len(table) - table.duplicated([*known[1:], *key]).sum()
            dense = {*key} <= {*texts} or len(table) > found * times / 2
            if found <= len(table) / 2 and dense and not table.duplicated([*known, *key]).any():
                return ",".join([*known[1:], *key])
    return None


def names_of(file: TableFile, series: str) -> pd.Series:
    """The name of the series of each row; a `UserError` where there is none."""
    column = file.labels(series)
    absent = np.flatnonzero(column.isna())
    if len(absent):
        raise UserError(
            f"Expected a series name in every row of column {series!r} of {file.source}. Received: "
            f"none in {len(absent)} rows, first row {absent[0] + 1} (row 1 follows the header). "
            "Fill them in or delete the rows."
        )
    return column
