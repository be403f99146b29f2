"""From a table's columns, in any order, to the arrays that a model reads."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.categories import category_strings
from zoo.layers.base import Layer
from zoo.layers.categories import known_codes
from zoo.layers.dates import date_parts


class TableColumns(Layer):
    """The first layer of a saved model of tables: it knows the columns and their categories.

    `encode` reads a table on the host, by the names of its columns: their order does not matter,
    and columns that the model does not know are ignored. In the graph the layer passes numbers on
    and turns codes that it does not know into 0.

    Args:
        numeric: Names of the numeric columns.
        categories: The known values of each column of categories, `{column: [values]}`. They are
            compared, and differ, as strings, see `category_strings`; the first one has code 1. Code
            0 stands for unknown and for missing.
        dates: What is read of each column of dates, `{column: {"newest": ..., "parts": [...]}}` as
            `known_date` finds it. The parts follow the numeric columns, as numbers like them.
        dtype: Defaults to `"float32"` under every policy: raw units need the digits.

    >>> layer = TableColumns(["age"], {"class": ["1", "2", "3"], "port": ["C", "S"]})
    >>> arrays = layer.encode({"port": ["S", "?"], "class": [3, 1], "age": [22, None]})
    >>> arrays["numeric"], arrays["categories"]
    (array([[22.],
           [nan]], dtype=float32), array([[3, 2],
           [1, 0]], dtype=int32))
    >>> layer.category_sizes
    (4, 3)
    >>> layer = TableColumns(dates={"day": {"newest": "2024-03-01", "parts": ["month", "age"]}})
    >>> layer.numeric_names, layer.encode({"day": ["2024-02-29", None]})["numeric"].tolist()
    (('day: month', 'day: age'), [[2.0, 1.0], [nan, nan]])
    """

    def __init__(
        self,
        numeric: Sequence[str] = (),
        categories: Mapping[str, Sequence] | None = None,
        dtype: str = "float32",
        dates: Mapping[str, Mapping] | None = None,
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        # Tuples, because Keras would wrap and sort dictionaries.
        self.numeric = tuple(str(name) for name in numeric)
        items = (categories or {}).items()
        self.categories = tuple((str(name), tuple(category_strings(each))) for name, each in items)
        self.dates = tuple(
            (str(name), str(known["newest"]), tuple(known["parts"]))
            for name, known in (dates or {}).items()
        )
        names = self._names
        if not names or len(set(names)) < len(names):
            raise ValueError(
                "TableColumns needs columns with different names, each either numeric, a category "
                f"or of dates. Received: numeric={list(self.numeric)}, categories of "
                f"{[name for name, _ in self.categories]}, dates of "
                f"{[name for name, _, _ in self.dates]}"
            )
        for name, values in self.categories:
            if None in values or len(set(values)) < len(values):
                raise ValueError(
                    f"The known values of column {name!r} must differ from each other as strings, "
                    f"and none may be missing. Received: {list(values)}"
                )

    @property
    def _names(self):
        categories, dates = ([name for name, *_ in kind] for kind in (self.categories, self.dates))
        return [*self.numeric, *categories, *dates]

    @property
    def numeric_names(self) -> tuple[str, ...]:
        """Names of the columns of the input `numeric`: the numeric ones, and parts of dates."""
        parts = (f"{name}: {part}" for name, _, parts in self.dates for part in parts)
        return (*self.numeric, *parts)

    @property
    def places(self) -> dict[str, tuple[str, list[int]]]:
        """The input in which each of the table's columns stands, and its columns there."""
        counts = [(name, 1) for name in self.numeric]
        counts += [(name, len(parts)) for name, _, parts in self.dates]
        found, first = {}, 0
        for name, count in counts:
            found[name] = ("numeric", list(range(first, first + count)))
            first += count
        return found | {name: ("categories", [k]) for k, (name, _) in enumerate(self.categories)}

    @property
    def category_sizes(self) -> tuple[int, ...]:
        """Number of codes of each column of categories, unknown (code 0) included."""
        return tuple(len(values) + 1 for _, values in self.categories)

    def new_inputs(self) -> dict[str, keras.KerasTensor]:
        """New symbolic inputs, `{"numeric": ..., "categories": ...}`, of the kinds there are."""
        return table_inputs(len(self.numeric_names), len(self.categories))

    def encode(self, frame: Any) -> dict[str, np.ndarray]:
        """Turns a table into the arrays of the model's inputs.

        Numbers that are missing or not finite become NaN, as do the parts of missing dates, and
        values that are missing or unknown code 0. Texts are dates if they are written as ISO 8601.

        Args:
            frame: A pandas `DataFrame`, or a dictionary of columns of equal length.

        Returns:
            `{"numeric": (rows, n) float32, "categories": (rows, m) int32}`, of the kinds there are.

        Raises:
            ValueError: If a column is missing or occurs twice, or a numeric column holds something
                else than numbers, or one of dates something else; the message names it.
        """
        columns = _Columns(frame)
        columns.require(self._names)
        arrays = {}
        if self.numeric_names:
            numbers = [columns.numbers(name) for name in self.numeric]
            for name, newest, parts in self.dates:
                found = date_parts(columns.times(name), newest)
                numbers += [np.float32(found[part]) for part in parts]
            arrays["numeric"] = np.stack(numbers, axis=1)
        if self.categories:
            codes = [columns.codes(name, values) for name, values in self.categories]
            arrays["categories"] = np.stack(codes, axis=1)
        return arrays

    def call(self, inputs):
        """Passes the inputs on, unknown codes as 0."""
        outputs = {}
        if self.numeric_names:
            outputs["numeric"] = ops.cast(inputs["numeric"], self.compute_dtype)
        if self.categories:
            outputs["categories"] = known_codes(inputs["categories"], self.category_sizes)
        return outputs

    def get_config(self):
        """Arguments to rebuild the layer."""
        categories = {name: list(values) for name, values in self.categories}
        dates = {name: {"newest": day, "parts": list(parts)} for name, day, parts in self.dates}
        return {**super().get_config(), "categories": categories, "dates": dates}


def table_inputs(numeric: int, categories: int) -> dict[str, keras.KerasTensor]:
    """Symbolic inputs of so many numbers and categories, of the kinds there are."""
    inputs = {}
    if numeric:
        inputs["numeric"] = keras.Input((numeric,), name="numeric")
    if categories:
        inputs["categories"] = keras.Input((categories,), dtype="int32", name="categories")
    return inputs


class _Columns:
    """The columns of a table by name."""

    def __init__(self, frame):
        import pandas as pd  # `import zoo` stays light

        try:
            if not isinstance(frame, pd.DataFrame):
                # Without their indexes, which pandas would align the columns by.
                columns = {name: getattr(v, "array", v) for name, v in dict(frame).items()}
                frame = pd.DataFrame(columns)
            self.frame = frame
        except (TypeError, ValueError) as error:
            raise ValueError(
                "Expected a DataFrame, or a dictionary of columns of equal length. "
                f"Received: {type(frame).__name__} ({error})"
            ) from None
        self.names = [str(name) for name in self.frame.columns]

    def require(self, names):
        """Raises a `ValueError` unless each of the names occurs once."""
        if missing := [name for name in names if name not in self.names]:
            raise ValueError(
                f"The table lacks the column{'s' * (len(missing) > 1)} "
                f"{', '.join(map(repr, missing))}. Received: columns {_some(self.names)}"
            )
        if twice := [name for name in names if self.names.count(name) > 1]:
            raise ValueError(
                f"Column {twice[0]!r} occurs {self.names.count(twice[0])} times. Expected once."
            )

    def numbers(self, name):
        """A column as float32, NaN where it is missing or not finite."""
        import pandas as pd

        column = self.frame.iloc[:, self.names.index(name)]
        if column.dtype.kind in "mMc" or isinstance(column.dtype, pd.PeriodDtype):
            raise ValueError(
                f"Column {name!r} must hold numbers. Received: values of type {column.dtype}"
            )
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype(object)
        values = pd.to_numeric(column, errors="coerce").to_numpy("float64", na_value=np.nan)
        wrong = np.flatnonzero(column.notna().to_numpy() & np.isnan(values))
        if wrong.size:
            raise ValueError(
                f"Column {name!r} must hold numbers. Received: {column.iloc[wrong[0]]!r} in row "
                f"{wrong[0]}" + f", and {wrong.size - 1} more" * (wrong.size > 1)
            )
        with np.errstate(over="ignore"):
            values = values.astype("float32")
        return np.where(np.isfinite(values), values, np.float32(np.nan))

    def times(self, name):
        """A column as datetime64, NaT where it is missing."""
        import pandas as pd

        column = self.frame.iloc[:, self.names.index(name)]
        if column.dtype.kind == "M" and not isinstance(column.dtype, pd.DatetimeTZDtype):
            return column.to_numpy("datetime64[us]")
        column = column.astype(object)
        column = column.mask(column.map(lambda value: isinstance(value, str) and not value.strip()))
        dates = column.mask(column.map(lambda value: isinstance(value, int | float)))
        times = pd.to_datetime(dates, format="ISO8601", errors="coerce", utc=True)
        zoned = column.astype(str).str.contains(r":.*(?:[+-]\d\d:?\d\d|Z)$")
        wrong = np.flatnonzero(column.notna() & (times.isna() | zoned))
        if wrong.size:
            raise ValueError(
                f"Column {name!r} must hold dates without a time zone, such as 2024-01-31 or "
                f"2024-01-31 13:00. Received: {column.iloc[wrong[0]]!r} in row {wrong[0]}. "
                "pandas.to_datetime(column, format=...) reads others, and "
                '.dt.tz_convert("UTC").dt.tz_localize(None) takes a zone away'
            )
        return times.dt.tz_localize(None).to_numpy("datetime64[us]")

    def codes(self, name, values):
        """A column as int32 codes: the position of a value among the known ones plus 1, or 0."""
        known = {value: code for code, value in enumerate(values, 1)}
        strings = category_strings(self.frame.iloc[:, self.names.index(name)])
        return np.fromiter((known.get(value, 0) for value in strings), "int32", len(strings))


def _some(names):
    shown = ", ".join(names[:10])
    return f"{shown}, ... ({len(names)} in all)" if len(names) > 10 else shown
