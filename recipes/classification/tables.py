"""Tables of predictions."""

import numpy as np

from recipes.data.files import say_notes
from recipes.errors import some


def note_unseen(names, classes) -> None:
    """Says which of the names of a file's classes (or None) a model has never seen."""
    if unknown := sorted({name for name in names if name is not None} - {*classes}):
        never = f"classes that the model has never seen ({some(unknown)})"
        say_notes([f"the target has {never}: it cannot predict them"])


def class_columns(
    probabilities, class_names, known=None, head="multiclass", more=None
) -> tuple[list, list]:
    """What a table says about each prediction of a classifier: the header, and rows of values.

    Columns that are `known` beside that, `prediction`, its `probability`, the `entropy` in nats (0
    for a sure prediction), and the probability of each class; of several labels, those from one
    half on, and the probability of each; and `more` columns at the end.

    >>> header, rows = class_columns(np.array([[0.25, 0.75]]), ["cat", "dog"], {"row": [1]})
    >>> header
    ['row', 'prediction', 'probability', 'entropy', 'probability:cat', 'probability:dog']
    >>> rows[0][:2], float(rows[0][2]), round(float(rows[0][3]), 3)
    ([1, 'dog'], 0.75, 0.562)
    """
    columns = dict(known or {})
    if head == "multilabel":
        names = np.array(class_names)
        columns["prediction"] = [";".join(names[row]) for row in probabilities >= 0.5]
    else:
        columns["prediction"] = [class_names[best] for best in probabilities.argmax(axis=1)]
        columns["probability"] = probabilities.max(axis=1)
        safe = np.where(probabilities > 0, probabilities, 1)
        columns["entropy"] = 0.0 - np.sum(probabilities * np.log(safe), axis=1)
    names = (f"probability:{name}" for name in class_names)
    columns |= dict(zip(names, probabilities.T, strict=True)) | (more or {})
    return list(columns), [list(row) for row in zip(*columns.values(), strict=True)]
