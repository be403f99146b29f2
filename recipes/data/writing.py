"""Writes files whole or not at all, CSV files among them."""

import contextlib
import csv
import sys
from pathlib import Path

from recipes.errors import UserError


@contextlib.contextmanager
def replacing(path):
    """A path to write to, beside a file; what is written there takes its place at the end.

    Raises:
        UserError: If the file cannot be written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with replacing(folder / "note.txt") as partial:
        ...     _ = partial.write_text("done")
        >>> (folder / "note.txt").read_text()
        'done'
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.part")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UserError(f"Cannot write {path}: {error.strerror}.") from error


def write_text(path, text: str) -> None:
    """Writes a text file whole or not at all; see `replacing`."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_csv(path, header, rows) -> None:
    """Writes a table; a file (standard output for `None`) is written whole or not at all.

    Numbers are printed so that they read back exactly.

    Raises:
        UserError: If the file cannot be written.

    Example:
        >>> write_csv(None, ["name", "size"], [["a, b", 0.1]])
        name,size
        "a, b",0.1
    """
    if path is None:
        _write(sys.stdout, header, rows)
        return
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        _write(file, header, rows)


def _write(file, header, rows):
    lines = csv.writer(file, lineterminator="\n")
    lines.writerow(header)
    lines.writerows(rows)
