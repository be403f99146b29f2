"""Tables that are made up, written as people and programs write them, and read back.

What they hold is known: a table is read right, or refused. So are a part of its rows, as `zoo
predict` reads them after training on all, and series with times.
"""

import csv
import dataclasses
import datetime
import itertools
from functools import lru_cache

import numpy as np
import pandas as pd

from recipes.data.dialect import Dialect
from recipes.data.files import open_table
from recipes.engine import arguments
from recipes.errors import UserError
from scripts.fault_tests.columns import (
    CLOCKS,
    DAYS,
    Column,
    Style,
    columns,
    compare,
    csv_bytes,
    names,
    number_text,
    sentences,
    typed_bytes,
    typed_kinds,
    written,
)


def read_back(path, chance):
    """A table of any dialect."""
    style, rows = Style.drawn(chance), chance.choice([2, 5, 12, 30, 60])
    made = columns(chance, rows, style)
    path.write_bytes(csv_bytes(made, style, chance))
    try:
        table = open_table(path, Dialect())
        _same(table, made, style)
    except UserError:  # what is said makes it right
        _same(open_table(path, _told(style, made)), made, style)
        raise
    if chance.random() < 0.2:
        _same(open_table(path, _told(style, made)), made, style)
    part = sorted(chance.sample(range(rows), min(rows, chance.choice([1, 2, 5, 20]))))
    _as_before(path, table, made, style, chance, part)


def _told(style, made):
    """What its writer knows of a file."""
    firsts = {each.day_first for each in made} - {None}
    thousands = style.thousands.replace(" ", "space").replace("\u202f", "space") or "none"
    return Dialect(
        encoding=style.encoding.removesuffix("-le"), separator=style.separator,
        decimal=style.decimal, thousands=thousands,
        day_first=firsts.pop() if len(firsts) == 1 else None,
    )  # fmt: skip


def _same(table, made, style):
    found = [name for name in table.names if not (style.closing and name == table.names[-1])]
    if any("empty rows left out" in note for note in table.notes):
        return
    if len(table) != len(made[0].cells):
        raise AssertionError(f"{len(table)} rows of {len(made[0].cells)}")
    if len(found) != len(made):
        raise AssertionError(f"columns {table.names}")
    for name, column in zip(found, made, strict=True):
        wrong = compare(column, table.column(name))
        if wrong:
            raise AssertionError(f"{name}: {wrong}")


def _as_before(path, table, made, style, chance, part):
    """Some of the rows, as `zoo predict` reads them."""
    few = [
        Column(c.name, c.kind, [c.values[n] for n in part], [c.cells[n] for n in part])
        for c in made
    ]
    if chance.random() < 0.5 and "" not in names(few) and len({*names(few)}) == len(few) > 1:
        path.write_bytes(typed_bytes(few, chance.choice(typed_kinds(few)), chance))
    else:
        path.write_bytes(csv_bytes(few, style, chance))
    kinds = {name: table.column(name) for name in table.names}
    again = open_table(path, Dialect(), table.decided)
    if any("empty rows left out" in note for note in again.notes):
        return
    if len(again) != len(part):
        raise AssertionError(f"predict: {len(again)} rows of {len(part)}")
    for (name, whole), column in zip(kinds.items(), few, strict=False):
        again.require(name, "the model reads it")
        if pd.api.types.is_datetime64_any_dtype(whole.dtype):
            found = again.dates(name)
        elif column.kind == "number":
            found = pd.Series(again.numbers(name))
        else:
            found = again.labels(name)
        wrong = compare(column, found)
        if wrong:
            raise AssertionError(f"predict: {name}: {wrong}")


def typed(path, chance):
    """Parquet, Excel, JSON lines."""
    style, rows = Style(), chance.choice([2, 5, 30])
    made = columns(chance, rows, style)
    known = {each.name or "no name": each for each in made}
    made = [dataclasses.replace(each, name=name) for name, each in known.items()]
    path.write_bytes(typed_bytes(made, chance.choice(typed_kinds(made)), chance))
    _same(open_table(path, Dialect()), made, style)


#: Steps of time: what is added from one to the next.
_STEPS = ["h", "D", "W", "MS", "ME", "QS", "B", "15min", "YS", "2D", "s"]


#: Flags of a forecast of a short series.
SHORT = "--window 2 --horizon 1"


@lru_cache
def parsed(recipe, flags):
    """The settings of flags about a file; to parse them takes longer than to read most files."""
    return arguments.parse(recipe, ["--data", "t.csv", *flags.split()])


def series(path, chance):
    """Series with times, read for a forecast; their last rows as `zoo predict` reads them."""
    from recipes.forecast.data.opening import open_file
    from recipes.forecast.loading import load_series

    style, step = Style.drawn(chance), chance.choice(_STEPS)
    rows, count = chance.choice([5, 14, 40, 120]), chance.choice([1, 1, 3])
    rows = min(rows, 40) if step == "YS" else rows
    first = datetime.datetime(chance.randint(1990, 2028), chance.randint(1, 12), 1)
    times = pd.date_range(first, periods=rows, freq=step)
    form = chance.choice(DAYS)
    if step in ("h", "15min", "s") or (step == "D" and chance.random() < 0.3):
        seconds = [each for each in CLOCKS if "%S" in each]
        days = [each for each in CLOCKS if "0" not in each]  # with a zone they are other days
        form += chance.choice({"s": seconds, "D": days}.get(step, CLOCKS))
        form = form.replace("%Y%m%d", "%Y-%m-%d").replace("%S.%f", "%S").replace("%S,500", "%S")
    elif step in ("MS", "QS") and chance.random() < 0.4:
        form = chance.choice(["%Y-%m", "%b %Y", "%b-%y", "%m/%Y", "%B %Y", "%Y%m"])
    ids = [f"shop {n}" for n in range(count)]
    table = []
    for name in ids:
        level = chance.uniform(1, 5000)
        for time in times:
            level += chance.gauss(0, 10)
            table.append((name, time.to_pydatetime(), round(level, 2)))
    order = chance.choice(["", "", "newest", "by time", "mixed"])
    if order == "newest":
        table.reverse()
    elif order == "by time":
        table.sort(key=lambda row: row[1])
    elif order == "mixed":
        chance.shuffle(table)
    form_of = chance.choice(["plain", "grouped", "plain"])

    def made(rows):
        dates = [written(row[1], form) for row in rows]
        values = [row[2] for row in rows]
        found = [
            Column("date", "date", [d for d, _ in dates], [t for _, t in dates]),
            Column("value", "number", values, [number_text(v, 2, style, form_of) for v in values]),
        ]
        if count > 1:
            found.insert(chance.choice([0, 1]), Column("shop", "text", *[[r[0] for r in rows]] * 2))
        return found

    style.closing = False
    path.write_bytes(csv_bytes(made(table), style, chance))
    config = parsed("forecast", f"{SHORT} --target value{' --series shop' * (count > 1)}")
    config, file, _ = open_file(config, path)
    found = load_series(config, file=file)
    _check_series(found, table, form, "")
    few = sorted(table, key=lambda row: (row[0], row[1]))
    kinds = ["", "parquet", "xlsx", "jsonl", "csv"]
    keep = chance.choice([3, 4, 8])
    few = [row for n, row in enumerate(few) if n % rows >= rows - keep]
    kind = chance.choice(kinds)
    if kind:
        path.write_bytes(typed_bytes(made(few), kind, chance))
    else:
        path.write_bytes(csv_bytes(made(few), style, chance))
    config, again, _ = open_file(config, path, file.decided, False)
    _check_series(load_series(config, future=1, file=again), few, form, "predict: ")


def _check_series(found, table, form, what):
    table = sorted(table, key=lambda row: (row[0], row[1]))
    if len(found) != len(table):
        raise AssertionError(f"{what}{len(found)} rows of {len(table)}")
    times = np.array([written(row[1], form)[0] for row in table], "datetime64[s]")
    if not any(row[1].hour or row[1].minute or row[1].second for row in table):  # days stay days
        times = np.array([row[1] for row in table], "datetime64[s]")
    if found.times.dtype.kind != "M":
        raise AssertionError(f"{what}no times, but {found.times[:3]}")
    if (found.times != times).any():
        row = int(np.argmax(found.times != times))
        raise AssertionError(f"{what}{written(table[row][1], form)[1]!r} as {found.times[row]}")
    values = np.array([row[2] for row in table], np.float32)
    if (found.values[:, 0] != values).any():
        row = int(np.argmax(found.values[:, 0] != values))
        raise AssertionError(f"{what}{values[row]} as {found.values[row, 0]}")


def pairs(path, chance):
    """Pairs of texts, for a translation."""
    from recipes.translation.data.pairs import open_pairs

    style = Style.drawn(chance)
    style = dataclasses.replace(style, spaced=False, above=0, closing=False)
    rows = chance.choice([3, 10, 40])
    made = [Column(name, *sentences(chance, rows, style)) for name in ("english", "spanish")]
    if style.separator == "\t":  # lines, without quotes
        for each in made:
            each.values = [value.replace("\n", " ") for value in each.values]
        lines = ["\t".join(row) for row in zip(*[each.values for each in made], strict=True)]
        if chance.random() < 0.5:
            lines.insert(0, "english\tspanish")
        content = (style.end.join(lines) + style.end).encode(style.encoding, "replace")
        path.write_bytes(content)
    else:
        path.write_bytes(csv_bytes(made, style, chance))
    found = open_pairs(path)[0]
    expected = [(a.strip(), b.strip()) for a, b in zip(*[e.values for e in made], strict=True)]
    both = itertools.zip_longest(found, expected)
    wrong = next((f"{len(found)} of {len(expected)} pairs: {a} {b}" for a, b in both if a != b), "")
    if wrong:
        raise AssertionError(wrong)


def texts(path, chance):
    """Texts with labels."""
    from recipes.text_classification.data.labelled_texts import _read, find_columns

    style = Style.drawn(chance)
    style = dataclasses.replace(style, closing=False)
    rows = chance.choice([20, 60])
    _, said, cells = sentences(chance, rows, style)
    labels = [chance.choice(["spam", "ham", "None"][: chance.choice([2, 3])]) for _ in range(rows)]
    made = [Column("text", "text", said, cells), Column("label", "text", labels, labels)]
    chance.shuffle(made)
    path.write_bytes(csv_bytes(made, style, chance))
    table = open_table(path, Dialect())
    frame, _ = _read(table, *find_columns(table))
    for each in made:
        wrong = compare(each, frame[each.name])
        if wrong:
            raise AssertionError(wrong)


def messy(path, chance):
    """A table with something that is none of its rows."""
    style, rows = Style.drawn(chance), 40
    style = dataclasses.replace(
        style, closing=False, above=0, spaced=False, quoting=csv.QUOTE_MINIMAL
    )
    made = columns(chance, rows, style)
    while len(made) < 3 or "a, b" in names(made) or all(each.kind == "text" for each in made):
        made = columns(chance, rows, style)
    style.packed = ""
    text = csv_bytes(made, style, chance).decode(style.encoding).removeprefix("\ufeff")
    lines = text.rstrip("\r\n").split(style.end)
    whole = len(lines) == rows + 1
    mess = chance.choice(["units", "total", "comment", "source", "again", "short", "blank", "note"])
    sign = style.separator
    match mess:
        case "units":
            units = {"number": "kg", "date": "dd/mm", "text": ""}
            lines.insert(1, sign.join(units[each.kind] for each in made))
        case "total":
            sums = [
                sum(v for v in e.values if v is not None) if e.kind == "number" else ""
                for e in made
            ]
            cells = [number_text(s, 2, style) if s != "" else "" for s in sums]
            cells[0] = "Total"
            lines.append(sign.join(cells))
        case "comment":
            lines.insert(0, "# made by a program, v1.2")
        case "source":
            lines += ["", "Source: the office"]
        case "again":
            lines.insert(len(lines) // 2, lines[0])
        case "short":
            lines[-1] = sign.join(lines[-1].split(sign)[:-1])
        case "blank":
            lines.insert(len(lines) // 2, sign * (len(made) - 1))
        case "note":
            lines[2] += f"{sign}(corrected)"
    path.write_bytes(style.end.join(lines).encode(style.encoding))
    table = open_table(path, Dialect())
    for each in made if whole else ():
        if (
            each.kind == "number"
            and mess in ("units", "again")
            and any(v is not None for v in each.values)
        ):
            found = table.column(each.name) if each.name in table.names else None
            if found is not None and not pd.api.types.is_numeric_dtype(found.dtype):
                raise AssertionError(f"{mess}: {each.name}: numbers as texts")
    wrong = whole and len(table) != rows and mess not in ("total", "blank", "units", "again")
    if wrong and not any("row" in note for note in table.notes[1:]):
        raise AssertionError(f"{mess}: {len(table)} rows of {rows}, and no note")


#: What is made up, by name.
KINDS = {
    "messy": messy,
    "tables": read_back,
    "typed": typed,
    "series": series,
    "pairs": pairs,
    "texts": texts,
}
