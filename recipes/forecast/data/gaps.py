"""Missing values: counted, reported, and filled.

Nothing looks ahead but the filling of what comes before a series' first known value.
"""

import numpy as np
import pandas as pd

from recipes.errors import UserError, some
from recipes.forecast.data.table import Table


def leave_out_empty(table: Table) -> None:
    """Takes the series of which a column has no value out of a table, and says so."""
    known = np.add.reduceat(~np.isnan(table.values), table.offsets[:-1], dtype=np.int64)
    full = (known > 0).all(axis=1)
    if full.all() or not full.any():
        return
    lengths, empty = np.diff(table.offsets), [table.ids[place] for place in np.flatnonzero(~full)]
    kept = np.repeat(full, lengths)
    table.values, table.times = table.values[kept], table.times[kept]
    table.numbers = None if table.numbers is None else table.numbers[kept]
    table.offsets = np.concatenate([[0], np.cumsum(lengths[full])])
    table.ids = tuple(name for name, has in zip(table.ids, full, strict=True) if has)
    table.notes.append(f"{some(empty)} left out: a column has no value there")


def fill(table: Table, missing: str) -> None:
    """Fills the missing values of a sorted table in place and notes how many there were.

    A `UserError` if a column has no values at all, or there is nothing to fill a series with, or
    values are missing under `"error"`.
    """
    for place, name in enumerate(table.names):
        column = table.values[:, place]
        absent = np.isnan(column)
        count = int(absent.sum())
        if not count:
            continue
        if count == len(column):
            raise UserError(
                f"Expected values in column {name!r} of {table.source}. Received: none in all "
                f"{count} rows. Leave the column out."
            )
        if missing == "error":
            raise UserError(
                f"Expected no missing values in column {name!r} of {table.source} (--missing "
                f"error). Received: {count} missing, the first in "
                f"{table.where(int(np.argmax(absent)))}. Fill them in, or use --missing forward "
                "or zero."
            )
        if missing == "zero":
            column[absent] = 0.0
            how = "filled with 0"
        else:
            series = np.repeat(np.arange(len(table.ids)), np.diff(table.offsets))
            forward = pd.Series(column).groupby(series).ffill()
            leading = int(forward.isna().sum())  # nothing known yet in this series
            column[:] = forward.groupby(series).bfill()
            how = "filled with the last known value"
            if leading:
                how += f" ({leading} before the first known value, filled with that one)"
        values = "1 missing value" if count == 1 else f"{count} missing values"
        table.notes.append(f"{name}: {values}, {how}")


def to_float32(table: Table) -> np.ndarray:
    """A table's values as the model takes them, float32 `(rows, columns)`; none is missing.

    A `UserError` if a value is too large (a sum that overflowed while resampling).
    """
    with np.errstate(over="ignore"):
        values = table.values.astype(np.float32)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, place = bad[0]
        raise UserError(
            f"Expected finite numbers in column {table.names[place]!r} of {table.source}. "
            f"Received: {table.values[row, place]} ({table.where(int(row))})."
        )
    return values
