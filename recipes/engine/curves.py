"""Learning curves: the picture, and what it says in words."""

import math

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from callbacks.drawing import finish
from recipes.engine.tables import counted, number

#: A validation error so much above the training error is called overfitting.
GAP = 1.3
#: A score so much above its best one is called worse, not noise.
WORSE = 1.1
#: Of fewer epochs nobody can tell whether the loss has settled.
FEWEST = 5


def learning_curves(history, monitor, best, scaled=False) -> Figure:
    """Training and validation score by epoch; `best`, from 1, is the one that `monitor` picked.

    The training curve is drawn half an epoch earlier: it is a mean over the epoch, while the
    validation score is taken at its end (book, chapter 10).
    """
    name = monitor.removeprefix("val_")
    epochs = np.arange(1, len(history["loss"]) + 1)
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axis = figure.subplots()
    mark = "o" if len(epochs) == 1 else None  # a line of one point is invisible
    for x, key, part, color in (
        (epochs - 0.5, name, "training", "tab:blue"),
        (epochs, monitor, "validation", "tab:orange"),
    ):
        if key in history:  # some scores are of validation alone
            axis.plot(x, history[key], label=part, color=color, marker=mark)
    axis.axvline(best, color="0.6", ls=":", label=f"best epoch {best}")
    values = np.concatenate([history.get(name, []), history[monitor]])
    if (values > 0).all() and values.max() > 10 * values.min():
        axis.set_yscale("log")
    axis.set(xlabel="epoch", ylabel=name.replace("_", " ") + " (scaled)" * scaled)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    finish(axis)
    return figure


def compared_curves(histories) -> Figure:
    """Learning curves of several runs: the loss, and the first score that all of them have.

    Validation is drawn in full, training dotted and half an epoch earlier.
    """
    first, *others = histories.values()
    shared = [name for name in first if all(name in other for other in others)]
    names = ["loss", *[n.removeprefix("val_") for n in shared if n.startswith("val_")]]
    names = list(dict.fromkeys(names))[:2]
    figure = Figure(figsize=(7, 3.2 * len(names) + 0.3 * len(histories)), layout="constrained")
    colors = colormaps["turbo"](np.linspace(0, 1, len(histories)))
    for axis, name in zip(figure.subplots(len(names), squeeze=False)[:, 0], names, strict=True):
        for index, (run, history) in enumerate(histories.items()):
            color = f"C{index}" if len(histories) <= 10 else colors[index]
            width = 1.5 + 3 * (1 - (index + 1) / len(histories))  # what lies below is seen, too
            for key, style, label in ((f"val_{name}", "-", run), (name, ":", None)):
                values = history.get(key, [])
                epochs = np.arange(1, len(values) + 1) - (0.5 if key == name else 0)
                mark = "o" if len(values) == 1 else None
                axis.plot(epochs, values, style, c=color, lw=width, marker=mark, label=label)
        axis.set_ylabel(name.replace("_", " "))
        axis.grid(alpha=0.25)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("epoch")
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper left", frameon=False,
        title="validation in full, training dotted", alignment="left",
    )  # fmt: skip
    return figure


def diagnose(history, monitor, train, validation, baselines, score="mae") -> list[str]:
    """Reads the learning curves as a person would: each finding with the figures it rests on.

    The `history` has a number an epoch of each score, of which less is better; `monitor` names the
    one that picked the best epoch, `score` the error by which parts are compared. The other scores
    are those of the restored weights, and of baselines on validation.

    Returned are sentences, the most serious first; one that all is well if there is nothing to say.

    >>> history = {"loss": [1.0, 0.5, 0.4, 0.4], "val_loss": [1.0, 0.6, 0.7, 0.9]}
    >>> print(diagnose(history, "val_loss", {"mae": 0.4}, {"mae": 0.8}, {})[0])
    Overfitting: the validation mae, 0.8, is 2.0 times the training mae, 0.4. Try dropout, ...
    """
    losses, watched = history["loss"], history[monitor]
    findings = [
        _diverging(losses),
        _underfitting(train[score], baselines, score)  # the cures are each other's opposite
        or _overfitting(watched, train[score], validation[score], score),
        _unfinished(losses, watched),
    ]
    found = [finding for finding in findings if finding]
    end = "the loss has settled"
    if len(losses) < FEWEST:
        end = f"{counted(len(losses), 'epoch')} cannot tell whether the loss falls on"
    return found or [
        f"Nothing stands out: the validation {score}, {number(validation[score])}, is close to the "
        f"training {score}, {number(train[score])}, and {end}."
    ]


def _diverging(losses):
    lowest = min(losses)
    if math.isfinite(losses[-1]) and losses[-1] <= 2 * abs(lowest) + lowest:
        return None
    return (
        f"Diverging: the training loss ends at {number(losses[-1])}, far above its lowest, "
        f"{number(lowest)} in epoch {losses.index(lowest) + 1}. Lower the learning rate."
    )


def _overfitting(watched, train, validation, score):
    if validation > GAP * train > 0:
        return (
            f"Overfitting: the validation {score}, {number(validation)}, is "
            f"{validation / train:.1f} times the training {score}, {number(train)}. Try dropout, "
            "weight decay, a smaller model or more data."
        )
    best = min(watched)
    if min(watched) > 0 and watched[-1] > WORSE * best:
        return (
            f"Overfitting after the best epoch: the monitored score was {number(best)} in epoch "
            f"{watched.index(best) + 1} and {number(watched[-1])} at the end. The best epoch's "
            "weights were kept; fewer epochs would do."
        )
    return None


def _underfitting(train, baselines, score):
    if not baselines:
        return None
    name = min(baselines, key=lambda each: baselines[each][score])
    if train < baselines[name][score]:
        return None
    return (
        f"Underfitting: even on the training part the {score} is {number(train)}, while {name} "
        f"reaches {number(baselines[name][score])} on validation. Try a larger model, more epochs "
        "or another learning rate."
    )


def _unfinished(losses, watched):
    """Still falling at the end: too few epochs, or a rate that is too low."""
    tail = max(1, len(losses) // 5)
    if len(losses) < FEWEST or watched.index(min(watched)) < len(watched) - tail:
        return None
    before, last = losses[-1 - tail], losses[-1]
    total = losses[0] - last
    if total <= 0 or (before - last) < 0.1 * total:
        return None
    return (
        f"Not finished: the training loss still fell from {number(before)} to {number(last)} in "
        f"the last {counted(tail, 'epoch')}. Train longer, or raise the learning rate."
    )
