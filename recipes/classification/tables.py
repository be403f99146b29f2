"""Tables of predictions as CSV."""

import csv
import sys
from pathlib import Path

import numpy as np

from recipes.errors import UserError


def write_csv(path, header, rows) -> None:
    """Writes a table; a file is written whole or not at all.

    Args:
        path: File to write, or `None` for standard output.
        header: Names of the columns.
        rows: Rows of values. Numbers are printed so that they read back exactly.

    Raises:
        UserError: If the file cannot be written.
    """
    if path is None:
        _write(sys.stdout, header, rows)
        return
    path = Path(path)
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("w", newline="", encoding="utf-8") as file:
            _write(file, header, rows)
        partial.replace(path)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror}.") from error


def class_columns(probabilities, class_names) -> tuple[list[str], list[list]]:
    """What a table says about each prediction of a classifier.

    Args:
        probabilities: Of each class, `(n, classes)`.
        class_names: Names of the classes, by number.

    Returns:
        Names of the columns: `prediction`, its `probability`, the `entropy` in nats (0 for a sure
        prediction), and the probability of each class; and the rows of values.

    Example:
        >>> import numpy as np
        >>> from recipes.classification.tables import class_columns
        >>> header, rows = class_columns(np.array([[0.25, 0.75]]), ["cat", "dog"])
        >>> header
        ['prediction', 'probability', 'entropy', 'probability:cat', 'probability:dog']
        >>> rows[0][0], float(rows[0][1]), round(float(rows[0][2]), 3)
        ('dog', 0.75, 0.562)
    """
    best = probabilities.argmax(axis=1)
    safe = np.where(probabilities > 0, probabilities, 1)
    entropy = -np.sum(probabilities * np.log(safe), axis=1)
    header = ["prediction", "probability", "entropy"]
    header += [f"probability:{name}" for name in class_names]
    rows = [
        [class_names[best[row]], found[best[row]], entropy[row] + 0.0, *found]
        for row, found in enumerate(probabilities)
    ]
    return header, rows


def _write(file, header, rows):
    lines = csv.writer(file, lineterminator="\n")
    lines.writerow(header)
    lines.writerows(rows)
