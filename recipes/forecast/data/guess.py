"""Finds the obvious columns of a file, so that a simple file needs no flags."""

import numpy as np

from recipes.data.table_file import UNNAMED, TableFile
from recipes.errors import UserError

#: A column with one of these names is one of times, even if nobody can read it; if it holds
#: numbers, they must go up or down.
TIMES = (
    "date", "datetime", "day", "ds", "month", "period", "quarter", "time", "timestamp", "week",
    "year", "datum", "fecha", "jahr",
)  # fmt: skip


def guess_columns(
    file: TableFile, time=None, targets=(), taken=(), series=None
) -> tuple[str | None, list[str]]:
    """The time column and the targets of a file, where the flags do not name them.

    The time is the first column of dates, or `None` if there is none, or `"none"` was said; the
    target is the only numeric column with a name, but for those `taken` by another purpose. A
    `UserError` if several columns could be the target.
    """
    names = [name for name in file.names if name not in {*taken, *targets, time}]
    if time is None:
        time = next((name for name in names if file.holds_times(name)), None) or next(
            (name for name in names if _may_be_times(file, name, series)), None
        )
    elif time == "none" and "none" not in file.names:
        time = None
        names = [name for name in names if not file.holds_times(name)]
    if targets:
        return time, list(targets)
    named = [name for name in names if name != time and not name.startswith(UNNAMED)]
    numeric = [name for name in named if file.is_numeric(name)]
    if not numeric:  # a few values that are no numbers: let the reader say which
        numeric = [name for name in named if file.is_numeric(name, share=0.5)]
    if len(numeric) != 1:
        found = f"several: {', '.join(numeric)}" if numeric else f"none among {', '.join(names)}"
        raise UserError(
            f"Expected one numeric column in {file.source} to forecast. Received {found}. "
            "Name the columns to forecast with --target."
        )
    return time, numeric


def _may_be_times(file, name, series):
    """Whether a column is called like one of times, and holds texts, or numbers that go one way."""
    if name.casefold() not in TIMES:
        return False
    if file.is_text(name):
        return True
    if series is not None or not file.is_numeric(name):
        return False
    steps = np.diff(file.numbers(name))
    return len(steps) > 0 and bool((steps > 0).all() or (steps < 0).all())
