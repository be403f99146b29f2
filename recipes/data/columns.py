"""What each column of a table is: numbers, categories, or nothing to learn from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from recipes.data.table_file import numeric_block
from recipes.errors import UserError

#: A column of whole numbers with so many different values at most is one of categories.
FEW = 5
#: A text column with more different values than this fraction of its rows is no category.
UNIQUE = 0.5
#: Words of a typical text, from which on it is no name or address.
WORDS = 5
_SAMPLE = 50
_FREE = ", as in free text"


@dataclass(frozen=True)
class Columns:
    """The columns that a model reads.

    Args:
        numeric: Names of the numeric ones, in the table's order.
        categorical: Names of those with categories.
        notes: Which columns were left out, and why.
        dates: Names of those of dates.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    notes: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names, the numeric columns first."""
        return self.numeric + self.dates + self.categorical


def infer_columns(frame, source, numeric=(), categorical=(), of_texts=None) -> Columns:
    """Decides what each column is.

    The rules, in this order: a column without any value, or with a single one, tells nothing and is
    left out; texts, booleans, and whole numbers with at most 5 different values are categories;
    whole numbers that count the rows, and texts more than half of which differ (names, free text)
    are left out; dates stay dates; all other numbers are numeric. A `UserError` if a column holds
    numbers with mistakes in them, or none is left.

    Columns named `numeric` or `categorical` are that whatever they look like; `of_texts` tells what
    else is to be said of a column of free text.

    >>> table = {"size": [1.5, 2.0, 2.5], "color": ["red", "blue", "red"], "shop": ["A"] * 3}
    >>> found = infer_columns(pd.DataFrame(table), "shirts.csv")
    >>> found.numeric, found.categorical, found.notes
    (('size',), ('color',), ("column 'shop' left out: it holds one value only",))
    """
    forced = {**dict.fromkeys(numeric, "numeric"), **dict.fromkeys(categorical, "category")}
    kinds, notes = {}, []
    for name in frame:
        kinds[name] = forced.get(name) or _kind(frame[name])
        if kinds[name] not in ("numeric", "category", "dates"):
            told = of_texts(name) if of_texts and kinds[name].endswith(_FREE) else ""
            notes.append(f"column {name!r} left out: {kinds[name]}{told}")
    numeric, categorical, dated = (
        tuple(name for name, kind in kinds.items() if kind == wanted)
        for wanted in ("numeric", "category", "dates")
    )
    found = Columns(numeric, categorical, tuple(notes), dated)
    for name in found.numeric:
        numeric_block(frame, [name], source)  # refuses what is not a finite number
    if not found.names:
        raise UserError(
            f"Expected columns to learn from in {source}. Received none: "
            f"{'; '.join(notes) or 'only the target'}."
        )
    return found


def _kind(column):
    """`"numeric"`, `"category"`, `"dates"`, or in words why the column is of no use."""
    present = column.dropna()
    if present.empty:
        return "all of its values are missing"
    numbers = pd.api.types.is_numeric_dtype(present.dtype)
    different = (present if numbers else present.astype(str)).nunique()
    if different == 1 and len(present) == len(column):
        return "it holds one value only"
    if pd.api.types.is_datetime64_any_dtype(present.dtype):
        return "dates"
    if pd.api.types.is_bool_dtype(present.dtype):
        return "category"
    if numbers:
        values = present.to_numpy(np.float64)
        if different <= FEW and (values == np.floor(values)).all():
            return "category"
        counts = len(values) == len(column) == different and (np.abs(np.diff(values)) == 1).all()
        return "it numbers the rows" if counts else "numeric"
    if different > max(UNIQUE * len(present), 20):
        free = present.head(_SAMPLE).astype(str).str.split().str.len().median() >= WORDS
        return f"{different:,} of its {len(present):,} texts differ{_FREE if free else ''}"
    return "category"
