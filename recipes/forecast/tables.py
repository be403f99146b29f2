"""Forecasts as CSV: those of many origins, or what follows the end of the data."""

import itertools

import numpy as np

from recipes.data.dates import show_all
from recipes.data.writing import write_csv

COLUMNS = ("origin", "step", "target", "forecast", "lower", "upper")


def write(path, windows, parts, config) -> None:
    """Writes forecasts, one row a window, step and target; standard output for a path of `None`.

    `origin` is the time of the last input; the first column, named like the file's column of times,
    the one that is forecast, `step` steps later. Several series add a column in front, named like
    that of the file. With `--conformal 80,95` there are `lower_80`, `upper_80`, `lower_95` and
    `upper_95` in place of `lower` and `upper`. Numbers are printed so that they read back exactly.
    """
    time = config.time if config.time and config.time not in (*COLUMNS, "series") else "time"
    header, levels = [time, *COLUMNS], config.conformal
    if levels:
        header = [*header[:-2], *(f"{end}_{level}" for level in levels for end in COLUMNS[-2:])]
    if windows.series.num_series > 1:
        series = config.series
        header = [series if series and series not in header else "series", *header]
    dates = _Dates(windows, min(part[0].min() for part in parts))
    rows = (_rows(windows, *part, dates, levels) for part in parts)
    write_csv(path, header, itertools.chain.from_iterable(rows))


def write_ahead(path, windows, starts, forecasts, config) -> None:
    """Writes what follows some windows, one row a step, with a column for each target.

    The first column is named like the file's column of times; in front of it stands that of the
    series, where there are several. Intervals have columns such as `sales_lower` and `sales_upper`,
    with `--conformal 80` `sales_lower_80`.
    """
    series, several = windows.series, windows.series.num_series > 1
    shown = {f"_{level}": forecasts.intervals[level] for level in config.conformal}
    shown = shown or ({"": forecasts.widest} if forecasts.widest else {})
    columns = {}
    for place, name in enumerate(series.targets):
        columns[name] = forecasts.point[..., place]
        for level, (lower, upper) in shown.items():
            columns[f"{name}_lower{level}"] = lower[..., place]
            columns[f"{name}_upper{level}"] = upper[..., place]

    def rows():
        for index, prefix, _, times in _Dates(windows, starts.min()).each(starts):
            for step, time in enumerate(times):
                yield [*prefix, time, *(values[index, step] for values in columns.values())]

    first = [config.series or "series"] if several else []
    write_csv(path, [*first, config.time or "time", *columns], rows())


def write_series(path, series, scores, name, other) -> str:
    """Writes the scores of each series on the test part, the worst first; those in words.

    Beside what `recipes.forecast.scores.by_series` found stands `other`, that of a baseline.
    """
    known = np.flatnonzero(~np.isnan(scores["mase"]))
    order = known[np.argsort(-scores["mase"][known], kind="stable")]
    header = ["series", *scores, f"mase_{name}"]
    columns = [*scores.values(), other["mase"]]
    write_csv(path, header, ([series.ids[i], *(column[i] for column in columns)] for i in order))
    return ", ".join(f"{series.ids[i]} (MASE {scores['mase'][i]:.2f})" for i in order[:3])


class _Dates:
    """Times of rows from a first origin on and beyond the end, all written in one form."""

    def __init__(self, windows, start):
        self.windows, series = windows, windows.series
        self.first = int(start) + windows.window - 1
        texts = show_all(np.concatenate([series.times, series.future_times.ravel()]), self.first)
        self.inside = texts[: len(series) - self.first]
        self.beyond = np.array(texts[len(self.inside) :], object).reshape(series.future_times.shape)

    def each(self, starts):
        """Of each window its number, its series if there are several, its origin, those ahead."""
        series, steps = self.windows.series, self.windows.horizon
        for index, origin in enumerate(starts + self.windows.window - 1):
            which = int(series.series_of(origin))
            end = min(origin + 1 + steps, series.offsets[which + 1])
            inside = self.inside[origin - self.first : end - self.first]
            ahead = [*inside[1:], *self.beyond[which][: steps + 1 - len(inside)]]
            yield index, [series.ids[which]] * (series.num_series > 1), inside[0], ahead


def _rows(windows, starts, forecasts, dates, levels):
    shown = [forecasts.intervals[level] for level in levels] or [forecasts.widest]
    for index, prefix, origin, times in dates.each(starts):
        for step, time in enumerate(times):
            for target, name in enumerate(windows.series.targets):
                at = (index, step, target)
                ends = [end[at] if pair else "" for pair in shown for end in pair or ("", "")]
                yield [*prefix, time, origin, step + 1, name, forecasts.point[at], *ends]
