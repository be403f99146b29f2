"""Tables of texts and predictions, as CSV and in the report."""

import numpy as np

from recipes.classification.tables import class_columns
from recipes.data.writing import write_csv
from recipes.engine.tables import cell, markdown, number

#: Tokens named in a cell of a table.
_NAMED = 6


def write(path, numbers, labels, probabilities, classes, copies=None, more=None) -> None:
    """Writes predictions as CSV, one row a text; standard output for a path of `None`.

    `copies` are columns of the input, `more` those that come last: `{name: values}`.
    """
    known = {"row": numbers, **(copies or {})}
    if labels is not None:
        known["target"] = labels
    write_csv(path, *class_columns(probabilities, classes, known, more=more))


def most_wrong(part, probabilities, count=10) -> str:
    """The most confident errors in a part, in Markdown; empty if there are none."""
    predicted, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != part.labels)
    rows = [
        [
            cell(part.texts[i]),
            cell(part.classes[part.labels[i]]),
            cell(part.classes[predicted[i]]),
            number(float(sure[i])),
        ]
        for i in wrong[np.argsort(-sure[wrong], kind="stable")][:count]
    ]
    return markdown([["text", "class", "predicted", "probability"], *rows], 3) if rows else ""


def importances(examples) -> str:
    """Tokens for and against each prediction, `(title, pieces, importances)`, in Markdown."""
    rows = [
        [cell(title), _strongest(pieces, values), _strongest(pieces, -values)]
        for title, pieces, values in examples
    ]
    return markdown([["text", "for it", "against it"], *rows], 3)


def _strongest(pieces, values):
    """The tokens with the largest values above 0, of each kind of token the largest."""
    chosen = {}
    for index in np.argsort(-values, kind="stable"):
        if values[index] <= 0 or len(chosen) == _NAMED:
            break
        chosen.setdefault(pieces[index], values[index])
    return ", ".join(f"{cell(piece) or 'space'} {number(v)}" for piece, v in chosen.items())
