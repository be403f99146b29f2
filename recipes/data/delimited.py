"""Reads files of separated columns, such as CSV.

pyarrow splits the cells; what it would need to be told is found out here: the separator, whether
quotes are quotes, where the header is. Columns of plain numbers are read as such, for speed; all
others are texts, exactly as they stand.
"""

import codecs
import contextlib
import csv
import itertools
import re
import time
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.csv

from recipes.data.dates import is_date
from recipes.data.dialect import Dialect
from recipes.data.encodings import find_encoding
from recipes.data.extra_lines import (
    header_rows,
    lines_behind,
    numbers_rows,
    with_all_names,
    without_headers,
)
from recipes.data.memory import limit
from recipes.data.numbers import has_codes, is_number
from recipes.errors import UserError

SEPARATORS = (",", ";", "\t", "|")
NAMES = {",": "','", ";": "';'", "\t": "tab", "|": "'|'", " ": "space"}
#: Bytes and rows at the beginning of a file that its form is found out by.
_SAMPLE, _ROWS = 1 << 18, 200
#: A column with so many different values at most, in the sample, is one of labels.
_LABELS = 20
#: Lines above the header at most, where nobody says how many.
_ABOVE = 20
#: Bytes that pyarrow reads at once.
_BLOCK = 1 << 21
#: pyarrow wants a separator; a file of one column has none of this kind.
_NEVER = "\x1f"


@dataclass(frozen=True)
class Delimited:
    """The cells of a file of separated columns.

    Args:
        names: Names of the columns, as the header says them.
        columns: Their cells, `pyarrow.ChunkedArray`: texts, an absent cell being an empty one; or
            int64 and float64, null where absent, if all cells are plain numbers without leading
            zeros.
        decided: What was found out: `encoding`, `separator`, `quotes`, `header`, `skip_rows`,
            and `decimal` where plain numbers have a comma.
        notes: What the reader of a report should know of it.
    """

    names: list[str]
    columns: list[pa.ChunkedArray]
    decided: dict
    notes: list[str]


def read_delimited(content: bytes, dialect: Dialect, name: str, texts=False) -> Delimited:
    r"""Reads the cells of a file into columns of equal lengths.

    What the dialect does not say of its form is found out. With `texts`, columns of plain numbers
    are left as texts, too. A `UserError` if the form cannot be known, or a row has more cells than
    the header.

    >>> found = read_delimited(b"city;size\nRome;1,5\n", Dialect(), "cities.csv")
    >>> found.names, found.decided["separator"], found.columns[1].to_pylist()
    (['city', 'size'], ';', [1.5])
    """
    encoding = dialect.encoding or find_encoding(content, name)
    content = _as_utf8(content, encoding, name)
    if b'="' in content:  # how spreadsheets are told that a text is one
        content = re.sub(rb'(^|[,;\t|\n])="([^"\n]*)"(?=[,;\t|\r\n]|\Z)', rb'\1"\2"', content)
    most = limit("ZOO_MAX_LINE", _SAMPLE)
    lines = _lines(content, most)
    skipped = dialect.skip_rows or 0
    told = re.fullmatch('"?sep=(.)"?', lines[0]) if lines and not skipped else None
    if told and dialect.skip_rows is None:  # spreadsheets say so
        dialect = replace(dialect, separator=dialect.separator or told[1], skip_rows=1)
        skipped = 1
    if not lines:
        received = f"no line that ends within {most:,} bytes; save as Parquet or set ZOO_MAX_LINE"
        received = received if content else "nothing"
        raise UserError(f"Expected a header and rows in {name}. Received: {received}.")
    if skipped >= len(lines):
        raise UserError(
            f"--skip_rows {skipped} leaves nothing of {name}: it has {len(lines)} lines."
        )
    sample = lines[skipped:]
    if not any(line.strip() for line in sample):
        raise UserError(f"Expected a header and rows in {name}. Received: empty lines.")
    separator = dialect.separator_sign or _find_separator(sample, name)
    if _is_spaced(sample, separator):
        sign = re.escape(separator.encode())
        cell = rb'(^|\n|%s) *("(?:""|\\"|[^"])*"(?= *(?:%s|\r?\n|\Z)))? *' % (sign, sign)
        content = re.sub(cell, rb"\1\2", content)
        lines = _lines(content, most)
        sample = lines[skipped:]
    notes = []
    if rb"\"" in content:  # else one pass over all of a large file were too many
        doubled = content.replace(rb"\"", b'""')
        close = [_quoted(each, separator) == len(each) for each in (content, doubled)]
        if close == [False, True]:
            content, sample = doubled, _lines(doubled, most)[skipped:]
            notes.append(r"quotes inside of texts are written \"")
    quotes = _find_quotes(content, separator, name)
    rows = with_all_names(_cells(sample, separator, quotes), separator)
    above = lines_above(rows) if dialect.skip_rows is None else 0
    if above:
        shown = "; ".join(repr(line[:60]) for line in sample[: min(above, 3)])
        notes.append(f"{above} line{'s' * (above > 1)} above the header left out: {shown}")
    head = next(place for place, row in enumerate(rows[above:], above) if row)
    skipped += head
    title = rows[head]
    words = sum(map(bool, title)) > 1 and not all(map(is_number, title))
    rows = [title, *(row for row in rows[head + 1 :] if not (words and row == title))]
    header = dialect.header or find_header(rows, name, separator)
    width = _width(rows, title, header, name, dialect.separator)
    names = title if header == "first" else [f"column_{place + 1}" for place in range(width)]
    if behind := lines_behind(content, separator, width):
        content = content[: content.rindex(behind[0].encode())]
        notes.append(f"left out at the end: {'; '.join(line.strip() for line in behind)!r}")
    second = header_rows(rows) if header == "first" else 0
    for _ in range(second):
        notes.append(f"the row below the header left out: {', '.join(rows.pop(1))[:80]!r}")
    body = _after(content, skipped + (header == "first") + second, quotes)
    if header == "first" and width > 1 and words:
        body = without_headers(lines[skipped].encode(), body, content, notes)
    below = [row for row in rows[header == "first" :] if len(row) == width]
    given = dialect.decimal or dialect.thousands or dialect.missing_values
    types = {} if texts or given else _number_types(below, separator, width)
    columns, comma = _parse(body, separator, quotes, width, types, name, notes)
    decided = {"encoding": encoding, "separator": separator, "quotes": quotes, "header": header}
    decided |= {"skip_rows": skipped} | ({"decimal": ","} if comma else {})
    found = Delimited([cell.strip() for cell in names], columns, decided, notes)
    if quotes and columns:
        count = len([line for line in body.to_pybytes().split(b"\n") if line.strip()])
        if count != (rows := len(columns[0])):
            notes.append(f"{rows:,} rows on {count:,} lines: texts in quotes go over several lines")
    elif b'"' in content and separator != _NEVER:
        notes.append('the signs " are read as parts of the texts: as quotes they would not close')
    return found


def _as_utf8(content, encoding, name):
    try:
        if codecs.lookup(encoding).name not in ("utf-8", "ascii"):
            content = content.decode(encoding).encode()
        elif not content.isascii():
            content.decode()
    except UnicodeError as error:
        where = getattr(error, "start", 0)
        raise UserError(
            f"Expected {name} to be text in {encoding}. Received: a byte that is none, in line "
            f"{content.count(10, 0, where) + 1:,}. Leave --encoding out, or give another one."
        ) from error
    content = content.removeprefix(b"\xef\xbb\xbf")
    if b"\x00" in content:
        raise UserError(f"{name} is no table: it holds bytes that no text has. Save it as CSV.")
    if b"\r" in content[:_SAMPLE] and content.count(b"\r") > content.count(b"\r\n"):
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return content


def _lines(content, size):
    """The first lines, without a last one that is cut."""
    lines = content[:size].decode(errors="ignore").replace("\r\n", "\n").split("\n")
    return lines[:-1] if len(content) > size or not lines[-1] else lines


def _is_spaced(lines, separator):
    """Whether spaces stand between separators and quotes, as in `a, "b"`."""
    sign, text = re.escape(separator), "\n".join(lines[:_ROWS])
    return len(re.findall(f'{sign} +"', text)) > len(re.findall(f'{sign}"', text))


def _cells(lines, separator, quotes, spaced=False):
    """The cells of the first rows; an empty row for an empty line."""
    if not quotes:
        return [line.split(separator) if line.strip() else [] for line in lines[:_ROWS]]
    ended = (line + "\n" for line in lines)
    reader, rows = csv.reader(ended, delimiter=separator, skipinitialspace=spaced), []
    with contextlib.suppress(csv.Error):  # a cell beyond the sample: what came before is enough
        for row in itertools.islice(reader, _ROWS):
            rows.append(row)
    if 2 < len(rows) < _ROWS and 0 < len(rows[-1]) < len(rows[-2]):
        rows.pop()
    return rows


def _find_separator(lines, name):
    """The sign that cuts most rows into equally many cells, and cells that are values."""
    found = []
    for sign in SEPARATORS:
        quotes = any('"' in line for line in lines)
        rows = [row for row in _cells(lines, sign, quotes, _is_spaced(lines, sign)) if row]
        width = Counter(map(len, rows)).most_common(1)[0][0]
        first = next(place for place, row in enumerate(rows) if len(row) == width)
        count = sum(len(row) == width for row in rows[first:])
        if width > 1 and first <= _ABOVE and count >= 0.5 * (len(rows) - first):
            values = [cell for row in rows[first + 1 : first + 40] for cell in row]
            typed = sum(is_number(cell) or is_date(cell) or not cell for cell in values)
            found.append((first == 0, count / len(rows), typed / max(1, len(values)), width, sign))
    if not found:
        _check_one_column(lines, name)
        return _NEVER
    best, *others = sorted(found, reverse=True)
    for other in others[:1]:
        if other[:2] == best[:2] and not (best[2] > other[2] and best[3] >= other[3]):
            raise UserError(
                f"{name} can be cut into columns at {NAMES[best[4]]} and at {NAMES[other[4]]}. "
                f'Say which: --separator "{best[4]}" or --separator "{other[4]}".'
            )
    rows = [row for row in _cells(lines, ",", True) if any(row)]
    if not best[0] and best[4] == "," and [len(row) == 1 for row in rows[:2]] == [True, False]:
        numbers = all(re.fullmatch(r"-?\d+,\d+", ",".join(row)) for row in rows[1:])
        if numbers and not numbers_rows(row[0] for row in rows[1:]):
            return _NEVER  # decimal commas
        if not _is_header(rows[1:]):
            raise UserError(
                f"Expected as many cells in the rows of {name} as in its header. Received: the "
                f"header {lines[0]!r} above rows such as {lines[1]!r}. If the comma separates "
                'nothing, say --separator ";"; if the first line is a title, say --skip_rows 1; '
                "if a column has no name, say --skip_rows 1 --header none."
            )
    return best[4]


def _check_one_column(lines, name):
    """Refuses lines of one cell that look like rows of several."""
    filled = [line for line in lines[:_ROWS] if line.strip()]
    for spaces, share, cure in (
        (r"\s+", 0.5, "Say --separator space if they are, or put texts with spaces in quotes."),
        (r"\s{2,}", 0.2, "Bring them as CSV: pandas.read_csv(path, sep=r'\\s{2,}') reads them."),
    ):
        words = [re.split(spaces, line.strip()) for line in filled]
        values = [cell for row in words[1:] for cell in row]
        typed = sum(is_number(cell) or is_date(cell) for cell in values)
        equal = len({*map(len, words[1:])}) == 1 and 0 <= len(words[1]) - len(words[0]) <= 1
        if equal and len(words[0]) > 1 and typed >= share * len(values) > 0:
            raise UserError(
                f"The lines of {name} look like columns with spaces between: {filled[0]!r}. {cure}"
            )
    quoted = all(line.startswith('"') and line.endswith('"') for line in filled)
    for sign in SEPARATORS:
        counts = {line.count(sign) for line in filled}
        if quoted and len(filled) > 1 and len(counts) == 1 and counts != {0}:
            raise UserError(
                f"Each line of {name} stands in quotes as a whole: {filled[0]!r}. Write it without "
                "these quotes."
            )


def _find_quotes(content, separator, name):
    """Whether the signs `"` are quotes, or parts of texts."""
    if b'"' not in content:
        return False
    sign = separator.encode()
    counts = {line.count(sign) for line in content.splitlines() if line.strip()}
    plain = len(counts) == 1 and counts != {0}  # the same cells, whatever stands in quotes
    end = _quoted(content, separator)
    if end == len(content):
        # A text of several lines, each of which is a whole row by itself, is no text of one cell.
        cells = re.finditer(rb'(?:^|(?<=[\t\n]))"(?:[^"]++|"")*+"(?=[\t\r\n]|\Z)', content)
        return not (separator == "\t" and plain and any(b"\n" in cell[0] for cell in cells))
    if plain:
        return False
    line = content.count(b"\n", 0, end) + 1
    text = content.split(b"\n", line)[line - 1][:60].decode(errors="replace")
    raise UserError(
        f"A quote opens in line {line:,} of {name} and does not close as one: {text!r}. Close it "
        'before the next separator, and write a quote inside of quotes twice ("").'
    )


def _quoted(content, separator):
    """How far the signs `"` of a text open and close cells."""
    sign = re.escape(separator.encode())
    cell = rb'(?:"(?:[^"]++|"")*+"|(?!")[^' + sign + rb"\r\n]*+)"
    row = re.compile(rb"(?:" + cell + b"(?:" + sign + rb"|\r?\n|\Z))*+")
    return row.match(content).end()  # type: ignore[union-attr]  # it matches nothing, too


def lines_above(rows) -> int:
    """How many rows of cells stand above the header: those with fewer cells than what follows."""
    filled = [max((n for n, c in enumerate(row, 1) if c.strip()), default=0) for row in rows]
    if not rows or filled[0] == len(rows[0]):  # lines above a spreadsheet's header are padded
        filled = [len(row) for row in rows]
    width = Counter(filter(None, filled)).most_common(1)[0][0] if any(filled) else 0
    first = next(place for place, count in enumerate(filled) if count == width)
    above = [count for count in filled[:first] if count]
    if not above or first > _ABOVE:
        return 0
    values = any(is_number(cell) or is_date(cell) for cell in rows[first])
    if not rows[first - 1] and {*filled[first:]} <= {width, 0}:  # as a table of its own
        return 0 if _like_data(rows[first:]) else first
    # Or it is a header that lacks a name, above rows of values.
    return 0 if max(above) >= width - values or _like_data(rows[first:]) else first


def _width(rows, first, header, name, separator):
    """Cells of a row, by the header or by the most common number of them."""
    width = Counter(len(row) for row in rows if row).most_common(1)[0][0]
    if header == "none" or len(first) == width:
        return width
    many = sum(len(row) == width for row in rows)
    if len(first) > width and many < 0.9 * (len(rows) - 1):
        return len(first)
    what = "more" if len(first) > width else "fewer"
    if separator is not None:
        raise UserError(
            f"With --separator {separator!r} the header of {name} has {what} cells than the rows: "
            f"{len(first)}, not {width}: {', '.join(first)[:80]!r}. Leave --separator out, or give "
            "another one."
        )
    raise UserError(
        f"The header of {name} has {what} cells than the rows: {len(first)}, not {width}: "
        f"{', '.join(first)[:80]!r}. Perhaps a name holds the separator: put it in quotes. Or "
        "leave the first line out, with --skip_rows 1, and say --header none if rows follow it."
    )


def find_header(rows, name, separator="") -> str:
    """`"first"` if the first row of cells holds names; a `UserError` if it looks like data."""
    if not _like_data(rows):
        return "first"
    shown = ", ".join(rows[0])[:80]
    comma = separator == "," and len(rows[0]) == 2 and "".join(rows[0]).isdigit()
    cure = ' If the comma is a decimal sign, say --separator ";" --header none.' * comma
    raise UserError(
        f"The first row of {name} looks like the rows below it, not like names of columns: "
        f"{shown!r}. If it is data, say --header none, and name columns as column_1, column_2 and "
        f"so on; if it is a header, say --header first.{cure}"
    )


def _like_data(rows):
    """Whether the first row holds what the cells below it hold."""
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if len(rest) < 2:
        return False
    columns = list(zip(*rest, strict=True))
    whole, named, known = 0, list[bool](), list[bool]()
    for cell, column in zip(first, columns, strict=True):
        below = [value for value in column if value.strip()]
        holds = is_date if is_date(cell) else is_number
        if holds(cell) and below and sum(map(holds, below)) >= 0.8 * len(below):
            if not cell.strip().isdigit():
                return True
            whole += 1
        labels = {value.strip() for value in below}
        if len(labels) <= _LABELS and len(below) >= max(20, 3 * len(labels)):
            (known if is_number(cell) else named).append(cell.strip() in labels)
    alone = known == [True] and whole == 1 < len(first) and all(map(str.strip, first))
    if (named and all(named)) or (alone and "0" not in first):  # as pandas calls a series
        return True
    numbers = [int(cell) for cell in first] if whole == len(first) else []
    return bool(numbers) and (first in rest or not _counts(numbers, columns))


def _counts(numbers, columns):
    """Whether numbers go up by equal steps, as names do, and 0, 1, 2 or unlike those below."""
    steps = {b - a for a, b in itertools.pairwise(numbers)}
    if len(numbers) > 2 and numbers[0] in (0, 1) and steps == {1}:
        return True
    below = [[int(cell) for cell in cells if cell.strip().isdigit()] or [-1] for cells in columns]
    sizes = zip(numbers, map(min, below), map(max, below), strict=True)
    near = [2 * low - high <= number <= 2 * high - low for number, low, high in sizes]
    return len(steps) == 1 and not all(near)


def _is_header(rows):
    """Whether the first row holds names, and one of them stands above values of another kind."""
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    proofs = [
        any(all(map(kind, cells)) and not kind(name) for kind in (is_number, is_date))
        for name, cells in zip(first, zip(*rest, strict=True), strict=False)
    ]
    return len(rest) > 1 and any(proofs) and not _like_data(rows)


def _after(content, lines, quotes):
    """What follows the first lines, of which the last may be a header of several, to the last."""
    place = 0
    for number in range(lines):
        end = content.find(b"\n", place)
        while quotes and number == lines - 1 and end >= 0 and content[place:end].count(b'"') % 2:
            end = content.find(b"\n", end + 1)
        if end < 0:
            return pa.py_buffer(b"")
        place = end + 1
    end = len(content) - len(content[-_ROWS:]) + len(content[-_ROWS:].rstrip(b"\r\n"))
    return pa.py_buffer(content).slice(place, max(0, end - place))  # a copy would double memory


def _number_types(rows, separator, width):
    """Types of the columns that hold plain numbers in the sample, by their place."""
    types, comma = {}, separator != "," and any(
        re.fullmatch(r"-?\d+,(?:\d{1,2}|\d{4,})", cell) for row in rows for cell in row
    )  # fmt: skip
    point = "," if comma else "."
    whole = re.compile(r"-?(?:0|[1-9]\d{0,17})")
    number = re.compile(rf"-?\d{{1,15}}(?:\{point}\d+)?(?:[eE][+-]?\d+)?")
    thousands = re.compile(rf"-?[1-9]\d{{0,2}}\{point}\d{{3}}")
    for place in range(width):
        cells = [row[place] for row in rows if row[place]]
        if cells and all(map(whole.fullmatch, cells)):
            types[place] = pa.int64()
        elif cells and all(map(number.fullmatch, cells)):
            having = [cell for cell in cells if point in cell]
            known = separator == "," or not all(map(thousands.fullmatch, having))
            if known and not any(re.match(r"-?0\d", cell) for cell in cells):
                types[place] = pa.float64()
    return types | ({"decimal": ","} if comma else {})


def _parse(body, separator, quotes, width, types, name, notes):
    """The cells below the header, by column; whether numbers among them have a decimal comma."""
    if not body.size or (body.size < _SAMPLE and not body.to_pybytes().strip()):
        return [pa.chunked_array([[]], pa.string()) for _ in range(width)], False
    types = dict(types)
    decimal = types.pop("decimal", ".")
    short: list = []
    long: list = []

    def ragged(row):
        (short if row.actual_columns < row.expected_columns else long).append(row)
        return "skip"

    block = _BLOCK

    def read(body, types, places=None):
        labels = [str(place) for place in range(width)]
        options = (
            pa.csv.ReadOptions(column_names=labels, block_size=block),
            pa.csv.ParseOptions(
                delimiter=separator, quote_char='"' if quotes else False, double_quote=quotes,
                newlines_in_values=quotes, ignore_empty_lines=width > 1,
                invalid_row_handler=ragged,
            ),
            pa.csv.ConvertOptions(
                column_types={label: types.get(int(label), pa.string()) for label in labels},
                null_values=[""], strings_can_be_null=False, check_utf8=False,
                decimal_point=decimal, include_columns=[str(place) for place in places or ()],
            ),
        )  # fmt: skip
        view = memoryview(body)
        try:
            return pa.csv.read_csv(pa.BufferReader(view), *options)
        finally:
            _let_go(view)

    def read_all(body):
        nonlocal block
        try:
            return read(body, types)
        except pa.ArrowInvalid:
            types.clear()  # a mark of a missing value, or a number of another form, far below
            short.clear()
            long.clear()
            cells = [cell.end() - cell.start() for cell in re.finditer(rb'"[^"]*"', body)]
            ends = np.flatnonzero(np.frombuffer(body, np.uint8) == ord("\n"))
            lines = int(np.diff(ends, prepend=-1, append=len(body)).max())
            block = max(_BLOCK, 4 * max(lines, *cells, 0))  # pyarrow wants whole rows in a block
        try:
            return read(body, {})
        except pa.ArrowInvalid as error:
            raise UserError(f"Cannot read {name}: {error}.") from error

    table = read_all(body)
    if long:
        raise UserError(
            f"Expected {width} cells in every row of {name}, as in its header. Received: "
            f"{long[0].actual_columns} in {len(long):,} rows, such as {long[0].text[:80]!r}. Put "
            'texts that hold the separator in quotes, and write 1.5 or "1,5", not 1,5.'
        )
    broken = next((row.text for row in short if "\n" in row.text or "\r" in row.text), None)
    if broken is not None:
        raise UserError(
            f"Expected {width} cells in every row of {name}. Received fewer in one over several "
            f"lines: {broken[:60]!r}. Complete it."
        )
    if short:
        ends = {row.text.encode(): separator * (width - row.actual_columns) for row in short}
        parts = re.split(rb"(\r\n|\n|\r)", body.to_pybytes())
        parts[::2] = [line + ends.get(line, "").encode() for line in parts[::2]]
        body, count = pa.py_buffer(b"".join(parts)), len(short)
        notes.append(
            f"{count:,} row{'s' * (count > 1)} with fewer than {width} cells, such as "
            f"{short[0].text[:60]!r}: the last ones count as empty"
        )
        short.clear()
        table = read_all(body)
    columns = table.columns
    whole = [place for place, kind in types.items() if kind == pa.int64()]
    if whole and _leading_zeros(body, separator):
        for place, column in zip(whole, read(body, {}, whole).columns, strict=True):
            if has_codes(column):
                columns[place] = column
    return columns, decimal == "," and bool(types)


def _let_go(view):
    """Waits until pyarrow's threads let go of a buffer; at the program's end that aborts it."""
    for _ in range(1000):
        with contextlib.suppress(BufferError):
            return view.release()
        time.sleep(0.001)


def _leading_zeros(body, separator):
    """Whether a cell begins with a zero and another digit."""
    signs, size = np.frombuffer(body, np.uint8), 1 << 20  # parts that fit into a cache
    for start in range(0, len(signs), size):
        part = signs[max(0, start - 2) : start + size]
        before, digit = part[:-2], part[2:] - np.uint8(ord("0")) < 10
        cell = (before == ord(separator)) | (before == ord("\n")) | (before == ord('"'))
        if (cell & digit & (part[1:-1] == ord("0"))).any():
            return True
    return len(signs) > 1 and signs[0] == ord("0") and chr(signs[1]).isdigit()
