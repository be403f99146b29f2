"""Forecasts as CSV: `time,origin,step,target,forecast,lower,upper`."""

import csv
import sys
from pathlib import Path

import numpy as np

from recipes.data.series import show

COLUMNS = ("time", "origin", "step", "target", "forecast", "lower", "upper")


def write(path, windows, starts, forecasts, append=False):
    """Writes the forecasts of some windows, one row a window, step and target.

    `origin` is the time of the last input; `time` the one that is forecast, `step` steps later.
    Several series add a first column `series`. Numbers are printed so that they read back exactly.

    Args:
        path: File to write, or `None` for standard output.
        windows: The `Windows` that were forecast.
        starts: First row of each window.
        forecasts: Their `Forecasts`.
        append: Add to the file, without a header.
    """
    if path is None:
        _write(sys.stdout, windows, starts, forecasts, append)
        return
    with Path(path).open("a" if append else "w", newline="") as file:
        _write(file, windows, starts, forecasts, append)


def _write(file, windows, starts, forecasts, append):
    series = windows.series
    several = series.num_series > 1
    writer = csv.writer(file, lineterminator="\n")
    if not append:
        writer.writerow((["series"] if several else []) + list(COLUMNS))
    bounds = forecasts.widest if forecasts else None
    for index, start in enumerate(starts):
        origin = start + windows.window - 1
        which = int(series.series_of(origin))
        prefix = [series.ids[which]] if several else []
        times = _times_ahead(windows, origin, which)
        for step in range(windows.horizon):
            for target, name in enumerate(series.targets):
                at = (index, step, target)
                lower, upper = (bounds[0][at], bounds[1][at]) if bounds else ("", "")
                row = [times[step], show(series.times[origin]), step + 1, name]
                writer.writerow([*prefix, *row, forecasts.point[at], lower, upper])


def _times_ahead(windows, origin, which):
    """Times of the steps after `origin`, which may lie beyond the end of its series."""
    series = windows.series
    end = int(series.offsets[which + 1])
    inside = series.times[origin + 1 : min(origin + 1 + windows.horizon, end)]
    beyond = series.future_times[which][: windows.horizon - len(inside)]
    return [show(time) for time in np.concatenate([inside, beyond])]
