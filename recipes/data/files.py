"""The one reader of tables: CSV and its kin, Excel workbooks, Parquet and JSON lines."""

import contextlib
import json
import re
import sys
import warnings
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from recipes.data.delimited import find_header, lines_above, read_delimited
from recipes.data.dialect import Dialect
from recipes.data.encodings import find_encoding
from recipes.data.extra_lines import header_rows
from recipes.data.memory import check_size, read_bytes
from recipes.data.table_file import UNNAMED, TableFile
from recipes.errors import DAMAGED, UserError, printable, reading

#: Names of files that stand for what is none, in a folder that nobody knows.
STANDARD_INPUT, IN_MEMORY = "zoo-standard-input", "zoo-data-in-memory"
#: What pandas calls the index of a frame in a Parquet file.
_INDEX = re.compile(r"__index_level_\d+__")
_KINDS = "a table (CSV, Excel, Parquet or JSON lines)"


def open_table(path, dialect: Dialect | None = None, before: Mapping | None = None) -> TableFile:
    """Opens a table with a row or more: CSV (gzipped or not), Excel, Parquet or JSON lines.

    A `UserError` if the file is missing, empty or unreadable, or its form cannot be known.

    Args:
        path: The file.
        dialect: What is said of its form; what is not, is found out.
        before: What was found out about the file that a run was trained on (`TableFile.decided`).
    """
    flags, dialect, path = dialect is not None, dialect or Dialect(), Path(path)
    dialect.check()
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing of that name"
        raise UserError(f"Expected {_KINDS}. Received: {path}, which is {what}.")
    try:
        check_size(path)
        with open(path, "rb") as file:
            start = file.read(8)
        if not start:
            raise UserError(f"Expected {_KINDS}. Received: {path}, which is empty.")
        if start.startswith(b"PAR1"):
            import pyarrow.parquet

            table = of_table(pyarrow.parquet.read_table(path), path, dialect, before)
        elif start.startswith(b"\xd0\xcf\x11\xe0"):
            raise UserError(
                f"{path} is a workbook of Excel before 2007 (.xls). Save it as .xlsx or CSV."
            )
        elif start.startswith(b"PK\x03\x04"):
            table = _zipped(path, dialect, before)
        else:
            table = of_bytes(read_bytes(path), path, dialect, before)
    except UserError as error:
        if flags or " --" not in str(error):
            raise
        raise UserError(f"{error} Without flags here: save it as CSV in UTF-8.") from error
    except (*DAMAGED, pa.ArrowException) as error:
        raise UserError(
            f"Expected {path} to be {_KINDS}. It cannot be read: {str(error).strip().rstrip('.')}."
        ) from error
    if not len(table):
        raise UserError(f"Expected rows below the header of {path}. Received: none.")
    table.leave_out_total()
    return table


def of_bytes(content, path, dialect, before, again=None) -> TableFile:
    """The table that some bytes hold; `again` gives them once more, by default from the file."""
    start = content[:256].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")
    if re.match(rb"(?i)\s*<(\?xml|!doctype|html|table)", start):
        raise UserError(f"{path} is HTML or XML. Open it in a spreadsheet and save it as CSV.")
    weka = re.match(rb"(?is)(\s|%[^\n]*\n)*@relation.*?\n@data[^\n]*\n", content[: 1 << 18])
    if weka and dialect.skip_rows is None:
        raise UserError(
            f"{path} is a file of Weka (ARFF): its rows have no header. Say --skip_rows "
            f"{weka[0].count(10)} --header none, and name columns as column_1, column_2 and so on."
        )
    if re.match(rb"\s*(\[\s*)?\{|\s*\[\s*[\[\"\d]", start):
        encoding = dialect.encoding or find_encoding(content, str(path))
        return _json_lines(content.decode(encoding, "replace"), path, dialect, before)
    try:
        found = read_delimited(content, dialect, str(path))
    except UserError:
        if not before or "encoding" not in before:
            raise
        found = read_delimited(content, filled(dialect, {**before, "skip_rows": None}), str(path))
    columns, notes = _named(found.names, found.columns)

    def as_texts():
        content = again() if again else read_bytes(path)
        texts = read_delimited(content, filled(dialect, found.decided), str(path), True)
        return _named(texts.names, texts.columns)[0]

    notes = [*found.notes, *notes]
    return TableFile(path, columns, dialect, found.decided, before, notes, as_texts)


def filled(dialect, before) -> Dialect:
    """A dialect in which what a run found out takes the place of what is not said."""
    said = {name: before[name] for name in ("encoding", "separator", "header", "skip_rows")}
    return replace(dialect, **{k: v for k, v in said.items() if getattr(dialect, k) is None})


def _named(names, columns):
    """Columns by name: those without one and those of the same name are numbered."""
    counts, seen = Counter(names), Counter[str]()
    found, notes = {}, []
    for place, (name, column) in enumerate(zip(names, columns, strict=True)):
        if not name:
            name = f"{UNNAMED}{place}"
        elif counts[name] > 1:
            seen[name] += 1
            name = f"{name}.{seen[name]}"
        while name in found:
            name += "_"
        found[name] = column
    for name, count in counts.items():
        if name and count > 1:
            new = ", ".join(f"{name}.{number}" for number in range(1, count + 1))
            notes.append(f"{count} columns are called {name}: read as {new}")
    return found, notes


def _zipped(path, dialect, before):
    with zipfile.ZipFile(path) as archive:
        if "xl/workbook.xml" in archive.namelist():
            return _excel(path, dialect, before)
        members = [n for n in archive.namelist() if n[-1:] != "/" and not n.startswith("__MACOSX")]
        if len(members) != 1:
            raise UserError(
                f"Expected one file in the archive {path}. Received: {len(members)}. Unpack it."
            )
        return of_bytes(archive.read(members[0]), path, dialect, before)


def _excel(path, dialect, before):
    with zipfile.ZipFile(path) as archive:
        parts = [archive.read(name) for name in archive.namelist() if "worksheets/" in name]
    merged = any(re.search(rb'mergeCell ref="([A-Z]+)\d+:\1\d', part) for part in parts)
    with warnings.catch_warnings(), reading(path):
        warnings.simplefilter("ignore")  # openpyxl leaves out styles that it does not know
        with pd.ExcelFile(path, engine_kwargs={"read_only": not merged}) as book:
            sheets = [s.title for s in sorted(book.book, key=lambda s: s.sheet_state != "visible")]
            sheet = dialect.sheet or next(iter(sheets), "")
            if sheet not in sheets:
                raise UserError(
                    f"There is no --sheet {sheet!r} in {path}. It has {', '.join(sheets)}."
                )
            cells = book.parse(sheet, header=None, dtype=object, keep_default_na=False)
            for area in book.book[sheet].merged_cells.ranges if merged else ():
                top, column = area.min_row - 1, area.min_col - 1
                if area.min_col == area.max_col and area.max_row <= len(cells):
                    cells.iloc[top : area.max_row, column] = cells.iat[top, column]
    cells = cells.mask(cells.map(lambda cell: cell is None or cell == "" or cell != cell), None)
    cells = cells.dropna(axis=1, how="all")
    if cells.empty:
        raise UserError(f"Expected a header and rows in {path}. Received: an empty sheet.")
    filled = np.array(cells.notna().any(axis=1))
    first, last = np.flatnonzero(filled)[[0, -1]]
    if cells.shape[1] == 1:  # as in CSV, an empty line is one of one cell
        filled[first:last] = True
    gap, counts = max(np.flatnonzero(~filled[:last]), default=0), cells.notna().sum(axis=1)
    behind = cells[gap + 1 :].stack().dropna().tolist()
    if gap > first and len(behind) == filled[gap:].sum() and counts[:gap].median() > 1:
        filled[gap:], last = False, np.flatnonzero(filled[:gap])[-1]
    else:
        behind = []
    cells, empty = cells[filled].reset_index(drop=True), (~filled[first:last]).sum()
    skipped = dialect.skip_rows or 0
    rows = [
        ["" if cell is None else str(cell) for cell in row]
        for row in cells.iloc[skipped : skipped + 200].itertuples(index=False)
    ]
    bare = sum(len(re.findall(rb"</f>(<v ?/>|<v></v>|</c>)", part)) for part in parts)
    notes = [f"{bare:,} formulas were never calculated: they count as missing"] * bool(bare)
    notes += [f"{empty:,} empty rows left out"] * bool(empty)
    notes += ["cells merged over several rows hold for each of them"] * merged
    notes += [f"left out at the end: {'; '.join(map(str, behind))[:200]!r}"] * bool(behind)
    if dialect.skip_rows is None:
        ended = [row[: len("".join("x" if c else " " for c in row).rstrip())] for row in rows]
        above = lines_above(ended)
        skipped += above
        if above:
            shown = ", ".join(filter(None, rows[0]))
            notes.append(f"{above} rows above the header left out: {shown!r}")
        rows = rows[above:]
    header = dialect.header or find_header(rows, str(path))
    names = rows[0] if header == "first" else [f"column_{n + 1}" for n in range(len(rows[0]))]
    second = header_rows(rows) if header == "first" else 0
    below = rows[1 : second + 1]
    notes += [f"the row below the header left out: {', '.join(row)[:80]!r}" for row in below]
    body = cells.iloc[skipped + (header == "first") + second :].reset_index(drop=True)
    columns, more = _named([name.strip() for name in names], [_of_series(body[c]) for c in body])
    decided = {"sheet": sheet, "header": header, "skip_rows": skipped}
    if len(sheets) > 1 and dialect.sheet is None:
        notes.append(f"the workbook has {len(sheets)} sheets: the first is read (--sheet)")
    return TableFile(path, columns, dialect, decided, before, [*notes, *more])


def of_table(table, path, dialect, before) -> TableFile:
    """The table that one of Arrow holds."""
    # Read by position: pandas would align columns by the index that it stored.
    table = table.replace_schema_metadata(None)
    table.validate(full=True)
    columns, notes = {}, []
    for name in dict.fromkeys(table.column_names):
        is_index = _INDEX.fullmatch(name)
        if is_index and not pa.types.is_timestamp(table.schema.field(name).type):
            notes.append("the index that pandas stored is left out: rows count by position")
        else:
            columns["index" if is_index else name] = _of_arrow(table[name])
    return TableFile(path, columns, dialect, {}, before, notes)


def _of_arrow(column):
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pc.fill_null(column.cast(pa.string()), "")
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        with contextlib.suppress(pa.ArrowInvalid):  # no texts, such as pictures
            return pc.fill_null(column.cast(pa.string()), "")
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("us"))
    return _of_series(column.to_pandas(integer_object_nulls=True))


def _json_lines(content, path, dialect, before):
    rows, content = [], content.lstrip("\ufeff \n")
    if content.startswith("["):  # all rows in one list
        try:
            content = "\n".join(map(json.dumps, json.loads(content)))
        except ValueError as error:
            raise UserError(f"Expected a list of JSON objects in {path}: {error}.") from error
    for number, line in enumerate(content.split("\n"), start=1):
        try:
            if line.strip():
                rows.append(json.loads(line))
                if not isinstance(rows[-1], dict):
                    raise ValueError
        except ValueError as error:
            raise UserError(
                f"Expected one JSON object a line in {path}. Received in line {number:,}: "
                f"{line[:60]!r}."
            ) from error
    if len(rows) == 1 and all(isinstance(value, dict | list) for value in rows[0].values()):
        raise UserError(
            f"Expected a JSON object for each row of {path}. Received: one with a list or object a "
            "column. Write it with pandas' to_json(path, orient='records')."
        )
    frame = pd.DataFrame(rows, dtype=object)
    columns = {str(name): _of_series(frame[name]) for name in frame}
    return TableFile(path, columns, dialect, {}, before)


def _of_series(column):
    """A column of a typed file: texts as `pyarrow` has them, other values as pandas has them."""
    if pd.api.types.is_extension_array_dtype(column.dtype):
        kind = pd.api.types
        if isinstance(column.dtype, pd.CategoricalDtype) or kind.is_string_dtype(column.dtype):
            column = column.astype(object)
        elif kind.is_bool_dtype(column.dtype):
            column = column.astype(object if column.isna().any() else bool)
        elif kind.is_numeric_dtype(column.dtype):
            column = column.astype(np.float64 if column.isna().any() else column.dtype.numpy_dtype)
    if column.dtype != object and not pd.api.types.is_string_dtype(column.dtype):
        return column
    if column.map(lambda value: isinstance(value, dict | list | np.ndarray | bytes)).any():
        return column  # neither numbers nor texts: refused where it is asked for
    known = column.dropna()
    numbers = known.map(lambda value: isinstance(value, int | float | np.number))
    truths = known.map(lambda value: isinstance(value, bool))
    whole = known.map(lambda value: isinstance(value, int | np.integer))
    large = len(known) and whole.all() and known.map(abs).max() >= 2**53  # ids, not numbers
    if len(known) and numbers.all() and not truths.any() and not large:
        found = pd.to_numeric(column)
        return found.astype(np.float64) if found.dtype == object else found
    if len(known) and known.map(lambda value: hasattr(value, "isoformat")).all():
        with contextlib.suppress(ValueError, TypeError):  # times of the day, or of several zones
            return pd.to_datetime(column)
    return pa.chunked_array([pa.array([_as_text(value) for value in column], pa.string())])


def _as_text(value):
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    is_time = hasattr(value, "hour") and hasattr(value, "year")
    return value.isoformat(sep=" ") if is_time else str(value)


def say_notes(notes) -> None:
    """Prints what was decided about an input on standard error, a line each."""
    for note in map(named, notes):
        if not note.startswith("data in memory: "):
            print(f"note: {printable(note)}", file=sys.stderr)


def named(message: str) -> str:
    """A message in which what is no file is not called by the one that stands for it."""
    names = r"\S*zoo-(standard-input|data-in-memory)(\.npz)?"
    return re.sub(names, lambda found: found[1].replace("-", " "), message)
