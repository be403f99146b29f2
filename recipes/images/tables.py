"""The table of predicted pictures."""

from recipes.classification.tables import class_columns, write_csv


def write(path, key, sources, labels, probabilities, classes) -> None:
    """Writes predictions as CSV, one row a picture.

    Args:
        path: File to write, or `None` for standard output.
        key: Name of the column of sources: `"file"` or `"index"`.
        sources: Which picture each is, `(n,)`.
        labels: Name of the true class of each, `(n,)`, or `None` where it is not known.
        probabilities: Of each class, `(n, classes)`.
        classes: Names of the classes, by number.

    Raises:
        UserError: If the file cannot be written.
    """
    header, rows = class_columns(probabilities, classes)
    known = [[source] for source in sources]
    names = [key]
    if labels is not None:
        known = [[*first, label] for first, label in zip(known, labels, strict=True)]
        names.append("label")
    body = [[*first, *row] for first, row in zip(known, rows, strict=True)]
    write_csv(path, [*names, *header], body)
