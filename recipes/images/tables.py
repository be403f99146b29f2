"""The table of predicted pictures."""

from recipes.classification.tables import class_columns
from recipes.data.writing import write_csv


def write(path, key, sources, labels, probabilities, classes) -> None:
    """Writes predictions as CSV, one row a picture; standard output for a path of `None`.

    Args:
        path: File to write.
        key: Name of the column of sources: `"file"` or `"index"`.
        sources: Which picture each is, `(n,)`.
        labels: Name of the true class of each, `(n,)`, or `None` where it is not known.
        probabilities: Of each class, `(n, classes)`.
        classes: Names of the classes, by number.
    """
    known = {key: sources} if labels is None else {key: sources, "label": labels}
    write_csv(path, *class_columns(probabilities, classes, known))
