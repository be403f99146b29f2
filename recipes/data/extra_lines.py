"""Lines of a table that are none of its rows: units, rules, headers again, counts, sources."""

import itertools
import re

import pyarrow as pa

from recipes.data.dates import is_date
from recipes.data.numbers import MISSING, is_number

#: Rows below units, at least.
_FEW = 5
#: Types of columns, and what Orange writes below them.
_TYPES = re.compile(
    r"(?i)[cdst]|continuous|discrete|string|time|(var)?char.*|text|date|bool(ean)?|object|factor|"
    r"category|categorical|num(eric|ber)?|int(eger|\d\d)?|double|float(\d\d)?|str"
)
_FLAGS = re.compile(r"(([imcw]|class|meta|ignore|weight|\w+=\w+)\b *)*")
_RULE = re.compile(r"(?s)(?=.*---)[\s|+:=-]++")
_COUNT = re.compile(r"\(?[\d,]+ rows?( affected| in set| selected)?\b.*")


def _is_number_or_date(cell):
    return is_number(cell) or is_date(cell)


def _is_value(cell):
    return _is_number_or_date(cell) or cell.strip().lower() in MISSING[1:]


def is_second_header(rows) -> bool:
    """Whether the row below a header is a rule, or words above columns of values, such as units.

    >>> is_second_header([["at", "height"], ["", "cm"], *[["2024-01-31", "12.5"]] * 5])
    True
    """
    second, rest = rows[1] if len(rows) > 1 else [], [r for r in rows[2:] if len(r) == len(rows[0])]
    if _RULE.fullmatch(" ".join(second)):
        return True
    values = [*second, *(cell for cell in rows[0] if is_number(cell))]
    if len(rest) < _FEW or len(second) != len(rows[0]) or any(map(_is_number_or_date, values)):
        return False
    below = [[cell for cell in cells if cell.strip()] for cells in zip(*rest, strict=True)]
    of_values = [bool(cells) and all(map(_is_value, cells)) for cells in below]
    told = [place for place, cell in enumerate(second) if cell.strip().lower() not in MISSING]
    others = [place for place in told if not of_values[place]]
    return len(told) > len(others) and (sum(of_values) > 1 or not others)


def header_rows(rows) -> int:
    """How many rows below a header are none: second ones, and one that names an index alone.

    >>> header_rows([["", "a"], ["", "mean"], ["city", ""], *[["Rome", "1"]] * 5])
    2
    """
    count, width = 0, len(rows[0])
    body = [row for row in rows[2:] if len(row) == width]
    if len(body) >= _FEW:
        typed = [place for place, cell in enumerate(rows[1][:width]) if _TYPES.fullmatch(cell)]
        again = any(row[place] == rows[1][place] for row in body for place in typed)
        flags = all(map(_FLAGS.fullmatch, rows[2]))
        plain = flags or min(map(len, rows[1])) > 2  # a letter alone may be a value
        if len(typed) > max(1, 0.6 * width) and plain and not again:
            return 1 + flags
    while is_second_header([rows[0], *rows[count + 1 :]]):
        count += 1
        if rows[count + 1 :] and all(map("".join, (rows[count + 1][:1], rows[count + 1][1:]))):
            break  # another one has no name, or nothing else: it might be a row
    named, *rest = [row for row in rows[count + 1 :] if len(row) == len(rows[0])] or [[]]
    columns = enumerate(zip(*rest, strict=True))
    values = [place for place, cells in columns if all(map(_is_value, filter(str.strip, cells)))]
    bare = [not "".join(row[place] for place in values).strip() for row in (named, *rest)]
    may_be = (count or not rows[0][0].strip()) and not any(map(_is_number_or_date, named))
    return count + bool(may_be and values and bare[0] and sum(bare) == 1)


def lines_behind(content: bytes, separator: str, width: int) -> list[str]:
    """The last lines, of fewer cells than the rows, behind an empty line; or a count of rows."""
    found: list[str] = []
    for line in reversed(content[-4000:].decode(errors="ignore").rstrip().split("\n")):
        if not line.strip() or line.count(separator) >= width - 1 or '"' in line:
            told = [_COUNT.fullmatch(each.strip()) or _RULE.fullmatch(each) for each in found]
            return found if all(told) or not line.strip() else []
        found.insert(0, line)
    return []


def with_all_names(rows, separator):
    """Rows of cells whose header has as many, if its only one more is empty or numbers rows."""
    head = next((place for place, row in enumerate(rows) if row), 0)
    rest = [row for row in rows[head + 1 :] if row]
    if len(rest) > 1 and {*map(len, rest)} == {len(rows[head]) + 1} and len(rows[head]) > 1:
        whole = ["".join(cells).lstrip("-").isdigit() for cells in zip(*rest, strict=True)]
        commas = separator == "," and any(a and b for a, b in itertools.pairwise(whole))
        if not any(row[-1].strip() for row in rest):
            rows[head] = [*rows[head], ""]
        elif numbers_rows(row[0] for row in rest) and not commas:  # which may be decimal signs
            rows[head] = ["", *rows[head]]
    return rows


def numbers_rows(cells):
    """Whether cells say 0, 1, 2 and so on, or 1, 2, 3."""
    cells = [*cells]
    return cells in ([str(start + n) for n in range(len(cells))] for start in (0, 1))


def without_headers(line, body, content, notes):
    """The body without lines that are the header again, as where files were joined."""
    if line.count(b'"') % 2 or content.find(b"\n" + line) < 0:
        return body
    again = re.compile(b"^" + re.escape(line) + rb"\r?(?:\n|\Z)", re.MULTILINE)
    found, count = again.subn(b"", body.to_pybytes())
    if not count:
        return body
    notes.append(f"{count} line{'s' * (count > 1)} left out: the header again")
    return pa.py_buffer(found)
