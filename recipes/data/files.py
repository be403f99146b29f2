"""Reads columns of CSV and Parquet files, with one clear message where that cannot be done."""

import difflib
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from recipes.data.download import UNREADABLE, open_bytes
from recipes.errors import UserError

# Spelled out, so that the id of a series may well be "NA" (Namibia).
MISSING = ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "#N/A", "<NA>"]
SEPARATORS = ",;\t"
#: How pandas calls columns without a name, such as the index that `DataFrame.to_csv` writes.
UNNAMED = "Unnamed: "


def column_names(path: str | Path) -> list[str]:
    """Returns the names of a file's columns.

    Args:
        path: CSV, gzipped CSV or Parquet file.

    Returns:
        The names in the file's order.

    Raises:
        UserError: The file is missing, empty, or neither CSV nor Parquet.
    """
    if _is_parquet(path):
        import pyarrow.parquet

        return _reading(path, lambda: list(pyarrow.parquet.read_schema(path).names))
    return _reading(path, lambda: _csv_header(path)[0])


def read_columns(
    path: str | Path, wanted: Mapping[str, str] | None = None, text: str | None = None
) -> pd.DataFrame:
    """Reads all or some columns of a CSV or Parquet file.

    Args:
        path: The file.
        wanted: The columns, each with the flag that asked for it (for the message). Defaults to
            all of them.
        text: The one column to read as text. Defaults to none.

    Returns:
        A data frame with at least one row.

    Raises:
        UserError: The file or a column is missing, empty or unreadable.
    """
    present = column_names(path)
    wanted = dict.fromkeys(present, "the file") if wanted is None else wanted
    for column, flag in wanted.items():
        if present.count(column) != 1:
            refuse_column(path, column, flag, present)
    if _is_parquet(path):
        frame = _reading(path, lambda: pd.read_parquet(path, columns=list(wanted)))
    else:
        frame = _reading(path, lambda: _read_csv(path, list(wanted), text))
    if frame.empty:
        raise UserError(f"Expected rows below the header of {path}. Received: none.")
    return frame


def _is_parquet(path: str | Path) -> bool:
    path = Path(path)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing of that name"
        raise UserError(f"Expected a CSV or Parquet file. Received: {path}, which is {what}.")
    try:
        with open(path, "rb") as file:
            start = file.read(4)
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error}.") from error
    if not start:
        raise UserError(f"Expected a CSV or Parquet file. Received: {path}, which is empty.")
    return start == b"PAR1"


def _reading(path: str | Path, read):
    """Turns whatever a reader can raise over a file's content into one message."""
    try:
        return read()
    except pd.errors.EmptyDataError as error:
        raise UserError(f"Expected a header and rows in {path}. Received: no columns.") from error
    except pd.errors.ParserWarning as error:
        raise UserError(
            f"Expected as many fields in every row of {path} as in its header. Received: rows with "
            "more. Delete what follows the last column, and write 1.5, not 1,5."
        ) from error
    except (*UNREADABLE, OSError, ValueError) as error:
        raise UserError(
            f"Expected {path} to be a CSV file in UTF-8 (gzipped or not) with a header, or a "
            f"Parquet file. It cannot be read: {str(error).strip().rstrip('.')}."
        ) from error


def _csv_header(path: str | Path) -> tuple[list[str], str]:
    """Returns the column names and the separator, the most frequent one in the first line."""
    with open_bytes(path) as file:
        line = file.readline().decode("utf-8-sig")
    separator = max(SEPARATORS, key=line.count)
    with open_bytes(path) as file:
        header = pd.read_csv(
            file, sep=separator, header=None, nrows=1, dtype=str, keep_default_na=False,
            encoding="utf-8-sig", skipinitialspace=True,
        )  # fmt: skip
    names = [str(name) or f"{UNNAMED}{place}" for place, name in enumerate(header.iloc[0])]
    return names, separator


def _read_csv(path: str | Path, columns: list[str], text: str | None) -> pd.DataFrame:
    header, separator = _csv_header(path)
    single = len(header) == 1
    with open_bytes(path) as file, warnings.catch_warnings():
        # All columns are read: with `usecols`, pandas takes rows that are too long without a word,
        # and 1,5 for one and a half would become 1.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(
            file,
            sep=separator,
            dtype=None if text is None else {text: str},
            keep_default_na=False,
            na_values={column: [""] if column == text else MISSING for column in columns},
            index_col=False,
            encoding="utf-8-sig",
            skipinitialspace=True,
            # In a file of one column an empty line is a missing value.
            skip_blank_lines=not single,
            low_memory=False,
        )
    if single:
        present = np.flatnonzero(frame[columns[0]].notna())
        frame = frame.iloc[: present[-1] + 1 if len(present) else len(frame)]
    return frame[columns]


def refuse_column(path: str | Path, column: str, flag: str, present: list[str]) -> None:
    """Says that a file does not have a column, or has it twice, and which ones it has.

    Args:
        path: The file.
        column: The column asked for.
        flag: The flag that asked for it.
        present: Names of the file's columns.

    Raises:
        UserError: Always.
    """
    if column in present:
        raise UserError(f"Expected one column {column!r} in {path}. Received: several.")
    folded = {name.casefold(): name for name in present}
    close = difflib.get_close_matches(column.casefold(), folded, n=1)
    nearest = f" Did you mean {folded[close[0]]!r}?" if close else ""
    shown = ", ".join(repr(name) for name in present[:50]) + (", ..." if len(present) > 50 else "")
    raise UserError(
        f"Expected a column {column!r} ({flag}) in {path}.{nearest} Its columns are: {shown}."
    )
