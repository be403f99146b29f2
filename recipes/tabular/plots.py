"""Pictures of what a model of tables gets wrong, and of what it reads."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from callbacks.drawing import finish, shortened

#: Columns at most in the picture of importances.
MOST_BARS = 20
#: Groups of predictions whose median error is drawn.
_GROUPS = 20


def residuals(actual, predicted, name) -> Figure:
    """Predictions against the truth, both `(n,)`, and their errors against the predictions."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    size = float(np.clip(8000 / len(actual), 4, 36))
    dots = {"s": size, "alpha": 0.35, "lw": 0, "color": "tab:blue", "rasterized": True}
    left.scatter(actual, predicted, **dots)
    ends = [min(actual.min(), predicted.min()), max(actual.max(), predicted.max())]
    left.plot(ends, ends, color="0.3", ls=":", lw=1.2, label="perfect")
    left.set(xlabel=f"true {name}", ylabel=f"predicted {name}")
    error = predicted - actual
    right.scatter(predicted, error, **dots)
    right.axhline(0, color="0.3", ls=":", lw=1.2, label="perfect")
    order = np.argsort(predicted, kind="stable")  # quantiles of groups of equal size
    groups = np.array_split(order, min(_GROUPS, max(1, len(order) // 25)))
    centers = [predicted[group].mean() for group in groups]
    quantiles = [np.quantile(error[group], [0.5, 0.1, 0.9]) for group in groups]
    middle, low, high = np.transpose(quantiles)
    right.plot(centers, middle, color="tab:orange", lw=1.8, label="median")
    right.fill_between(
        centers, low, high, color="tab:orange", alpha=0.25, lw=0, label="middle 80 %"
    )
    right.set(xlabel=f"predicted {name}", ylabel="predicted - true")
    for axis in (left, right):
        finish(axis)
        axis.xaxis.set_major_locator(MaxNLocator(6))
    return figure


def importances(found, score) -> Figure:
    """Bars of `permutation_importances` with their 95 % intervals; `score` gets worse."""
    shown = found.head(MOST_BARS)[::-1]
    figure = Figure(figsize=(7, 1.3 + 0.28 * len(shown)), layout="constrained")
    axis = figure.subplots()
    axis.barh(
        [shortened(name, 32) for name in shown["column"]],
        shown["mean"],
        xerr=[shown["mean"] - shown["low"], shown["high"] - shown["mean"]],
        color="tab:blue",
        error_kw={"lw": 1, "ecolor": "black", "label": "95 % interval"},
    )
    axis.axvline(0, color="0.3", lw=0.8)
    score = score.replace("nll", "negative log-likelihood (nats)").replace("rmse", "RMSE")
    axis.set_xlabel(f"{score} when the column is shuffled")
    finish(axis)
    axis.margins(y=0.02)
    return figure
