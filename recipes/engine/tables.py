"""Numbers and tables as text, the same on the terminal, in reports and in the README."""

import csv
import io
import itertools
import json
import math
import re
import shutil
import sys
import textwrap

from rich.cells import cell_len
from rich.console import Console

from recipes.data.writing import guarded
from recipes.errors import printable

#: Where commands say what they do.
console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
_NUMERIC = re.compile(r"[-+]?[\d.,:e+-]*%?|nan|inf")


def number(value) -> str:
    """A score with four significant digits; large ones whole; empty for `None`.

    >>> number(0.0123456), number(22062.3), number(4.5678e30), number(None)
    ('0.01235', '22,062', '4.568e+30', '')
    """
    if value is None:
        return ""
    return f"{value:,.0f}" if 10_000 <= abs(value) < 1e15 else f"{value:,.4g}"


def counted(count, noun) -> str:
    """A number of things.

    >>> counted(1, "epoch"), counted(2000, "epoch")
    ('1 epoch', '2,000 epochs')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def percent(fraction) -> str:
    """A fraction in percent, with the digits that tell it from nothing and from all.

    >>> percent(0.251), percent(0.001), percent(0.9993), percent(0)
    ('25 %', '0.1 %', '99.93 %', '0 %')
    """
    rest = min(fraction, 1 - fraction)
    digits = max(0, math.ceil(-math.log10(rest)) - 2) if rest > 0 else 0
    return f"{100 * fraction:.{digits}f} %"


def markdown(rows, texts=1) -> str:
    """A Markdown table of rows of texts, the header first; so many columns are aligned to the left.

    (`DataFrame.to_markdown` pads its cells, and reads 22,062 as a number.)

    >>> print(markdown([["model", "mae"], ["naive", "0.5"]]))
    | model | mae |
    | --- | ---: |
    | naive | 0.5 |
    """
    header, *body = rows
    ruler = ["---"] * texts + ["---:"] * (len(header) - texts)
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, ruler, *body])


def aligned(rows, width: int | None = None, names=1) -> str:
    """Rows as lines with aligned columns, of which no name and no number is ever cut.

    Where a line is longer than the terminal's width, a last column of texts is wrapped between
    words. Other tables get headers of several lines, and if that is not enough they are cut between
    columns: the first ones, so many `names`, stand in each part again.

    >>> print(aligned([["model", "mae", "what"], ["naive", "0.5", "the last value"]], width=16))
    model  mae  what
    naive  0.5
        the last
        value
    """
    header, *body = [[printable(text) for text in row] for row in rows]
    heads, wraps = [header], any(" " in row[-1] for row in body)
    sizes = [max(map(cell_len, column)) for column in zip(header, *body, strict=True)]
    if width and not wraps and sum(sizes) + 2 * len(sizes) - 2 > width:
        words = [re.split("(?<=_)| ", name)[::-1] for name in header]
        heads = [[*line] for line in itertools.zip_longest(*words, fillvalue="")][::-1]
        sizes = [max(map(cell_len, column)) for column in zip(*heads, *body, strict=True)]
        ends = [sum(sizes[:n]) + 2 * n - 2 for n in range(len(sizes) + 1)]
        count = max(names + 1, sum(end <= width for end in ends) - 1)
        if count < len(sizes):
            parts = [row[:count] for row in rows], [[*row[:names], *row[count:]] for row in rows]
            return "\n\n".join(aligned(part, width, names) for part in parts)
    columns, lines = zip(header, *body, strict=True), []
    right = [all(map(_NUMERIC.fullmatch, column[1:])) for column in columns]
    for row in [*heads, *body]:
        spaces = [" " * (size - cell_len(text)) for size, text in zip(sizes, row, strict=True)]
        cells = [s + text if r else text + s for s, text, r in zip(spaces, row, right, strict=True)]
        line = "  ".join(cells).rstrip()
        if width and cell_len(line) > width and " " in row[-1]:
            start, first = "  ".join([*cells[:-1], ""]), ""
            if cell_len(start) + 30 > width:
                start, first = "    ", f"{start.rstrip()}\n"
            line = first + textwrap.fill(
                row[-1], width - cell_len(start) + len(start), initial_indent=start,
                subsequent_indent=" " * cell_len(start), break_long_words=False,
                break_on_hyphens=False,
            )  # fmt: skip
        lines.append(line)
    return "\n".join(lines)


def terminal_width() -> int | None:
    """Columns of the terminal that reads standard output; `None` for a pipe or a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def written(records: list[dict], form: str) -> str:
    """Records as `"csv"` with the names of all of them, or as `"json"`; numbers as they are.

    >>> print(written([{"name": "a", "mae": 0.125}, {"name": "b"}], "csv"))
    name,mae
    a,0.125
    b,
    """
    if form == "json":
        return json.dumps(records, indent=2)
    text = io.StringIO()
    names = list(dict.fromkeys(name for record in records for name in record))
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: guarded(value) for name, value in each.items()} for each in records)
    return text.getvalue().rstrip("\n")


def cell(text, longest=160) -> str:
    r"""Any text as a cell of a Markdown table that shows what it holds, cut where it is too long.

    >>> print(cell("a|b\n  c"), cell("abcdef", longest=3))
    a\|b c abc...
    """
    text = " ".join(str(text)[: 4 * longest].split())
    text = text if len(text) <= longest else f"{text[:longest]}..."
    return escaped(text, "\\`*_[]<>|$~#&")


def escaped(text, signs="\\`*[]<$#&") -> str:
    r"""Any text as Markdown that shows it: without links, pictures, HTML or formulas of its own.

    >>> print(escaped("[a](b) <c>"))
    \[a\](b) \<c>
    """
    return re.sub(f"([{re.escape(signs)}])", r"\\\1", printable(text))


def fenced(text) -> str:
    """A text as Markdown that shows every line of it, whatever it holds."""
    fence = max(["~~", *re.findall("~+", text)], key=len) + "~"
    return f"{fence}text\n{printable(text)}\n{fence}"
