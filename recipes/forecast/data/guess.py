"""Finds the obvious columns of a file, so that a simple file needs no flags."""

import warnings

import pandas as pd

from recipes.data.files import UNNAMED, column_names, read_columns
from recipes.errors import UserError

_SAMPLE = 50


def guess_columns(path, time=None, targets=(), taken=()) -> tuple[str | None, list[str]]:
    """The time column and the target of a file, where the flags do not name them.

    Args:
        path: CSV or Parquet file.
        time: Time column, if it is known.
        targets: Target columns, if they are known.
        taken: Columns that serve another purpose.

    Returns:
        The time column, by default the first one of dates, or `None` if there is none; and the
        targets, by default the only numeric column with a name.

    Raises:
        UserError: If the file cannot be read, or several columns could be the target.
    """
    if time and targets:
        return time, list(targets)
    names = [name for name in column_names(path) if name not in {*taken, time}]
    frame = read_columns(path, dict.fromkeys(names, "--target")) if names else pd.DataFrame()
    time = time or next((name for name in frame if _holds_dates(frame[name])), None)
    if targets:
        return time, list(targets)
    named = [name for name in frame if name != time and not name.startswith(UNNAMED)]
    numeric = [name for name in named if _is_numeric(frame[name])]
    if not numeric:  # a few values that are no numbers: let the reader say which
        numeric = [name for name in named if _is_nearly_numeric(frame[name])]
    if len(numeric) != 1:
        found = f"several: {', '.join(numeric)}" if numeric else f"none among {', '.join(names)}"
        raise UserError(
            f"Expected one numeric column in {path} to forecast. Received {found}. "
            "Name the columns to forecast with --target."
        )
    return time, numeric


def _is_numeric(column) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _is_nearly_numeric(column) -> bool:
    return bool(pd.to_numeric(column.astype(str), errors="coerce").notna().mean() > 0.5)


def _holds_dates(column) -> bool:
    if pd.api.types.is_datetime64_any_dtype(column):
        return True
    sample = column.dropna().head(_SAMPLE)
    if pd.api.types.is_numeric_dtype(column) or sample.empty:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas says when it has to guess the format
        return bool(pd.to_datetime(sample.astype(str), errors="coerce").notna().all())
