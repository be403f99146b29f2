"""Tables that are made up, written as people and programs write them, and read back.

What they hold is known: a table is read right, or refused. So are a part of its rows, as `zoo
predict` reads them after training on all, and series with times.
"""

import csv
import dataclasses
import datetime
import gzip
import io
import itertools
import random
import zipfile
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from recipes.data.dialect import Dialect
from recipes.data.files import open_table
from recipes.engine import arguments
from recipes.errors import UserError

#: Categories, and those that look like something else.
_WORDS = ["red", "Blue", "naïve", "Köln", "São Paulo", "a b", "n-1", "x/y", "C&A", "3rd", "12 mm"]
_ODD = ["None", "yes", "no", "a, b", "c; d", 'the "big" one', "=1+2", "-", "it's", "A|B", "é"]
_MISSING = ["", "", "", "NA", "n/a", "-", "?", "null", "NaN", "#N/A", "None"]
#: Formats of days; those that may be read in two orders are among them.
_DAYS = [
    *["%Y-%m-%d"] * 4, "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%b-%Y", "%b %d, %Y",
    "%d %B %Y", "%Y%m%d", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%-d/%-m/%Y", "%-m/%-d/%Y",
    "%a %d %b %Y", "%d-%m-%Y", "%Y.%m.%d", "%B %-d, %Y", "%-d.%-m.%Y", "%A, %d. %B %Y",
]  # fmt: skip
_CLOCKS = [
    " %H:%M", " %H:%M:%S", "T%H:%M:%S", "T%H:%M:%SZ", " %H:%M:%S+02:00", " %H:%M-0500",
    " %I:%M %p", " %-I:%M:%S %p", " %H:%M:%S.%f", ", %H:%M", "T%H:%M:%S.000Z", " %H:%M:%S,500",
]  # fmt: skip


@dataclass
class Column:
    """One column: what it says, and how it is written."""

    name: str
    kind: str
    values: list
    cells: list[str]
    day_first: bool | None = None


@dataclass
class Style:
    """How one program writes a file."""

    separator: str = ","
    decimal: str = "."
    thousands: str = ""
    missing: str = ""
    encoding: str = "utf-8"
    end: str = "\n"
    quoting: int = csv.QUOTE_MINIMAL
    spaced: bool = False
    closing: bool = False
    above: int = 0
    blank: int = 0
    packed: str = ""

    @classmethod
    def drawn(cls, chance: random.Random):
        """One at random, such as there are."""
        separator = chance.choice([",", ",", ";", ";", "\t", "|"])
        decimal = "." if separator == "," else chance.choice(".,,")
        thousands = {".": [",", "", " ", "'"], ",": [".", "", " ", "\u202f"]}[decimal]
        encoding = chance.choice(["utf-8", "utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
        if encoding == "cp1252":
            thousands = thousands[:3]
        quoting = [csv.QUOTE_MINIMAL] * 3 + [csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]
        return cls(
            separator, decimal, chance.choice(thousands), chance.choice(_MISSING),
            encoding, chance.choice(["\n", "\n", "\r\n", "\r"]),
            chance.choice(quoting), chance.random() < 0.1, chance.random() < 0.07,
            chance.choice([0, 0, 0, 0, 1, 3]), chance.choice([0, 0, 0, 1, 2]),
            chance.choice(["", "", "", "", "gz", "zip"]),
        )  # fmt: skip


def _number(value, digits, style, form="plain"):
    text = f"{abs(value):,.{digits}f}"
    thousands = style.thousands if form != "plain" or style.thousands in ("", ",") else ""
    if form == "plain":
        thousands = ""
    text = text.translate({ord(","): thousands, ord("."): style.decimal})
    minus = "-" if value < 0 else ""
    match form:
        case "dollar":
            return f"{minus}${text}"
        case "euro":
            return f"{minus}{text} €"
        case "code":
            return f"{minus}EUR {text}" if not minus else f"EUR {minus}{text}"
        case "percent":
            return f"{minus}{text}%"
        case "percent spaced":
            return f"{minus}{text} %"
        case "accountant":
            return f"({text})" if minus else text
        case "behind":
            return f"{text}-" if minus else text
        case "typeset":
            return f"\u2212{text}" if minus else text
        case "signed":
            return f"{minus or '+'}{text}"
    return f"{minus}{text}"


def _holes(values, cells, chance, style, share):
    for place in range(len(values)):
        if chance.random() < share:
            values[place], cells[place] = None, style.missing


def numbers(chance, rows, style):
    """Whole numbers, decimals, prices, percentages."""
    size = chance.choice([1, 10, 1000, 100_000, 10_000_000])
    digits = chance.choice([0, 0, 1, 2, 2, 3, 4])
    forms = "plain plain plain grouped grouped dollar euro code percent accountant behind signed"
    forms = [*forms.split(), "percent spaced", "typeset"]
    form = chance.choice(forms)
    if style.encoding == "cp1252" and form == "typeset":
        form = "grouped"
    low = (
        -size
        if form in ("accountant", "behind", "signed", "typeset")
        else chance.choice([0, -size])
    )
    values = [round(chance.uniform(low, size), digits) for _ in range(rows)]
    values = [value + 0.0 for value in values]
    cells = [_number(value, digits, style, form) for value in values]
    if form == "plain" and digits and chance.random() < 0.5:  # as Python writes them
        cells = [repr(value).replace(".", style.decimal) for value in values]
        cells = [cell.removesuffix(style.decimal + "0") for cell in cells]
        if chance.random() < 0.1:
            cells = [f"{value:.{digits}e}".replace(".", style.decimal) for value in values]
            values = [float(f"{value:.{digits}e}") for value in values]
    _holes(values, cells, chance, style, chance.choice([0, 0, 0.1, 0.3]))
    return "number", values, cells


def words(chance, rows, style):
    """Names of categories."""
    known = [*_WORDS, *_ODD] if chance.random() < 0.4 else _WORDS[: chance.choice([2, 4, 11])]
    if style.encoding == "cp1252":  # of one language, or nobody could tell the encoding
        known = [each for each in known if each.isascii() or each == "Köln"]
    values = [chance.choice(known) for _ in range(rows)]
    return "text", values, list(values)


def codes(chance, rows, style):
    """Codes with leading zeros, or numbers too long for a float."""
    width = chance.choice([3, 5, 19])
    values = [str(chance.randrange(10**width)).zfill(width) for _ in range(rows)]
    values[chance.randrange(rows)] = "0" + values[0][1:]
    return "text", values, list(values)


def sentences(chance, rows, style):
    """Free text, over several lines at times."""
    odd = [*_WORDS, *_ODD]
    if style.encoding == "cp1252":
        odd = [each for each in odd if each.isascii() or each == "Köln"]
    odd += ["He said:", "well,", "and;", "#1", "1,5", "end."]
    if style.end != "\r" and chance.random() < 0.3:
        odd += ["two\nlines"]
    values = [" ".join(chance.choices(odd, k=chance.randint(1, 9))) for _ in range(rows)]
    return "text", values, list(values)


def truths(chance, rows, style):
    """Yes or no."""
    pair = chance.choice([("yes", "no"), ("True", "False"), ("TRUE", "FALSE"), ("Y", "N")])
    values = [chance.choice(pair) for _ in range(rows)]
    return "text", values, list(values)


def days(chance, rows, style):
    """Dates, and times."""
    form = chance.choice(_DAYS)
    if chance.random() < 0.4 and form != "%Y%m%d":
        form += chance.choice(_CLOCKS)
    first = datetime.datetime(chance.randint(1990, 2030), 1, 1)
    values = [
        first
        + datetime.timedelta(chance.randrange(chance.choice([20, 3000])), chance.randrange(86400))
        for _ in range(rows)
    ]
    found = [written(value, form) for value in values]
    values, cells = [list(each) for each in zip(*found, strict=True)]
    _holes(values, cells, chance, style, chance.choice([0, 0, 0.1]))
    order = {"%d.%m": True, "%d/%m": True, "%m/%d": False, "%-d/%-m": True, "%-m/%-d": False}
    order |= {"%d-%m": True, "%-d.%-m": True}
    return "date", values, cells, next((v for k, v in order.items() if form.startswith(k)), None)


def written(value, form):
    """What a date in a format says, in UTC where it has a zone, and the text."""
    text = value.strftime(form)
    parts = dict.fromkeys(("hour", "minute", "second", "microsecond"), 0)
    if "%M" in form:
        parts |= {"hour": value.hour, "minute": value.minute}
    if "%S" in form:
        parts["second"] = value.second
    parts["microsecond"] = 500_000 if form.endswith(",500") else 0
    value = value.replace(**parts)
    for zone, hours in (("+02:00", 2), ("-0500", -5)):
        if form.endswith(zone):
            value -= datetime.timedelta(hours=hours)
    return value, text


_KINDS = [numbers] * 4 + [words] * 2 + [codes, sentences, truths, days, days]
_NAMES = [
    "size", "Price (EUR)", "name", "date", "x", "y 1", "Größe", "id", "kg/m", 'the "best"', "a, b",
    "2024", "class", "Total", "col", "Ünit", "%", "value", "text", "when",
]  # fmt: skip


def columns(chance, rows, style):
    """Some columns."""
    called = chance.sample(_NAMES, chance.randint(1, 7))
    found = [Column(name, *chance.choice(_KINDS)(chance, rows, style)) for name in called]
    if chance.random() < 0.1:
        values = [float(n) for n in range(rows)]
        found.insert(0, Column("", "number", values, [str(n) for n in range(rows)]))
    if len(found) > 1 and chance.random() < 0.05:
        found[-1].name = found[0].name
    if len(found) == 1:  # else it looks like two
        found[0].name = found[0].name.replace(",", "")
    return found


def csv_bytes(columns, style, chance):
    """The file of some columns."""
    file = io.StringIO()
    plain = {"number"} if style.quoting == csv.QUOTE_NONNUMERIC else set()
    sign = style.separator
    between = sign + " " * style.spaced

    def cell(text, kind):
        special = any(each in text for each in (sign, '"', "\n", "\r"))
        if style.quoting == csv.QUOTE_MINIMAL or (kind in plain or (plain and not text)):
            quoted = special or (text != text.strip() and style.spaced)
            quoted |= not text and len(columns) == 1  # as pandas does
        else:
            quoted = True
        doubled = text.replace('"', '""')
        return f'"{doubled}"' if quoted else text

    above = style.above * (len(columns) > 1 and len(columns[0].cells) > 2 * style.above)
    lines = [f"Report {n}: made up" for n in range(above)]
    lines += [""] * (above and style.blank)
    lines.append(between.join(cell(each.name, "name") for each in columns))
    for row in zip(*[each.cells for each in columns], strict=True):
        texts = [cell(text, each.kind) for text, each in zip(row, columns, strict=True)]
        lines.append(between.join(texts))
    if style.closing:
        lines[-len(columns[0].cells) - 1 :] = [
            line + sign for line in lines[-len(columns[0].cells) - 1 :]
        ]
    lines += [""] * style.blank
    file.write(style.end.join(lines) + style.end * (chance.random() < 0.8))
    text = file.getvalue()
    mark = "\ufeff" if style.encoding == "utf-16-le" else ""
    content = (mark + text).encode(style.encoding, "replace")
    if style.packed == "gz":
        return gzip.compress(content, 1)
    if style.packed == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("data.csv", content)
        return packed.getvalue()
    return content


def names(columns):
    """Those of columns."""
    return [each.name for each in columns]


def typed_bytes(columns, kind, chance=None):
    """The same as a file that says what its values are."""
    frame = pd.DataFrame({each.name: _typed(each) for each in columns})
    file = io.BytesIO()
    match kind:
        case "csv":
            separator = chance.choice(",;\t")
            decimal = "." if separator == "," else chance.choice(".,")
            frame.to_csv(file, index=False, sep=separator, decimal=decimal)
        case "parquet":
            frame.to_parquet(file, index=False)
        case "xlsx":
            frame.to_excel(file, index=False)
        case "jsonl":
            return frame.to_json(orient="records", lines=True, date_format="iso").encode()
        case "json":
            return frame.to_json(orient="records", date_format="iso", force_ascii=False).encode()
    return file.getvalue()


def _kinds(columns):
    """Kinds of such files that can hold these columns."""
    texts = [text for each in columns if each.kind == "text" for text in each.values]
    formulas = any(text.startswith("=") for text in texts)  # nobody has calculated them
    return ["parquet", "jsonl", "json", "csv", *["xlsx"] * (not formulas)]


def _typed(column):
    if column.kind == "number":
        values = pd.Series(column.values, dtype=float)
        whole = values.notna().all() and (values % 1 == 0).all()
        return values.astype("int64") if whole else values
    if column.kind == "date":
        return pd.Series(pd.to_datetime(pd.Series(column.values)))
    return pd.Series(column.values, dtype=object)


def compare(column, found) -> str:
    """What is wrong with a column that was read; empty if nothing is."""
    if column.kind == "number":
        if not pd.api.types.is_numeric_dtype(found.dtype):
            known = [value for value in column.values if value is not None]
            return "numbers as texts" if known else ""
        expected = np.array([np.nan if v is None else v for v in column.values])
        same = np.isclose(found.to_numpy(np.float64), expected, 1e-12, 0, equal_nan=True)
    elif column.kind == "date":
        if not pd.api.types.is_datetime64_any_dtype(found.dtype):
            days = all(
                cell.isdigit() or value is None
                for cell, value in zip(column.cells, column.values, strict=True)
            )
            return "" if days else "dates as texts"
        expected = pd.Series(column.values, dtype="datetime64[us]")
        found = found.astype("datetime64[us]").reset_index(drop=True)
        same = ((found == expected) | (found.isna() & expected.isna())).to_numpy()
    else:
        texts = ["" if value is None else value.strip() for value in column.values]
        given = ["" if v is None or v != v else str(v).strip() for v in found]
        same = np.array([a == b for a, b in zip(texts, given, strict=True)])
    if same.all():
        return ""
    row = int(np.argmin(same))
    return f"{column.kind}s: {column.cells[row]!r} read as {found.iloc[row]!r}"


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
        path.write_bytes(typed_bytes(few, chance.choice(_kinds(few)), chance))
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
    path.write_bytes(typed_bytes(made, chance.choice(_kinds(made)), chance))
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
    form = chance.choice(_DAYS)
    if step in ("h", "15min", "s") or (step == "D" and chance.random() < 0.3):
        seconds = [each for each in _CLOCKS if "%S" in each]
        days = [each for each in _CLOCKS if "0" not in each]  # with a zone they are other days
        form += chance.choice({"s": seconds, "D": days}.get(step, _CLOCKS))
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
            Column("value", "number", values, [_number(v, 2, style, form_of) for v in values]),
        ]
        if count > 1:
            found.insert(chance.choice([0, 1]), Column("shop", "text", *[[r[0] for r in rows]] * 2))
        return found

    style.closing = False
    path.write_bytes(csv_bytes(made(table), style, chance))
    config = parsed("forecast", f"{SHORT} --target value{' --series shop' * (count > 1)}")
    config, file = open_file(config, path)
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
    config, again = open_file(config, path, file.decided, False)
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
    from recipes.translation.data.pairs import read_pairs

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
    found, _ = read_pairs(path)
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
            cells = [_number(s, 2, style) if s != "" else "" for s in sums]
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
