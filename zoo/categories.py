"""Values of a column as categories. Needs no Keras, for what only reads a table."""

from collections.abc import Iterable

import numpy as np


def category_strings(values: Iterable) -> list[str | None]:
    """The values of a column as they are compared: strings, and None where missing.

    Whole numbers are written without a decimal point whatever their type, so that 1, 1.0 and "1"
    are one category: a missing value turns a column of integers into floats.

    >>> zoo.layers.category_strings([1, 2.0, "3", True, 0.5, None, float("nan")])
    ['1', '2', '3', 'True', '0.5', None, None]
    """
    return [value if type(value) is str else _as_string(value) for value in values]


def _as_string(value):
    if value is None or type(value).__name__ in ("NAType", "NaTType"):  # pandas' own
        return None
    if isinstance(value, float | np.floating):
        if value != value:
            return None
        return str(int(value)) if np.isfinite(value) and value == int(value) else str(value)
    return str(value)
