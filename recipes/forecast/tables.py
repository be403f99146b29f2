"""Forecasts as CSV: `time,origin,step,target,forecast,lower,upper`."""

import itertools

import numpy as np

from recipes.data.dates import show
from recipes.data.writing import write_csv

COLUMNS = ("time", "origin", "step", "target", "forecast", "lower", "upper")


def write(path, windows, parts):
    """Writes forecasts, one row a window, step and target; a file is written whole or not at all.

    `origin` is the time of the last input; `time` the one that is forecast, `step` steps later.
    Several series add a first column `series`. Numbers are printed so that they read back exactly.

    Args:
        path: File to write, or `None` for standard output.
        windows: The `Windows` that were forecast.
        parts: Pairs of the first rows of some windows and their `Forecasts`.

    Raises:
        UserError: If the file cannot be written.
    """
    header = COLUMNS if windows.series.num_series == 1 else ("series", *COLUMNS)
    write_csv(path, header, itertools.chain(*(_rows(windows, *part) for part in parts)))


def _rows(windows, starts, forecasts):
    series, bounds = windows.series, forecasts.widest
    for index, start in enumerate(starts):
        origin = start + windows.window - 1
        which = int(series.series_of(origin))
        prefix = [series.ids[which]] if series.num_series > 1 else []
        times = _times_ahead(windows, origin, which)
        for step in range(windows.horizon):
            for target, name in enumerate(series.targets):
                at = (index, step, target)
                lower, upper = (bounds[0][at], bounds[1][at]) if bounds else ("", "")
                row = [times[step], show(series.times[origin]), step + 1, name]
                yield [*prefix, *row, forecasts.point[at], lower, upper]


def _times_ahead(windows, origin, which):
    """Times of the steps after `origin`, which may lie beyond the end of its series."""
    series = windows.series
    end = int(series.offsets[which + 1])
    inside = series.times[origin + 1 : min(origin + 1 + windows.horizon, end)]
    beyond = series.future_times[which][: windows.horizon - len(inside)]
    return [show(time) for time in np.concatenate([inside, beyond])]
