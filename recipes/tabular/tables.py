"""Tables of predictions: `row,target,prediction`, and for classes the probabilities."""

import numpy as np
import pandas as pd

from recipes.classification.tables import class_columns
from recipes.data.writing import write_csv
from recipes.engine.tables import cell, markdown, number

#: Columns of the data at most in the report's table of the worst rows, and characters in a cell.
MOST_COLUMNS, WIDEST = 12, 24


def predictions(numbers, found, labels, actual=None) -> pd.DataFrame:
    """The table of predictions: numbers `(n,)`, or probabilities `(n, classes)`.

    Columns `row`, the number in its file, from 1; `target` where it is known (`actual`);
    `prediction`; and for classes those of `recipes.classification.tables.class_columns`.

    >>> frame = predictions([1, 2], np.array([[0.9, 0.1], [0.2, 0.8]]), ("no", "yes"))
    >>> print(frame[["row", "prediction", "probability"]])
       row prediction  probability
    0    1         no          0.9
    1    2        yes          0.8
    """
    frame = pd.DataFrame({"row": numbers})
    if actual is not None:
        frame["target"] = np.asarray(actual)
    if not len(labels):
        return frame.assign(prediction=found)
    header, rows = class_columns(found, labels)
    return pd.concat([frame, pd.DataFrame(rows, columns=header)], axis=1)


def write(path, frame) -> None:
    """Writes a table as CSV, whole or not at all; missing cells stay empty. See `write_csv`."""
    rows = frame.itertuples(index=False, name=None)
    write_csv(path, list(frame), ([None if pd.isna(cell) else cell for cell in r] for r in rows))


def in_report(frame, texts=1) -> str:
    r"""A few rows of a table in Markdown, cells cut short, with the first columns only.

    So many leading columns are of texts, aligned to the left.

    >>> print(in_report(pd.DataFrame({"name": ["a|b"], "size": [0.123456]})))
    | name | size |
    | --- | ---: |
    | a\|b | 0.1235 |
    """
    shown = frame.iloc[:, :MOST_COLUMNS]
    rows = [[_cell(value) for value in row] for row in shown.itertuples(index=False)]
    return markdown([[_cell(name) for name in shown], *rows], texts)


def _cell(value):
    if pd.isna(value):
        return ""
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return number(value)
    return cell(value, WIDEST - 3)
