"""Made-up columns of known content, and files of them as people and programs write them."""

import csv
import datetime
import gzip
import io
import random
import zipfile
from dataclasses import dataclass

import numpy as np
import pandas as pd

_WORDS = ["red", "Blue", "naïve", "Köln", "São Paulo", "a b", "n-1", "x/y", "C&A", "3rd", "12 mm"]
_ODD = ["None", "yes", "no", "a, b", "c; d", 'the "big" one', "=1+2", "-", "it's", "A|B", "é"]
_MISSING = ["", "", "", "NA", "n/a", "-", "?", "null", "NaN", "#N/A", "None"]
#: Formats of days; those that may be read in two orders are among them.
DAYS = [
    *["%Y-%m-%d"] * 4, "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%b-%Y", "%b %d, %Y",
    "%d %B %Y", "%Y%m%d", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%-d/%-m/%Y", "%-m/%-d/%Y",
    "%a %d %b %Y", "%d-%m-%Y", "%Y.%m.%d", "%B %-d, %Y", "%-d.%-m.%Y", "%A, %d. %B %Y",
]  # fmt: skip
CLOCKS = [
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


def number_text(value, digits, style, form="plain"):
    """A number as a style writes it."""
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
    cells = [number_text(value, digits, style, form) for value in values]
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
    form = chance.choice(DAYS)
    if chance.random() < 0.4 and form != "%Y%m%d":
        form += chance.choice(CLOCKS)
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


def typed_kinds(columns):
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
