"""Tables of predictions."""

import numpy as np

from recipes.data.files import say_notes
from recipes.errors import some


def note_unseen(names, classes) -> None:
    """Says which of the names of a file's classes (or None) a model has never seen."""
    unknown = sorted({name for name in names if name is not None} - {*classes})
    if unknown:
        never = f"classes that the model has never seen ({some(unknown)})"
        say_notes([f"the target has {never}: it cannot predict them"])


def class_columns(probabilities, class_names, known=None) -> tuple[list[str], list[list]]:
    """What a table says about each prediction of a classifier: the header, and rows of values.

    Columns that are `known` beside that, `prediction`, its `probability`, the `entropy` in nats (0
    for a sure prediction), and the probability of each class.

    >>> header, rows = class_columns(np.array([[0.25, 0.75]]), ["cat", "dog"], {"row": [1]})
    >>> header
    ['row', 'prediction', 'probability', 'entropy', 'probability:cat', 'probability:dog']
    >>> rows[0][:2], float(rows[0][2]), round(float(rows[0][3]), 3)
    ([1, 'dog'], 0.75, 0.562)
    """
    known = known or {}
    best = probabilities.argmax(axis=1)
    safe = np.where(probabilities > 0, probabilities, 1)
    entropy = -np.sum(probabilities * np.log(safe), axis=1)
    header = [*known, "prediction", "probability", "entropy"]
    header += [f"probability:{name}" for name in class_names]
    rows = [
        [
            *(column[row] for column in known.values()),
            class_names[best[row]],
            found[best[row]],
            entropy[row] + 0.0,
            *found,
        ]
        for row, found in enumerate(probabilities)
    ]
    return header, rows
