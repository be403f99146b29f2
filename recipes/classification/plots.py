"""Pictures of what a classifier gets right and wrong.

Scikit-learn computes the curves. (Its displays draw one class a call, with pyplot's state.)
"""

import numpy as np
from matplotlib.figure import Figure
from sklearn import metrics

from callbacks.drawing import finish, label
from recipes.classification.calibration import expected_calibration_error, reliability
from recipes.classification.scores import all_classes
from recipes.engine.tables import cell, markdown, number

#: Classes at most in one picture of curves, as there are colors; of more, the worst are drawn.
MAX_CURVES = 10


def precision_recall(labels, probabilities, class_names) -> Figure:
    """Precision against recall: class 1 of two classes, else each class against the rest."""

    def curve(positive, scores):
        precision, recall, _ = metrics.precision_recall_curve(positive, scores)
        return recall, precision

    figure, axis = _square("recall", "precision")
    score = metrics.average_precision_score
    _curves(axis, labels, probabilities, class_names, curve, score, "average precision")
    return figure


def roc(labels, probabilities, class_names) -> Figure:
    """True against false positives: class 1 of two classes, else each class against the rest."""

    def curve(positive, scores):
        false, true, _ = metrics.roc_curve(positive, scores)
        return false, true

    figure, axis = _square("false positive rate", "true positive rate")
    axis.plot([0, 1], [0, 1], color="0.7", ls=":", lw=1)
    score = metrics.roc_auc_score
    _curves(axis, labels, probabilities, class_names, curve, score, "area under the curve")
    return figure


def calibration(labels, probabilities, bins=15) -> Figure:
    """How often the predictions are right against how sure they are, see `reliability`."""
    share, sure, right = reliability(labels, probabilities, bins).T
    count = share * len(labels) + 4
    center = (share * len(labels) * right + 2) / count  # of an interval by Agresti and Coull, 1998
    spread = 1.96 * np.sqrt(center * (1 - center) / count)
    low, high = np.clip([center - spread, center + spread], 0, 1)
    gap = expected_calibration_error(labels, probabilities, bins)
    figure = Figure(figsize=(5, 5.6), layout="constrained")
    axis, below = figure.subplots(2, sharex=True, height_ratios=(4, 1))
    axis.plot([0, 1], [0, 1], color="0.7", ls=":", lw=1, label="perfectly calibrated")
    error = np.clip([right - low, high - right], 0, None)
    label = "predictions, with 95 % intervals"
    axis.errorbar(sure, right, error, fmt="o", ms=4, lw=1, color="tab:blue", label=label)
    axis.set_ylabel("fraction of right predictions")
    figure.suptitle(f"expected calibration error {gap:.3f}", fontsize=10)
    below.bar(sure, share, width=0.8 / bins, color="tab:blue")
    below.set_ylabel("fraction of all")
    below.set_xlabel("probability of the predicted class")
    for part in (axis, below):
        finish(part)
        part.set_xlim(0, 1.04)
    axis.set_ylim(-0.02, 1.04)
    return figure


def class_table(classes, class_names) -> str:
    """A Markdown table of precision, recall and F1.

    The scores are from `recipes.classification.scores.per_class`.

    >>> from recipes.classification.scores import per_class
    >>> print(class_table(per_class([0, 1, 1], [0, 1, 0], 2), ["cat", "dog"]))
    | class | precision | recall | F1 | examples |
    | --- | ---: | ---: | ---: | ---: |
    | cat | 0.5 | 1 | 0.6667 | 1 |
    | dog | 1 | 0.5 | 0.6667 | 2 |
    """
    header = ["class", "precision", "recall", "F1", "examples"]
    rows = [
        [cell(name), *[number(score) for score in scores.values()]]
        for name, scores in zip(class_names, classes, strict=True)
    ]
    return markdown([header, *rows])


def _square(x, y):
    figure = Figure(figsize=(6.8, 4.6), layout="constrained")
    axis = figure.subplots()
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    axis.set_xlim(-0.01, 1.01)
    axis.set_ylim(-0.01, 1.02)
    axis.grid(alpha=0.25)
    return figure, axis


def _curves(axis, labels, probabilities, class_names, curve, score, name):
    labels, found = np.asarray(labels), all_classes(probabilities)
    classes = [1] if found.shape[1] == 2 else range(found.shape[1])
    present = [k for k in classes if 0 < np.sum(labels == k) < len(labels)]
    scores = {k: score(labels == k, found[:, k]) for k in present}
    drawn = sorted(sorted(scores, key=scores.get)[:MAX_CURVES])
    for k in drawn:
        axis.plot(*curve(labels == k, found[:, k]), lw=1.4, label=f"class {k}")
    if not drawn:
        return
    worst = f"worst {len(drawn)} of {len(scores)}, " if len(scores) > len(drawn) else ""
    legend = axis.legend(
        frameon=False, fontsize=8, title=f"{worst}{name}", title_fontsize=8,
        loc="center left", bbox_to_anchor=(1, 0.5),
    )  # fmt: skip
    # Set afterwards: Matplotlib leaves names out that begin with "_", and reads $ as mathematics.
    for text, k in zip(legend.get_texts(), drawn, strict=True):
        text.set_parse_math(False)
        text.set_text(f"{label(class_names[k])} ({scores[k]:.3f})")
