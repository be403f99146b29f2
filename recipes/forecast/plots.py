"""Pictures of forecasts."""

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from callbacks.drawing import finish, shortened

CONTEXT, ACTUAL, FORECAST = "0.35", "tab:green", "tab:orange"


def forecasts(windows, starts, found) -> Figure:
    """Up to four windows: what was seen, what came, what was forecast and its interval."""
    rows = -(-len(starts) // 2)
    columns = min(2, len(starts))
    figure = Figure(figsize=(5.5 * columns, 2.8 * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for index, (start, axis) in enumerate(zip(starts, axes, strict=False)):
        _window(axis, windows, int(start), index, found)
    for axis in axes[len(starts) :]:
        axis.set_axis_off()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
    return figure


def _window(axis, windows, start, index, found):
    series, window, horizon = windows.series, windows.window, windows.horizon
    rows = np.arange(windows.rows(np.array([start]))[0, 0], start + window + horizon)
    times, values = _axis_times(series.times[rows]), series.values[rows, 0]
    window = len(rows) - horizon
    ahead = times[window:]
    mark = "o" if horizon < 15 else ""
    axis.plot(times[:window], values[:window], color=CONTEXT, lw=1.2, label="seen")
    axis.plot(times[window - 1 : window + 1], values[window - 1 : window + 1], color=ACTUAL, lw=1)
    axis.plot(ahead, values[window:], color=ACTUAL, marker=mark, ms=4, lw=1.5, label="actual")
    point = found.point[index, :, 0]
    axis.plot(ahead, point, color=FORECAST, marker=mark and "x", ms=5, lw=1.5, label="forecast")
    if found.widest:
        lower, upper = (bound[index, :, 0] for bound in found.widest)
        axis.fill_between(ahead, lower, upper, **_interval(found))
    axis.set_title(series.ids[int(windows.series_of(start))], fontsize=9)
    axis.tick_params(labelsize=8)
    _label(axis, series)
    axis.grid(alpha=0.25)


def test_period(windows, starts, found) -> Figure:
    """The first-step forecasts of consecutive test windows against what came."""
    series = windows.series
    rows = starts + windows.window
    times = _axis_times(series.times[rows])
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    axis = figure.subplots()
    axis.plot(times, series.values[rows, 0], color=ACTUAL, lw=1.3, label="actual")
    axis.plot(times, found.point[:, 0, 0], color=FORECAST, lw=1.1, label="forecast")
    if found.widest:
        lower, upper = (bound[:, 0, 0] for bound in found.widest)
        axis.fill_between(times, lower, upper, **_interval(found))
    _label(axis, series)
    finish(axis)
    return figure


def _interval(found):
    level = next(k for k, v in found.intervals.items() if v is found.widest)
    return {"color": FORECAST, "alpha": 0.2, "lw": 0, "label": f"{level} % interval"}


def error_by_step(actual, found, targets) -> Figure:
    """Mean absolute error of each step ahead, of `{name: Forecasts}`: the model first."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axis = figure.subplots()
    steps = np.arange(1, actual.shape[1] + 1)
    colors = (FORECAST, "0.6", "tab:blue", "tab:purple")
    for index, ((name, forecasts_), color) in enumerate(zip(found.items(), colors, strict=False)):
        error = np.abs(forecasts_.point - actual).mean(axis=(0, 2))
        style = {"lw": 2, "zorder": 3} if index == 0 else {"lw": 1, "ls": "--"}
        axis.plot(steps, error, marker=".", label=name, color=color, **style)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("steps ahead")
    unit = f"of {shortened(targets[0], 30)}" if len(targets) == 1 else "over all targets"
    axis.set_ylabel(f"mean absolute error {unit}", parse_math=False)
    axis.set_ylim(bottom=0)
    finish(axis)
    return figure


def is_continuous(windows, starts) -> bool:
    """Whether windows follow one another step by step in a single series."""
    return windows.series.num_series == 1 and len(starts) > 2 and bool((np.diff(starts) == 1).all())


def _label(axis, series):
    """Names both axes; few and short times: dates in full only once, whole numbers for steps."""
    times = series.times
    axis.set_ylabel(shortened(series.targets[0], 30), parse_math=False)
    axis.set_xlabel("time" if times.dtype.kind == "M" else "step")
    if times.dtype.kind == "M":
        locator = AutoDateLocator()
        axis.xaxis.set_major_locator(locator)
        axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    else:
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def _axis_times(times):
    return times.astype("datetime64[s]").astype(object) if times.dtype.kind == "M" else times
