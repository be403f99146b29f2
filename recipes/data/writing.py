"""Writes files whole or not at all, CSV files among them."""

import contextlib
import csv
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

from recipes.errors import UserError, printable

#: Texts that a spreadsheet takes for formulas, those with apostrophes before it among them.
_FORMULA = re.compile(r"'*[=+@\t\r-]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE)


@contextlib.contextmanager
def replacing(path):
    """A path to write to, beside a file; what is written there takes its place at the end.

    A `UserError` if the file cannot be written.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "note.txt") as partial:
    ...     _ = partial.write_text("done")
    >>> (folder / "note.txt").read_text()
    'done'
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.part")
    if path.exists() and not path.is_file():  # a device or a pipe stays what it is
        yield path
        return
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UserError(f"Cannot write {path}: {error.strerror}.") from error


def replace_folder(partial, path, overwrite=True) -> None:
    """Puts a folder in the place of another, if that may be; it is never there in part."""
    old = path.with_name(f".{path.name}.old")
    shutil.rmtree(old, ignore_errors=True)  # of one that was killed here
    if overwrite and path.exists():
        path.rename(old)
    partial.rename(path)
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def opened(path):
    """The text file to write, open; it is there when it is whole. Standard output for `None`."""
    if path is None:
        yield standard_output()
        return
    how = {"encoding": "utf-8", "errors": "replace", "newline": ""}
    with replacing(path) as partial, partial.open("w", **how) as file:
        yield file


def write_text(path, text: str) -> None:
    """Writes a text file whole or not at all; see `replacing`."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_csv(path, header, rows) -> None:
    """Writes a table; see `opened`.

    Numbers are printed so that they read back exactly. Texts are `guarded`; `read_csv` undoes it. A
    `UserError` if the file cannot be written.

    >>> write_csv(None, ["name", "size"], [["a, b", 0.1]])
    name,size
    "a, b",0.1
    """
    with opened(path) as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(map(guarded, header))
        lines.writerows(map(guarded, row) for row in rows)


def guarded(cell):
    """A cell of which no spreadsheet makes a formula; other values than texts as they are.

    A text that begins with =, +, -, @, a tab or a carriage return, perhaps after apostrophes, gets
    an apostrophe more in front. One that is a number stays as it is.

    >>> guarded("=1+2"), guarded("'=1"), guarded("-5"), guarded(-5), guarded("a=b")
    ("'=1+2", "''=1", '-5', -5, 'a=b')
    """
    formula = isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if formula else cell


def unguarded(cell):
    """What was `guarded`.

    >>> unguarded("'=1+2"), unguarded("-5"), unguarded("'quoted'")
    ('=1+2', '-5', "'quoted'")
    """
    guard = isinstance(cell, str) and cell[:1] == "'" and _FORMULA.match(cell)
    return cell[1:] if guard else cell


def read_csv(source, **how):
    """A `DataFrame` of what `write_csv` wrote; `how` is as for `pandas.read_csv`."""
    import pandas as pd

    table = pd.read_csv(source, **how).rename(columns=unguarded)
    for name in table.columns[[kind.kind not in "biuf" for kind in table.dtypes]]:
        if table[name].astype(str).str.startswith("'").any():
            table[name] = table[name].map(unguarded)
    return table


def standard_output():
    """Where results go: as they are into a pipe, and `printable` on a terminal."""
    out = sys.stdout
    shown = SimpleNamespace(write=lambda text: out.write(printable(text)), flush=out.flush)
    return shown if out.isatty() else out
