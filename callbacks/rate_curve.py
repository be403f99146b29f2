"""The curve of losses over learning rates, and what it suggests: pure functions of both.

The rules take rising rates and smoothed losses, both `(n,)`, and return a rate, or `None` for none.
"""

import bisect
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from callbacks.drawing import finish

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Fraction of the curve, at its start, that suggestions leave out: too few losses to average.
WARM_UP = 0.1
#: Points of a curve below which nothing is suggested.
FEWEST = 5


@dataclass(frozen=True, eq=False, repr=False)
class RateCurve:
    """Losses over learning rates, and what they suggest.

    Args:
        rates: Learning rate of each batch, `(n,)`, rising.
        losses: Loss of that batch, `(n,)`.
        smoothing: Weight of the past in the mean that suggestions look at, in [0, 1).
        stopped: Why the run ended before the last rate: `"diverged"` or `"not finite"`, else
            `None`.

    Attributes:
        recommended: Name of the suggestion to try first.

    >>> rates = np.geomspace(1e-4, 1.0, 81)
    >>> curve = RateCurve(rates, (np.log10(rates) + 1) ** 2, smoothing=0.0)
    >>> {name: round(rate, 4) for name, rate in curve.suggestions.items()}
    {'valley': 0.0141, 'steepest': 0.0004, 'minimum': 0.01, 'slide': 0.0003}
    >>> curve
    <RateCurve: 81 rates from 0.0001 to 1; suggests 0.014 (valley)>
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothing: float = 0.9
    stopped: str | None = None
    recommended = "valley"

    def __repr__(self):
        best = self.learning_rate
        found = "suggests none" if best is None else f"suggests {best:.2g} ({self.recommended})"
        ends = f"from {self.rates[0]:.2g} to {self.rates[-1]:.2g}"
        return f"<RateCurve: {len(self.rates)} rates {ends}; {found}>"

    @property
    def smoothed(self) -> np.ndarray:
        """Exponential mean of the losses."""
        return smooth(self.losses, self.smoothing)

    @property
    def suggestions(self) -> dict[str, float | None]:
        """Each rule's learning rate by name; `None` where the loss does not fall."""
        first = math.ceil(WARM_UP * len(self.rates))
        rates, losses = self.rates[first:], self.smoothed[first:]
        if len(rates) < FEWEST:
            return dict.fromkeys(RULES)
        return {name: rule(rates, losses) for name, rule in RULES.items()}

    @property
    def learning_rate(self) -> float | None:
        """The recommended learning rate, if there is one."""
        return self.suggestions[self.recommended]

    def plot(self) -> "Figure":
        """A Matplotlib figure of the losses, their mean and the suggestions."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axis = figure.subplots()
        axis.plot(self.rates, self.losses, color="0.75", lw=1, label="loss of the batch")
        axis.plot(self.rates, self.smoothed, color="tab:blue", lw=2, label="mean")
        found = {name: rate for name, rate in self.suggestions.items() if rate is not None}
        markers = dict(zip(RULES, "os^D", strict=True))
        for name, rate in found.items():
            height = np.interp(math.log(rate), np.log(self.rates), self.smoothed)
            label = f"{name}: {rate:.2g}" + (" (recommended)" * (name == self.recommended))
            axis.plot(rate, height, markers[name], ms=8, mec="white", label=label)
        # Only so high: the blow-up at the end would flatten all that matters.
        lowest = int(np.argmin(self.smoothed))
        low, high = self.losses[: lowest + 1].min(), self.losses[: lowest + 1].max()
        margin = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
        axis.set(xscale="log", xlabel="learning rate", ylabel="training loss")
        axis.set_ylim(low - margin, high + 3 * margin)
        finish(axis)
        return figure

    def to_csv(self, path: str | Path) -> None:
        """Writes the columns `learning_rate`, `loss` and `smoothed_loss`, to the last digit."""
        columns = {"learning_rate": self.rates, "loss": self.losses, "smoothed_loss": self.smoothed}
        pd.DataFrame(columns).to_csv(path, index=False, lineterminator="\n")


def smooth(losses, smoothing=0.9):
    """Exponential mean of the losses so far, without a bias towards 0 at the start.

    `smoothing` is the weight of the past, in [0, 1); 0 returns the losses.

    >>> smooth([4.0, 4.0, 1.0], smoothing=0.5).round(3).tolist()
    [4.0, 4.0, 2.286]

    Reference: Kingma and Ba, *Adam*, 2015, section 3, for the correction.
    """
    return pd.Series(losses).ewm(alpha=1 - smoothing).mean().to_numpy()


def valley(rates, losses):
    """Two thirds down the longest fall: far from its start in the noise and from the blow-up.

    The longest fall is the longest subsequence of losses each below the one before, so a jump back
    up in between does not end it.

    >>> valley([1, 2, 4, 8, 16, 32, 64], [5, 4, 3, 9, 2, 1, 7])
    16.0

    Reference: fastai's `valley`, whose code takes the middle and whose text says two thirds; the
    latter came closer to the best rate of four small trainings.
    """
    fall = _longest_fall(losses)
    return float(rates[fall[len(fall) * 2 // 3]]) if len(fall) > 1 else None


def steepest(rates, losses):
    """Where the loss falls fastest over the logarithm of the rate, up to its minimum.

    The slope is taken over a tenth of the curve, so that noise does not pass for a fall.

    >>> steepest([1, 10, 100, 1000, 10_000], [5.0, 4.5, 2.5, 2.2, 9.0])
    10.0

    Reference: Gugger, *How Do You Find A Good Learning Rate*, 2018; fastai's `steep`, over two
    points.
    """
    lowest = _lowest(losses)
    if lowest is None:
        return None
    width = min(2 * max(1, len(rates) // 20), lowest)
    losses, logs = (np.asarray(part, float)[: lowest + 1] for part in (losses, np.log(rates)))
    slopes = (losses[width:] - losses[:-width]) / (logs[width:] - logs[:-width])
    return float(rates[np.argmin(slopes) + width // 2])


def minimum(rates, losses):
    """A tenth of the rate at which the loss is lowest.

    >>> minimum([1, 10, 100, 1000, 10_000], [5.0, 4.5, 2.5, 2.0, 9.0])
    100.0

    Reference: Géron, chapter 11: about 10 times below the rate at which the loss turns; fastai's
    `minimum`.
    """
    lowest = _lowest(losses)
    return None if lowest is None else float(rates[lowest]) / 10


def slide(rates, losses, width=15, threshold=0.005):
    """Slides an interval down from the highest rate until the slopes at both its ends are alike.

    Its lower end then stands where the loss begins to bend. It is `width` points long, and slopes
    (a point) that differ by less than the threshold, in units of the whole fall of the loss, are
    alike. None if the curve is not longer than the interval.

    >>> slide([1, 2, 4, 8, 16, 32, 64, 128], [5, 5, 5, 5, 4, 3, 2, 8], width=2)
    2.0

    Reference: fastai's `slide`, whose threshold is in units of the loss itself.
    """
    lowest = _lowest(losses)
    if lowest is None or len(rates) <= width:
        return None
    losses = np.asarray(losses, float)
    slopes = np.gradient(losses) / (losses[: lowest + 1].max() - losses[lowest])
    alike = np.abs(slopes[width:] - slopes[:-width]) <= threshold
    last = np.flatnonzero(alike)[-1] if alike.any() else -1
    return float(rates[min(last + 1, len(alike) - 1)])


#: The rules by name; the first is the one that is recommended.
RULES = {"valley": valley, "steepest": steepest, "minimum": minimum, "slide": slide}


def _lowest(losses):
    """Index of the lowest loss, unless it is the first: then nothing fell."""
    return int(np.argmin(losses)) or None


def _longest_fall(losses):
    """Indices of the longest strictly falling subsequence, by patience sorting."""
    ends: list[float] = []  # for each length: the negated last loss,
    tails: list[int] = []  # its index,
    before: list[int | None] = []  # and links
    for index, loss in enumerate(losses):
        length = bisect.bisect_left(ends, -loss)
        before.append(tails[length - 1] if length else None)
        ends[length : length + 1] = [-loss]
        tails[length : length + 1] = [index]
    fall: list[int] = []
    last: int | None = tails[-1]
    while last is not None:
        fall.append(last)
        last = before[last]
    return fall[::-1]
