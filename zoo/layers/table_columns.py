"""From a table's columns, in any order, to the arrays that a model reads."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.layers.categories import known_codes


@keras.saving.register_keras_serializable(package="zoo")
class TableColumns(keras.layers.Layer):
    """The first layer of a saved model of tables: it knows the columns and their categories.

    `encode` reads a table on the host, by the names of its columns: their order does not matter,
    and columns that the model does not know are ignored. In the graph the layer passes numbers on
    and turns codes that it does not know into 0.

    Args:
        numeric: Names of the numeric columns.
        categories: The known values of each column of categories, `{column: [values]}`. They are
            compared as strings, see `category_strings`; the first one has code 1. Code 0 stands
            for unknown and for missing.
        dtype: Defaults to `"float32"` under every policy: raw units need the digits.

    Raises:
        ValueError: If there is no column, one occurs twice, or a column's values do.

    Example:
        >>> from zoo.layers import TableColumns
        >>> layer = TableColumns(["age"], {"class": ["1", "2", "3"], "port": ["C", "S"]})
        >>> arrays = layer.encode({"port": ["S", "?"], "class": [3, 1], "age": [22, None]})
        >>> arrays["numeric"], arrays["categories"]
        (array([[22.],
               [nan]], dtype=float32), array([[3, 2],
               [1, 0]], dtype=int32))
        >>> layer.category_sizes
        (4, 3)
    """

    def __init__(
        self,
        numeric: Sequence[str] = (),
        categories: Mapping[str, Sequence] | None = None,
        dtype: str = "float32",
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        # Tuples, because Keras would wrap and sort dictionaries.
        self.numeric = tuple(str(name) for name in numeric)
        items = (categories or {}).items()
        self.categories = tuple(
            (str(name), tuple(category_strings(values))) for name, values in items
        )
        names = [*self.numeric, *(name for name, _ in self.categories)]
        if not names or len(set(names)) < len(names):
            raise ValueError(
                "TableColumns needs columns with different names, each either numeric or a "
                f"category. Received: numeric={list(self.numeric)}, "
                f"categories of {[name for name, _ in self.categories]}"
            )
        for name, values in self.categories:
            if None in values or len(set(values)) < len(values):
                raise ValueError(
                    f"The known values of column {name!r} must differ from each other as strings, "
                    f"and none may be missing. Received: {list(values)}"
                )

    @property
    def category_sizes(self) -> tuple[int, ...]:
        """Number of codes of each column of categories, unknown (code 0) included."""
        return tuple(len(values) + 1 for _, values in self.categories)

    def new_inputs(self) -> dict[str, keras.KerasTensor]:
        """New symbolic inputs, `{"numeric": ..., "categories": ...}`, of the kinds there are."""
        inputs = {}
        if self.numeric:
            inputs["numeric"] = keras.Input((len(self.numeric),), name="numeric")
        if self.categories:
            shape = (len(self.categories),)
            inputs["categories"] = keras.Input(shape, dtype="int32", name="categories")
        return inputs

    def encode(self, frame: Any) -> dict[str, np.ndarray]:
        """Turns a table into the arrays of the model's inputs.

        Numbers that are missing or not finite become NaN, and values that are missing or
        unknown code 0.

        Args:
            frame: A pandas `DataFrame`, or a dictionary of columns of equal length.

        Returns:
            `{"numeric": (rows, n) float32, "categories": (rows, m) int32}`, of the kinds there are.

        Raises:
            ValueError: If a column is missing or occurs twice, or a numeric column holds something
                else than numbers; the message names it.
        """
        columns = _Columns(frame)
        columns.require([*self.numeric, *(name for name, _ in self.categories)])
        arrays = {}
        if self.numeric:
            arrays["numeric"] = np.stack([columns.numbers(name) for name in self.numeric], axis=1)
        if self.categories:
            codes = [columns.codes(name, values) for name, values in self.categories]
            arrays["categories"] = np.stack(codes, axis=1)
        return arrays

    def call(self, inputs):
        """Passes the inputs on, unknown codes as 0."""
        outputs = {}
        if self.numeric:
            outputs["numeric"] = ops.cast(inputs["numeric"], self.compute_dtype)
        if self.categories:
            outputs["categories"] = known_codes(inputs["categories"], self.category_sizes)
        return outputs

    def get_config(self):
        """Arguments to rebuild the layer."""
        categories = {name: list(values) for name, values in self.categories}
        return {**super().get_config(), "numeric": list(self.numeric), "categories": categories}


def category_strings(values: Iterable) -> list[str | None]:
    """The values of a column as they are compared: strings, and None where missing.

    Whole numbers are written without a decimal point whatever their type, so that 1, 1.0 and "1"
    are one category: a missing value turns a column of integers into floats.

    Args:
        values: A column: a list, an array, or a pandas `Series`.

    Returns:
        A list of strings and None.

    Example:
        >>> from zoo.layers import category_strings
        >>> category_strings([1, 2.0, "3", True, 0.5, None, float("nan")])
        ['1', '2', '3', 'True', '0.5', None, None]
    """
    return [value if type(value) is str else _as_string(value) for value in values]


def _as_string(value):
    if value is None or type(value).__name__ in ("NAType", "NaTType"):  # pandas' own
        return None
    if isinstance(value, float | np.floating):
        if value != value:
            return None
        whole = np.isfinite(value) and value == int(value)
        return str(int(value)) if whole else str(value)
    return str(value)


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
        missing = [name for name in names if name not in self.names]
        if missing:
            raise ValueError(
                f"The table lacks the column{'s' * (len(missing) > 1)} "
                f"{', '.join(map(repr, missing))}. Received: columns {_some(self.names)}"
            )
        twice = [name for name in names if self.names.count(name) > 1]
        if twice:
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

    def codes(self, name, values):
        """A column as int32 codes: the position of a value among the known ones plus 1, or 0."""
        known = {value: code for code, value in enumerate(values, 1)}
        strings = category_strings(self.frame.iloc[:, self.names.index(name)])
        return np.fromiter((known.get(value, 0) for value in strings), "int32", len(strings))


def _some(names):
    shown = ", ".join(names[:10])
    return f"{shown}, ... ({len(names)} in all)" if len(names) > 10 else shown
