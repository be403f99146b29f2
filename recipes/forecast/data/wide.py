"""Wide tables: one row a series, one column a step."""

import numpy as np
import pandas as pd

from recipes.data import dates
from recipes.data.files import TableFile
from recipes.errors import UserError

#: Names of the columns of the long table.
STEP, VALUE = "step", "value"


def unfold(file: TableFile, series: str | None) -> tuple[TableFile, str, str]:
    """Turns a wide table, such as M4's, into a long one, a row for each series and step.

    Steps without a value before the first and after the last one of a series are no part of it.

    Args:
        file: The wide table.
        series: Column of the series' names. Defaults to the first one that holds no numbers.

    Returns:
        A table with the columns of the series' names, `step` (or `time`, where the columns are
        named by dates) and `value`; the names of the first two.

    Raises:
        UserError: There is no column of names, or none of values.
    """
    if series is None:
        series = next((name for name in file.names if not file.is_numeric(name, 0.5)), None)
    if series is None:
        raise UserError(
            f"Expected a column with the names of the series in {file.source} (--wide), one row a "
            "series. Received: numbers only. Name it with --series."
        )
    file.require(series, "--series")
    steps = [name for name in file.names if name != series]
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
    first, last = known.argmax(axis=1), values.shape[1] - known[:, ::-1].argmax(axis=1)
    inside = (np.arange(values.shape[1]) >= first[:, None]) & (
        np.arange(values.shape[1]) < last[:, None]
    )
    rows, places = np.nonzero(inside)
    dated = dates.holds_times(pd.Series(steps))
    time = "time" if dated else STEP
    when = pd.Series(steps)[places].reset_index(drop=True) if dated else pd.Series(places + 1)
    columns = {series: pd.Series(names[rows]), time: when, VALUE: pd.Series(values[rows, places])}
    notes = [*file.notes[1:], f"wide: {len(values):,} series of up to {len(steps):,} steps"]
    long = TableFile(file.source, columns, file.dialect, file.decided, file.before, notes)
    return long, series, time
