"""Pictures of what a classifier gets right and wrong.

Scikit-learn computes the curves. (Its displays draw one class a call, with pyplot's state.)
"""

import numpy as np
from matplotlib.figure import Figure
from sklearn import metrics

from callbacks.drawing import finish, label
from recipes.classification.calibration import expected_calibration_error, reliability
from recipes.classification.scores import against_rest
from recipes.engine.tables import cell, markdown, number

#: Classes at most in one picture of curves, as there are colors; of more, the worst are drawn.
MAX_CURVES = 10


def precision_recall(labels, probabilities, class_names) -> Figure:
    """Precision against recall: class 1 of two classes, else each class against the rest."""
    names = ("recall", "precision", "average precision")
    how = metrics.precision_recall_curve, slice(1, None, -1), metrics.average_precision_score
    return _curves(names, labels, probabilities, class_names, *how)


def roc(labels, probabilities, class_names) -> Figure:
    """True against false positives: class 1 of two classes, else each class against the rest."""
    names = ("false positive rate", "true positive rate", "area under the curve")
    how = metrics.roc_curve, slice(2), metrics.roc_auc_score
    figure = _curves(names, labels, probabilities, class_names, *how)
    figure.axes[0].plot([0, 1], [0, 1], color="0.7", ls=":", lw=1, zorder=1)
    return figure


def calibration(labels, probabilities, bins=15) -> Figure:
    """How often the predictions are right against how sure they are, see `reliability`."""
    share, sure, right = reliability(labels, probabilities, bins).T
    hits, count = share * np.size(labels) * right, share * np.size(labels) + 4
    center = (hits + 2) / count  # of an interval by Agresti and Coull, 1998
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
    below.set(xlabel="probability of the predicted class", ylabel="fraction of all")
    for part in (axis, below):
        finish(part)
        part.set_xlim(0, 1.04)
    axis.set_ylim(-0.02, 1.04)
    return figure


def class_table(labels, predictions, class_names) -> str:
    """A Markdown table of precision (0 for what was never predicted), recall and F1.

    >>> print(class_table([0, 1, 1], [0, 1, 0], ["cat", "dog"]))
    | class | precision | recall | F1 | examples |
    | --- | ---: | ---: | ---: | ---: |
    | cat | 0.5 | 1 | 0.6667 | 1 |
    | dog | 1 | 0.5 | 0.6667 | 2 |
    """
    how = {"labels": range(len(class_names)), "zero_division": 0.0}
    scores = metrics.precision_recall_fscore_support(labels, predictions, **how)
    rows = zip(class_names, *(column.tolist() for column in scores), strict=True)
    header = ["class", "precision", "recall", "F1", "examples"]
    return markdown([header, *([cell(name), *map(number, row)] for name, *row in rows)])


def _curves(names, labels, probabilities, class_names, curve, columns, score):
    """Two columns of the curve of each class, on axes of two names; the third is the score's."""
    figure = Figure(figsize=(6.8, 4.6), layout="constrained")
    axis = figure.subplots()
    axis.set(xlabel=names[0], ylabel=names[1], xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    axis.grid(alpha=0.25)
    judged = against_rest(labels, probabilities)
    scores = {k: score(*each) for k, each in judged.items() if 0 < each[0].sum() < len(labels)}
    drawn = sorted(sorted(scores, key=scores.get)[:MAX_CURVES])
    for k in drawn:
        axis.plot(*curve(*judged[k])[columns], lw=1.4, label=f"class {k}")
    if not drawn:
        return figure
    worst = f"worst {len(drawn)} of {len(scores)}, " if len(scores) > len(drawn) else ""
    legend = axis.legend(
        frameon=False, fontsize=8, title=f"{worst}{names[2]}", title_fontsize=8,
        loc="center left", bbox_to_anchor=(1, 0.5),
    )  # fmt: skip
    # Set afterwards: Matplotlib leaves names out that begin with "_", and reads $ as mathematics.
    for text, k in zip(legend.get_texts(), drawn, strict=True):
        text.set_parse_math(False)
        text.set_text(f"{label(class_names[k])} ({scores[k]:.3f})")
    return figure
