"""Conformal intervals of forecasts: around any forecast, and as wide as its errors have been.

Errors are measured in units of how much the series moved within the window that the forecast was
made from. The validation part says how far the intervals begin to reach; from then on each outcome
moves them a little, so that they hold as often as they say even where the series changes its ways.

Reference: Romano, Patterson and Candès, *Conformalized quantile regression*, 2019; Angelopoulos,
Candès and Tibshirani, *Conformal PID control for time series prediction*, 2023 (quantile tracking,
with its rate of 0.1).
"""

import numpy as np

from recipes.engine.conformal import radius
from recipes.errors import UserError, reading
from recipes.forecast.forecasts import Forecasts

FILE = "conformal.npz"
RATE = 0.1


class ConformalIntervals:
    """How far the intervals of each series reach: `{level: (series, horizon, targets)}`.

    The last row is for series that were not seen. The error of the point forecast stays below
    `errors`, `{level: (horizon, targets)}`.
    """

    def __init__(self, radii, ids, period, errors=None):
        self.radii, self.ids, self.period, self.errors = radii, list(ids), period, errors

    @classmethod
    def fit(cls, levels, windows, starts, forecasts, actual, period) -> "ConformalIntervals":
        """Calibrates percentages of `levels` on the validation windows that start at `starts`.

        `actual` `(n, horizon, targets)` is what came after them, NaN where that is not known.
        """
        unit, radii, errors = _unit(windows, starts, period), {}, {}
        sizes = np.abs(np.float64(forecasts.point) - actual) / unit
        for level in levels:
            found = radius(_misses(forecasts, actual, level) / unit, level)
            # Later steps are harder; that they seem not to be is chance.
            found = np.maximum.accumulate(np.nan_to_num(found), axis=0)
            errors[level] = np.nan_to_num(radius(sizes, level))
            radii[level] = np.repeat(found[None], windows.series.num_series + 1, axis=0)
        return cls(radii, windows.series.ids, period, errors)

    def around(self, windows, starts, forecasts) -> Forecasts:
        """Forecasts of the windows that start at `starts`, with intervals."""
        ids = {name: place for place, name in enumerate(self.ids)}
        places = np.array([ids.get(name, -1) for name in windows.series.ids])
        which = places[windows.series_of(starts)]
        unit = _unit(windows, starts, self.period)
        bounds = {}
        for level, radii in self.radii.items():
            reach = np.maximum.accumulate(radii[which], axis=1) * unit
            bounds[level] = _reaching(forecasts, level, reach)
        return Forecasts(forecasts.point, {**forecasts.intervals, **bounds})

    def followed(self, windows, starts, forecasts, actual):
        """The same where what came is known: every interval has learned from what came before it.

        The windows of each series stand in the order of time; `actual` is as in `fit`. Returns the
        `Forecasts`, and the `ConformalIntervals` after all that.
        """
        which = windows.series_of(starts)
        unit = _unit(windows, starts, self.period)
        bounds, last = {}, {}
        for level, begin in self.radii.items():
            misses = _misses(forecasts, actual, level) / unit
            reach, now = np.empty_like(misses), begin.copy()
            rate = RATE * self.errors[level]
            for series in np.unique(which):
                rows = np.flatnonzero(which == series)
                reach[rows], now[series] = _track(misses[rows], begin[series], rate, level)
            bounds[level] = _reaching(forecasts, level, reach * unit)
            last[level] = now
        found = Forecasts(forecasts.point, {**forecasts.intervals, **bounds})
        return found, ConformalIntervals(last, self.ids, self.period)

    def save(self, folder) -> None:
        """Writes what is known into the folder of a run."""
        arrays = {f"level_{level}": values for level, values in self.radii.items()}
        with (folder.path / FILE).open("wb") as file:
            np.savez(file, ids=np.array(self.ids, dtype=str), period=self.period, **arrays)

    @classmethod
    def load(cls, folder, levels) -> "ConformalIntervals | None":
        """That of a run, a `UserError` without it; `None` where it was asked for no levels."""
        path = folder.path / FILE
        if not path.exists():
            if levels:
                raise UserError(f"{path} is missing: without it there are no intervals.")
            return None
        with reading(path), path.open("rb") as opened, np.load(opened) as file:
            names = [name for name in file.files if name.startswith("level_")]
            radii = {int(name.removeprefix("level_")): file[name] for name in names}
            return cls(radii, file["ids"].tolist(), int(file["period"]))


def _unit(windows, starts, period):
    """How much the targets moved in each window, over a season where it holds more: `(n, 1, t)`."""
    targets, lag = windows.num_targets, period if period < windows.window else 1
    found = np.empty((len(starts), 1, targets))
    for first in range(0, len(starts), 4096):
        values = np.float64(windows.inputs(starts[first : first + 4096])[..., :targets])
        moves = np.abs(values[:, lag:] - values[:, :-lag])
        size = moves.mean(axis=1) if moves.shape[1] else np.abs(values).mean(axis=1)
        found[first : first + 4096, 0] = size
    smallest = 1e-3 * np.median(found[found > 0]) if (found > 0).any() else 1.0
    return np.maximum(found, smallest)  # where nothing moved, it will


def _base(forecasts, level):
    return forecasts.intervals.get(level, (forecasts.point, forecasts.point))


def _misses(forecasts, actual, level):
    """How far what came lies outside; below 0 for inside."""
    lower, upper = _base(forecasts, level)
    return np.maximum(np.float64(lower) - actual, actual - np.float64(upper))


def _reaching(forecasts, level, reach):
    lower, upper = _base(forecasts, level)
    middle = (np.float64(lower) + upper) / 2
    ends = np.minimum(lower - reach, middle), np.maximum(upper + reach, middle)
    return tuple(end.astype(np.float32) for end in ends)


def _track(misses, begin, rate, level):
    """How far the intervals of one series reach at each origin, and after the last one."""
    now, reach = begin.copy(), np.empty_like(misses)
    steps = np.arange(misses.shape[1])
    for origin in range(len(misses) + 1):
        if origin < len(misses):
            reach[origin] = np.maximum.accumulate(now, axis=0)
        seen = steps[:origin]
        then = origin - 1 - seen  # step k + 1 of the origin before last by k is known now
        missed = misses[then, seen] > reach[then, seen]
        change = rate[seen] * (missed - (1 - level / 100))
        now[seen] += np.where(np.isnan(misses[then, seen]), 0, change)
    return reach, np.maximum.accumulate(now, axis=0)
