"""Pictures of pictures."""

import numpy as np
from matplotlib.figure import Figure

from callbacks.drawing import shortened

COLUMNS, ROWS = 6, 4


def most_wrong(part, probabilities) -> Figure:
    """The most confident errors.

    Args:
        part: `Pictures` that were predicted.
        probabilities: Of each class, `(n, classes)`.
    """
    classes = part.classes
    predicted, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != part.labels)
    chosen = wrong[np.argsort(-sure[wrong], kind="stable")][: COLUMNS * ROWS]
    rows = -(-len(chosen) // COLUMNS)
    figure = Figure(figsize=(1.7 * COLUMNS, 2.15 * rows), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, index in zip(axes, chosen, strict=False):
        axis.imshow(part.images[index], cmap="gray", vmin=0, vmax=255)
        axis.set_title(
            f"{shortened(classes[part.labels[index]], 14)}\n"
            f"as {shortened(classes[predicted[index]], 14)} "
            f"({100 * sure[index]:.0f} %)",
            fontsize=8,
        )
    return figure
