"""A table, its columns asked for by what they are to be: numbers, texts, labels, times.

What was decided stands in the table's notes, and in `decided`, which a run keeps for predictions.
"""

import contextlib
import difflib
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from recipes.data import dates
from recipes.data.delimited import NAMES
from recipes.data.dialect import THOUSANDS
from recipes.data.numbers import (
    MISSING,
    NEARLY,
    NumberFormat,
    Numbers,
    find_sentinel,
    forms_of,
    read_numbers,
)
from recipes.errors import UserError, some

#: How a column without a name is called, such as the index that `DataFrame.to_csv` writes.
UNNAMED = "Unnamed: "
#: What a row of sums is called, and one word more.
_TOTAL = re.compile(r"(?i)\W*(grand |sub)?(total|sum|gesamt|somme|合計|总计|итого)\w*+\W*+\w*+\W*+")
#: And one of means.
_MEAN = re.compile(r"(?i)\W*(\w* )?\w*(average|mean|durchschnitt|mittelwert|moyenne|promedio)\W*")
#: Rows that tell whether a column holds times.
_SOME = 2000


class TableFile:
    """A table in a file, or in memory, with its columns by name.

    Args:
        source: Name of the file, for messages.
        columns: Columns by name: `pyarrow` arrays of texts, or pandas `Series` of other values.
        dialect: What is said of the form of texts.
        decided: What was found out about the file's form.
        before: What was found out about the file that a run was trained on: it decides where the
            texts of this one leave two readings.
        notes: What was done so far, in words.
        again: Reads all columns anew, as texts.
    """

    def __init__(self, source, columns, dialect, decided=None, before=None, notes=(), again=None):
        self.source, self.dialect, self.before = str(source), dialect, before or {}
        self._again = again
        self._columns = {name: _marked(c, dialect.missing_values) for name, c in columns.items()}
        self.decided = dict(decided or {})
        self._notes, self._found, self._cells = list(notes), {}, {}
        self._length = len(next(iter(self._columns.values()))) if self._columns else 0

    @property
    def names(self) -> list[str]:
        """Names of the columns in the file's order."""
        return list(self._columns)

    def __len__(self):
        return self._length

    def cut(self, rows: int) -> None:
        """Leaves out all rows but the first ones."""
        self._columns = {name: column[:rows] for name, column in self._columns.items()}
        self._found, self._cells, self._length = {}, {}, rows

    def leave_out_total(self) -> None:
        """Leaves out a last row with the sum of those above, or mean, with a name or without."""
        columns = [c for c in self._columns.values() if isinstance(c, pa.ChunkedArray)]
        cells = [str(column[-1]) for column in columns if len(column) > 2]
        mean = any(map(_MEAN.fullmatch, cells))
        bare = any(str(c[-1]) == "" and pc.sum(pc.equal(c, "")).as_py() == 1 for c in columns)
        called = mean or any(map(_TOTAL.fullmatch, cells))
        for name in self.names if called or bare else ():
            with contextlib.suppress(UserError):
                values = self.numbers(name) if self.is_numeric(name) else np.zeros(1)
                above = values[:-1][~np.isnan(values[:-1])]
                told, close = above.sum() / max(1, mean * len(above)), 1e-2 if mean else 1e-4
                enough = np.count_nonzero(above) > (1 if called else 5)
                if enough and np.isclose(values[-1], told, close, 0):
                    self.cut(len(self) - 1)
                    self._notes.append(f"last row left out, a total: {', '.join(cells)[:60]!r}")
                    return

    def leave_out(self, name: str) -> None:
        """Leaves out a column."""
        self._columns.pop(name)

    def join(self, name: str | None, flag: str = "--series", written=lambda _: " / {}".format):
        """Adds the column that a flag asks for, by the names of several; a `UserError` if none.

        `written` tells of a name what becomes of the texts of its column, if it is not the first.
        """
        if name is None or name in self._columns:
            return
        parts = name.split(",")
        for part in parts:
            self.require(part, flag)
        joined = self.labels(parts[0]).astype(object)
        for part in parts[1:]:
            joined = joined + self.labels(part).map(written(part), na_action="ignore")
        self._columns[name] = joined.where(joined.notna(), None)

    def require(self, name: str, flag: str) -> None:
        """Raises a `UserError` if there is no such column, which a flag asked for."""
        if name not in self._columns:
            refuse_column(self.source, name, flag, self.names)

    def texts(self, name: str) -> pd.Series:
        """A column of texts as they stand; `None` for an empty one or a `missing_values`.

        Spaces around texts are kept. Numbers and dates of other files are written as texts. A
        `UserError` if a cell holds several values.
        """
        column = self._columns[name]
        if not isinstance(column, pd.Series):
            return self._written(name)
        if column.dtype == object or pd.api.types.is_bool_dtype(column.dtype):
            nested = np.flatnonzero(column.map(lambda v: isinstance(v, dict | list | np.ndarray)))
            if len(nested):
                raise UserError(
                    f"Expected one value a cell in column {name!r} of {self.source}. Received: a "
                    f"{type(column.iloc[nested[0]]).__name__} in row {nested[0] + 1} (row 1 "
                    "follows the header). Leave the column out, or write each value into a column "
                    "of its own."
                )
            return column.astype(object).where(column.notna(), None)
        if pd.api.types.is_numeric_dtype(column.dtype) and (column.dropna() % 1 == 0).all():
            column = column.astype("Int64")
        return column.astype(str).astype(object).where(column.notna(), None)

    def _written(self, name, form=str):
        cells, places = self._distinct(name)
        absent = {"", *self.dialect.missing_values}
        cells = [None if cell in absent else cell for cell in map(form, cells)]
        return pd.Series(np.array([*cells, None], object)[places], name=name, dtype=object)

    def _distinct(self, name):
        """The different texts of a column, and which of them stands in each row."""
        if name in self._cells:
            return self._cells[name]
        column = self._columns[name]
        if pa.types.is_floating(column.type):  # 1.10 may have been a version
            self._columns |= self._again()
            self.cut(self._length)
            column = self._columns[name]
        if not pa.types.is_string(column.type):
            column = pc.fill_null(column.cast(pa.string()), "")
        found = column.dictionary_encode().combine_chunks()
        cells = found.dictionary.to_pylist(), found.indices.to_numpy(zero_copy_only=False)
        self._cells[name] = cells
        return cells

    def labels(self, name: str) -> pd.Series:
        """A column of names of classes, categories or series, without spaces around them.

        Whatever is not empty is a name: None and NA, too, unless `missing_values` says otherwise.
        A whole number is written without a decimal point, a code such as 02134 as it stands.
        """
        if isinstance(self._columns[name], pd.Series):
            return self.texts(name).map(_label, na_action="ignore").astype(object)
        return self._written(name, _label)

    def read(self, name: str) -> Numbers:
        """A column of texts, tried as numbers."""
        if name not in self._found:
            self._found[name] = self._read(name, self._columns[name])
        return self._found[name]

    def _read(self, name, column):
        kept = self.before.get("numbers", {}).get(name)
        said, separator = self._said(), self.decided.get("separator", "")
        if pa.types.is_floating(column.type):
            form = NumberFormat(self.decided.get("decimal", "."))
            return replace(read_numbers(column, name, self.source), format=form)
        missing = tuple(form for mark in self.dialect.missing_values for form in forms_of(mark))
        read = partial(read_numbers, column, name, self.source, separator, missing=missing)
        try:
            found = read(given=said)
        except UserError:
            found = None
        if said or (found and not found.guessed):
            return found or read(given=said)
        form = NumberFormat(*kept) if kept else self._proven(name, separator)
        alike = form is None or (found and form.decimal == found.format.decimal)
        return (found or read()) if alike else read(given=form)

    def _said(self):
        decimal, thousands = self.dialect.decimal, self.dialect.thousands
        if decimal is None and thousands is None:
            return None
        sign = None if thousands is None else THOUSANDS[thousands]
        decimal = decimal or ("," if sign == "." else ".")
        if sign is None:
            sign = {".": ",", ",": "."}[decimal] + "' \u00a0\u202f\u2019"
        return NumberFormat(decimal, sign + ("\u00a0\u202f" if sign == " " else ""))

    def _proven(self, name, separator):
        """The format that the other columns of a file prove, as one program wrote all of them."""
        decimals = set()
        for other, column in self._columns.items():
            if other == name or isinstance(column, pd.Series):
                continue
            if pa.types.is_floating(column.type):
                decimals.add(self.decided.get("decimal", "."))
                continue
            try:
                found = read_numbers(column, other, self.source, separator)
            except UserError:
                continue
            known = found.share > NEARLY and not found.whole
            if known and (found.values[np.isfinite(found.values)] % 1 != 0).any():
                decimals.add(found.format.decimal)
        if len(decimals) != 1:
            return None
        decimal = decimals.pop()
        return NumberFormat(decimal, {".": ",", ",": "."}[decimal])

    def numbers(self, name: str) -> np.ndarray:
        """A column of numbers, float64, NaN where a value is missing; see `refuse_number`."""
        if isinstance(self._columns[name], pd.Series):
            values = _typed_numbers(self._columns[name], self.source)
            self._warn(name, values)
            return values
        found = self.read(name)
        if len(found.bad):
            texts = self._columns[name]
            refuse_number(name, self.source, texts[int(found.bad[0])].as_py(), found.bad)
        self._note(name, found)
        _check_finite(found.values, name, self.source)
        self._warn(name, found.values)
        return found.values

    def _warn(self, name, values):
        """Notes a number that may stand for a missing one."""
        value, count = find_sentinel(values)
        if count:
            self.note(
                f"{name}: {value:.0f}, in {count} rows, lies far from all other values; if it "
                f"means that the value is missing, say --missing_values={value:.0f}"
            )

    def column(self, name: str, label: bool = False) -> pd.Series:
        """A column as what it looks like: numbers, texts, truth values, or dates.

        Texts are dates if most are, see `dates`. They are numbers if all are, but codes with
        leading zeros are texts. If nine in ten texts are numbers, the others are mistakes. In a
        `label`, what is to be predicted, texts such as NA among a few whole numbers are classes,
        and not missing, and dates are texts. A `UserError` if there are a few mistakes among
        numbers, or two ways to read them.
        """
        column = self._columns[name]
        if not label and self.holds_times(name):
            return self.dates(name)
        if isinstance(column, pd.Series):
            if column.dtype == object or pd.api.types.is_string_dtype(column.dtype):
                return self.labels(name)
            return column
        plain = self._plain(name, column)
        if plain is not None:
            return plain
        found = self.read(name)
        known = found.values[np.isfinite(found.values)]
        few = label and found.missing and found.whole and len(np.unique(known)) <= 10
        large = found.whole and len(known) and np.abs(known).max() >= 2**53  # ids, not numbers
        if not len(known) or found.codes or few or large or found.share < NEARLY:
            self._refuse_units(name, found, known)
            self.note_words(name)
            return self.labels(name)
        values = self.numbers(name)
        if found.whole and len(known) == len(values):
            values = values.astype(np.int64)
        return pd.Series(values, name=name)

    def _plain(self, name, column):
        """A column that was read as plain numbers, at once; `None` for others."""
        if pa.types.is_string(column.type) or not len(column):
            return None
        if pa.types.is_floating(column.type):
            known = column.null_count < len(column)
            return pd.Series(self.numbers(name), name=name) if known else None
        least, most = pc.min_max(column).as_py().values()
        if column.null_count or max(-least, most) >= 2**53:
            return None
        values = column.to_numpy()
        self._warn(name, values)
        return pd.Series(values, name=name)

    def frame(self) -> pd.DataFrame:
        """All columns as what they look like; see `column`."""
        return pd.DataFrame({name: self.column(name) for name in self.names})

    def kept(self, columns: str | None, numbers, taken=()) -> dict[str, np.ndarray]:
        """Columns to copy into the output, at rows numbered from 1; their names are one text.

        A column whose name is `taken` by another one of the output is called `input:name`.
        """
        found = {}
        for name in columns.split(",") if columns else ():
            self.require(name, "--keep")
            texts = self.texts(name).to_numpy()[np.asarray(numbers, int) - 1]
            found[f"input:{name}" if name in taken else name] = texts
        return found

    def _refuse_units(self, name, found, known):
        """Refuses texts most of which are numbers, or numbers with one unit."""
        cells, _ = self._distinct(name)
        cells = [cell.strip() for cell in cells[:200] if cell.strip()]
        parts = [re.fullmatch(r"[\d.,]*\d\s+([^\d\s]{1,8})", cell) for cell in cells]
        if len(cells) > 10 and all(parts) and len({part[1] for part in parts if part}) == 1:
            raise UserError(
                f"Column {name!r} of {self.source} holds numbers with a unit, such as {cells[0]!r}."
                f" Write the numbers alone, or say --categorical {name} where the recipe has it."
            )
        if found.share >= 0.5 and len(known) and len(found.bad) and (known % 1 != 0).mean() > 0.5:
            texts = self._columns[name]
            refuse_number(name, self.source, texts[int(found.bad[0])].as_py(), found.bad)

    def is_text(self, name: str) -> bool:
        """Whether a column holds texts that are not all numbers."""
        column = self._columns[name]
        if isinstance(column, pd.Series) or not pa.types.is_string(column.type):
            return False
        with contextlib.suppress(UserError):  # numbers that can be read in two ways
            return not self.is_numeric(name)
        return False

    def is_typed(self, name: str) -> bool:
        """Whether the file itself, such as Parquet, says that a column holds no texts."""
        return isinstance(self._columns[name], pd.Series)

    def is_numeric(self, name: str, share: float = 1.0) -> bool:
        """Whether so many of the values of a column are numbers."""
        column = self._columns[name]
        if isinstance(column, pd.Series):
            dtype = column.dtype
            return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
        found = self.read(name)
        return bool(np.isfinite(found.values).any()) and found.share >= share and not found.codes

    def holds_times(self, name: str) -> bool:
        """Whether a column looks like one of dates, months or quarters."""
        column = self._columns[name]
        if isinstance(column, pd.Series) and column.dtype != object:
            return pd.api.types.is_datetime64_any_dtype(column.dtype)
        if not isinstance(column, pd.Series):
            if not pa.types.is_string(column.type):
                return False
            column = column.slice(0, _SOME).to_pandas()
        texts = column.dropna().astype(str)
        return dates.holds_times(texts[texts != ""])

    def times(self, name: str, regular=None, flag="--time") -> dates.Times:
        """A column of times; see `recipes.data.dates.read_times`."""
        column = self._columns[name]
        if not isinstance(column, pd.Series):
            found = self._iso(column)
            if found is None:
                found = self.texts(name) if pa.types.is_string(column.type) else column.to_pandas()
            column = found
        return self._times(name, column, regular, flag)

    def dates(self, name: str) -> pd.Series:
        """A column of dates, datetime64[us], NaT where one is missing.

        A `UserError` if a date cannot be read, or two readings are possible.
        """
        column = self._columns[name]
        if not isinstance(column, pd.Series):
            column = self._iso(pc.if_else(pc.equal(column, ""), None, column))
            column = self.texts(name) if column is None else column
        present = column.dropna().rename(name)
        words = []
        if present.dtype == object:
            absent = present.astype(str).str.strip().str.lower().isin(MISSING)
            words = sorted(present[absent].astype(str).unique())
            present = present[~absent]
        values = np.full(len(column), np.datetime64("NaT", "us"), dates.MICROSECONDS)
        if len(present):
            found = self._times(name, present, None, "")
            if found.kept < len(present) or found.values.dtype.kind != "M":
                dates.refuse_time(present, found.kept % len(present), self.source, "")
            values[present.index] = found.values
        if words:
            self._notes.append(f"{name}: taken as missing: {', '.join(map(repr, words))}")
        return pd.Series(values, name=name)

    def _times(self, name, column, regular, flag):
        before = self.before.get("dates", {}).get(name)
        order = {None: before, True: "DMY", False: "MDY"}[self.dialect.day_first]
        zoned = self.before.get("zones", {}).get(name)
        found = dates.read_times(
            column.rename(name), self.source, order, self.dialect.date_format, regular, flag, zoned
        )
        if zoned not in (None, found.zone):
            raise UserError(
                f"Expected dates {'with' if zoned else 'without'} their distance to UTC in column "
                f"{name!r} of {self.source}, as in the data before. Received: {column.iloc[0]}."
            )
        self.decided.setdefault("zones", {})[name] = found.zone
        if found.order:
            self.decided.setdefault("dates", {})[name] = found.order
        self._notes += [note for note in found.notes if note not in self._notes]
        return found

    def _iso(self, column):
        """Texts such as 2024-01-31 13:00 as dates, at once; `None` if one is written otherwise."""
        if not pa.types.is_string(column.type) or self.dialect.date_format is not None:
            return None
        with contextlib.suppress(pa.ArrowInvalid):
            return column.cast(pa.timestamp("us")).to_pandas()
        return None

    def _note(self, name, found):
        plain = found.format == NumberFormat()
        if not plain or (found.values % 1 > 0).any():
            form = [found.format.decimal, found.format.thousands]
            self.decided.setdefault("numbers", {})[name] = form
        how = [] if plain else [f"numbers are written like {found.format}"]
        how += found.marks
        if found.missing:
            how.append(f"taken as missing: {', '.join(map(repr, found.missing))}")
        if found.marks:
            self.decided.setdefault("marks", {})[name] = list(found.marks)
        marks = found.marks, self.before.get("marks", {}).get(name, [])
        units = [[mark for mark in each if "minus" not in mark] for each in marks]
        # Of the parts of one file, not every one has all forms.
        alike = {*units[0]} <= {*units[1]} if self.before.get("parts") else units[0] == units[1]
        if self.before and np.isfinite(found.values).any() and not alike:
            now, then = ("; ".join(each) or "plain numbers" for each in units)
            raise UserError(
                f"Expected column {name!r} of {self.source} to be written as in the run's data "
                f"({then}). Received: {now}. These may be different units: bring them to one."
            )
        if how:
            self.note(f"{name}: {'; '.join(how)}")

    def note(self, text: str) -> None:
        """Notes what was decided, here or elsewhere, once."""
        if text not in self._notes:
            self._notes.append(text)

    def note_words(self, name: str) -> None:
        """Notes which texts that mean a missing value elsewhere are values of their own here."""
        found = self.labels(name).dropna().unique()
        found = sorted(text for text in found if text and text.lower() in MISSING)
        if found:
            self.note(
                f"{name}: {', '.join(map(repr, found))} count as values like others "
                f"(--missing_values {','.join(found)} takes them as missing)"
            )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided, a line each."""
        form = [f"{self.source}: {len(self):,} rows"]
        if "encoding" in self.decided:
            separator = self.decided["separator"]
            form.append(f"encoding {self.decided['encoding']}")
            if separator in NAMES:
                form.append(f"separator {NAMES[separator]}")
            if self.decided["header"] == "none":
                form.append("no header")
        if "sheet" in self.decided:
            form.append(f"sheet {self.decided['sheet']!r}")
        return ("; ".join(form), *self._notes)


def _label(text):
    return re.sub(r"^(-?(?:0|[1-9]\d*))\.0+$", r"\1", str(text).strip())


def numeric_block(frame: pd.DataFrame, names, source) -> np.ndarray:
    """Columns of a frame as a float64 array `(rows, len(names))`, NaN where a value is missing.

    A `UserError` if a value is not a finite number, naming it and its row.
    """
    columns = [_typed_numbers(frame[name], source) for name in names]
    return np.stack(columns, axis=1) if columns else np.empty((len(frame), 0))


def _marked(column, marks):
    """A typed column without the numbers that mean a missing value."""
    typed = isinstance(column, pd.Series) and pd.api.types.is_numeric_dtype(column.dtype)
    values = [float(mark) for mark in marks if typed and re.fullmatch(r"[+-]?\d+(?:\.\d+)?", mark)]
    return column.mask(column.isin(values)) if values else column


def _typed_numbers(column, source):
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype.kind != "c":
        values = column.to_numpy(np.float64, na_value=np.nan)
        _check_finite(values, column.name, source)
        return values
    bad = np.flatnonzero(column.notna())
    if len(bad):
        refuse_number(column.name, source, column.iloc[bad[0]], bad)
    return np.full(len(column), np.nan)


def _check_finite(values, name, source):
    # Past this, the 32-bit floats of the model overflow.
    most = np.finfo(np.float32).max
    if np.nanmax(values, initial=0) > most or np.nanmin(values, initial=0) < -most:
        large = np.flatnonzero(np.abs(values) > most)
        _refuse_infinite(name, source, values[large[0]], large)


def _refuse_infinite(name, source, value, rows):
    raise UserError(
        f"Expected finite numbers in column {name!r} of {source}. Received: {value} in row "
        f"{rows[0] + 1} (row 1 follows the header), {len(rows)} such values. Correct it, or leave "
        "it empty if it is missing."
    )


def refuse_number(name, source, value, rows) -> None:
    """Raises a `UserError`: a column of numbers holds something else."""
    if str(value).strip().lower().lstrip("+-") in ("inf", "infinity", "∞"):
        _refuse_infinite(name, source, value, rows)
    raise UserError(
        f"Expected numbers in column {name!r} of {source}. Received: {str(value)!r} in row "
        f"{rows[0] + 1} (row 1 follows the header), {len(rows)} such values. Correct them, encode "
        f"them as numbers, say --missing_values {str(value)!r} if that means a missing value, or "
        "leave the column out."
    )


def check_columns(flags, present, source) -> None:
    """Raises a `UserError` unless every column of `{flag: columns}` is there, and named once."""
    taken: dict[str, str] = {}
    for flag, columns in flags.items():
        for name in columns:
            if name in taken:
                raise UserError(
                    f"Expected every column once. Received: {name!r} in {taken[name]} and {flag}."
                )
            if name not in present:
                refuse_column(source, name, flag, present)
            taken[name] = flag


def refuse_column(path: str | Path, column: str, flag: str, present: list[str]) -> None:
    """Raises a `UserError`: a file lacks the column that a flag asked for."""
    folded = {name.casefold(): name for name in present}
    close = difflib.get_close_matches(column.casefold(), folded, n=1)
    nearest = f" Did you mean {folded[close[0]]!r}?" if close else ""
    raise UserError(
        f"Expected a column {column!r} ({flag}) in {path}.{nearest} Its columns are: "
        f"{some(present, 50)}."
    )
