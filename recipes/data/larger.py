"""Tables and texts in several files, and such as are larger than memory.

A first pass counts the rows and keeps a sample of them in memory, each as likely as any other. By
these a run decides what there is to decide: the form of the file, the kinds of its columns,
preprocessing, baselines, what it is validated and tested on. A second pass writes what the model
reads of all other rows into temporary files, of which a batch takes its rows wherever they are.
"""

import codecs
import contextlib
import csv
import io
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from recipes.data.delimited import read_delimited
from recipes.data.dialect import Dialect
from recipes.data.download import open_bytes
from recipes.data.encodings import find_encoding
from recipes.data.files import filled, of_bytes, of_table, open_table
from recipes.data.memory import is_too_large, shards
from recipes.data.stored import StoredArray
from recipes.data.table_file import TableFile
from recipes.errors import DAMAGED, UserError, reading

#: Rows in memory where not all fit, and no flag says how many.
ROWS = 200_000
#: Bytes, or rows of Parquet, that are read at once; bytes that a row may take.
BLOCK, BLOCK_ROWS, LONGEST = 1 << 23, 1 << 16, 1 << 26
#: What stands for the names of columns that each row brings along.
_JSON = "those of JSON objects"


def open_rows(path, dialect=None, before=None, keys=None, most=None) -> tuple:
    """The `TableFile` of a run; or of a sample of its rows, and the `Rows` that it is drawn from.

    The path is a file, a folder of them, or a pattern such as `part-*.csv`; for `dialect`, which
    may say `in_memory`, too, and `before` see `open_table`, for `keys` `Rows.sample`. Where not all
    fit, and nothing is said, so many rows are `most`. A `UserError` as from `open_table`, or if
    files do not have the same columns.
    """
    files, said = shards(path), getattr(dialect, "in_memory", None)
    if files == [Path(path)] and said is None and not is_too_large(path):
        return open_table(path, dialect, before), None
    rows = Rows(path, files, dialect or Dialect())
    table = rows.sample(said or most or ROWS, before, keys)
    return table, rows if len(table) < rows.count else None


class Rows:
    """The rows of one or more files of a table, a block at a time.

    Args:
        path: What the user named.
        files: The files, in their order.
        dialect: What is said of their form.

    Attributes:
        count: Number of all rows, once they were sampled.
        chosen: Numbers of those in the sample, from 0, in order.
    """

    def __init__(self, path, files, dialect):
        self.path, self.files, self.dialect = str(path), files, dialect
        self.count, self.chosen = 0, np.zeros(0, np.int64)
        self._names: list[str] = []
        self._header, self._quotes, self._decided = [], False, {}

    def sample(self, most: int, before=None, keys: Callable | None = None) -> TableFile:
        """So many rows, or all that there are, in their order.

        With `keys`, which gives each row of a `TableFile` a number from 0 to 1, only all rows of
        the same number together, and no more of them. A `UserError` if there are none.
        """
        generator, kept, held, limit = np.random.default_rng(0), None, np.zeros(0), 1.0
        for block in self._blocks():
            drawn = keys(self._part(block)) if keys else generator.random(len(block))
            rows = np.flatnonzero(drawn < limit)
            kept = _joined(kept, _take(block, rows))
            held, chosen = np.append(held, drawn[rows]), np.append(self.chosen, self.count + rows)
            self.count, self.chosen = self.count + len(block), chosen
            if len(held) > 2 * most:
                kept, held, limit = self._lowest(kept, held, most)
        if kept is None:
            raise UserError(f"Expected rows below the header of {self.path}. Received: none.")
        if len(held) > most:
            kept, held, limit = self._lowest(kept, held, most)
        table = self._table(kept, self.dialect, before, self.path)
        self._decided = table.decided  # which grows while the sample's columns are read
        files = f" in {len(self.files):,} files" * (len(self.files) > 1)
        what = f"{len(table):,} of them, {'whole series ' * bool(keys)}drawn at random, are in "
        what += "memory (--in_memory): they decide"
        some = f": {what} all that is decided; training reads the others, too, from the disk"
        table.note(f"{self.count:,} rows{files}{some * (len(table) < self.count)}")
        return table

    def _lowest(self, kept, keys, most):
        limit = np.partition(keys, most)[most]
        rows = np.flatnonzero(keys < limit)
        if len({*keys[rows]}) < 2:
            raise UserError(
                f"Expected whole series of {self.path} in {most:,} rows, several. Received: longer "
                "ones. Raise --in_memory; or say with --series which rows belong together."
            )
        self.chosen = self.chosen[rows]
        return _take(kept, rows), keys[rows], limit

    def blocks(self) -> Iterator[tuple[int, TableFile]]:
        """All rows, read as the sample was: the number of the first of some, and their table."""
        first = 0
        for block in self._blocks():
            yield first, self._part(block, first)
            first += len(block)
        if first != self.count:
            raise UserError(f"{self.path} has changed: {self.count:,} rows then, {first:,} now.")

    def _part(self, block, first=None):
        """Some rows as a table: as the sample was read, or else as the first file begins."""
        first = self.count if first is None else first
        before = {**self._decided, "parts": True}
        dialect = filled(self.dialect, before) if "separator" in before else self.dialect
        name = f"rows {first + 1:,} to {first + len(block):,} of {self.path}"
        return self._table(block, dialect, before, name)

    def _table(self, block, dialect, before, name):
        if isinstance(block, pa.Table):
            return of_table(block, name, dialect, before)
        dialect = replace(dialect, skip_rows=0)
        content = b"\n".join([*self._header, *block])
        table = of_bytes(content, name, dialect, before, lambda: content)
        columns = len(table.names if self._names == [_JSON] else self._names)
        if (len(table), len(table.names)) != (len(block), columns):
            raise UserError(
                f"Expected a row of {columns} cells in each line of {name}, which is read in "
                f"parts. Received: {len(block):,} lines, {len(table):,} rows of "
                f"{len(table.names)}. Leave titles, units, sources and repeated headers out, or "
                "convert it to Parquet."
            )
        return table

    def _blocks(self):
        for file in self.files:
            try:
                with open_bytes(file) as source:
                    start = source.read(4)
                if start == b"PAR1":
                    with pa.parquet.ParquetFile(file) as parquet:
                        schema = parquet.schema_arrow
                        self._check(file, [f"{each.name} ({each.type})" for each in schema])
                        for batch in parquet.iter_batches(BLOCK_ROWS):
                            yield pa.Table.from_batches([batch])
                elif start in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
                    raise UserError(f"Workbooks and archives are read whole: save {file} as CSV.")
                else:
                    yield from self._lines(file)
            except (*DAMAGED, pa.ArrowException) as error:
                raise UserError(f"{file} cannot be read: {str(error).strip()}") from error

    def _lines(self, file):
        """Lists of the rows of a file of texts, without what stands above them."""
        with open_bytes(file) as source:
            block, rest = source.read(BLOCK), b""
            above = self._above(file, block)
            while block:
                lines = (rest + block).split(b"\n")
                block = source.read(BLOCK)
                rest = lines.pop() if block else b""
                lines, unclosed = _closed(lines) if self._quotes else (lines, b"")
                rest = unclosed + rest
                if len(rest) > LONGEST or (rest and not block):
                    raise UserError(f"{file} has a quote that never closes: {rest[:60]!r}...")
                rows = [line.rstrip(b"\r") for line in lines[above:]]
                above = max(0, above - len(lines))
                rows = [row for row in rows if row]
                if rows:
                    yield rows

    def _above(self, file, block):
        """How many lines of a file are no rows; what its names are, the first file decides."""
        head = block[: block.rfind(b"\n") + 1] or block
        if re.match(rb"[\s\xef\xbb\xbf]*\{", head):  # JSON lines
            self._check(file, [_JSON])
            return 0
        encoding = self.dialect.encoding or find_encoding(head, str(file))
        if head[:1] == b"[" or codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
            what = "one list" if head[:1] == b"[" else encoding
            raise UserError(
                f"{file} cannot be read in parts, being {what}. Save it as CSV or JSON lines in "
                "UTF-8, or as Parquet."
            )
        found = read_delimited(head, self.dialect, str(file))
        named = found.decided["header"] == "first"
        self._check(file, found.names)
        line = io.StringIO()
        csv.writer(line, delimiter=found.decided["separator"]).writerow(found.names)
        self._header = [line.getvalue().rstrip().encode(encoding)] * named
        self._quotes = found.decided["quotes"] or b'"' not in head  # they may come later
        self._decided = self._decided or found.decided
        return found.decided["skip_rows"] + named

    def _check(self, file, names):
        """Refuses a file whose columns are not those of the first."""
        self._names = self._names or names
        if names != self._names:
            raise UserError(
                f"Expected the columns of {self.files[0]} in each file of {self.path}: "
                f"{', '.join(self._names)}. Received in {file}: {', '.join(names)}."
            )


class Characters:
    r"""The texts of one or more files, some characters at a time; every line ends in `\n`.

    Args:
        files: The files, in their order.
        encoding: How their characters are written. Found out from the first one by default.
    """

    def __init__(self, files, encoding=None):
        self.files, self.encoding = files, encoding
        if encoding is None:
            with reading(files[0]), open_bytes(files[0]) as source:
                head = source.read(BLOCK)
            self.encoding = find_encoding(head[: head.rfind(b"\n") + 1] or head, str(files[0]))

    def __iter__(self):
        for file in self.files:
            cure = " If it is in another encoding, say which, such as --encoding latin-1."
            with reading(file, cure), open_bytes(file) as source:
                text = io.TextIOWrapper(source, self.encoding)  # type: ignore[type-var]
                while part := text.read(BLOCK):
                    yield part.removeprefix("\ufeff")


def store(rows: Rows, held_out, read: Callable) -> dict[str, StoredArray]:
    """What a model reads of all rows but those of the numbers `(n,)` held out; see `stored`.

    `read` makes arrays by name of a `TableFile` and which of its rows to take, `(rows,)` bool.
    """
    held_out = np.sort(np.asarray(held_out, np.int64))

    def arrays():
        for first, table in rows.blocks():
            kept = np.ones(len(table), bool)
            inside = np.searchsorted(held_out, [first, first + len(table)])
            kept[held_out[slice(*inside)] - first] = False
            yield read(table, kept)

    return stored(arrays(), rows.path)


def stored(parts: Iterable[dict], source: str) -> dict[str, StoredArray]:
    """Arrays by name, given in parts, one behind the other in a temporary file each.

    Their space is free again when the program ends. A `UserError` if the disk has no room.
    """
    files: dict = {}
    with contextlib.ExitStack() as opened, temporary(source):
        for arrays in parts:
            for name, array in arrays.items():
                if name not in files:
                    file = opened.enter_context(tempfile.TemporaryFile())
                    files[name] = file, array.dtype, array.shape[1:]
                array.tofile(files[name][0])
        return {
            name: StoredArray(np.memmap(file, dtype, "r").reshape(-1, *shape))
            for name, (file, dtype, shape) in files.items()
        }


@contextlib.contextmanager
def temporary(source):
    """Tells a disk without room, where what is read of a source is written to temporary files."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"Cannot write what is read of {source} to {tempfile.gettempdir()}: {error}. Name "
            "a folder with more room in the environment variable TMPDIR."
        ) from error


def _take(block, rows):
    return block.take(rows) if isinstance(block, pa.Table) else [block[row] for row in rows]


def _joined(first, second):
    if first is None:
        return second
    return pa.concat_tables([first, second]) if isinstance(first, pa.Table) else first + second


def _closed(lines):
    """Lines, joined where quotes go over several, and what a last quote opens and none closes."""
    found, held, odd = [], [], False
    for line in lines:
        held.append(line)
        odd ^= line.count(b'"') % 2 == 1
        if not odd:
            found.append(b"\n".join(held))
            held = []
    return found, b"".join(line + b"\n" for line in held)
