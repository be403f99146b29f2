"""How good forecasts are: one flat dict of numbers in the data's units."""

import numpy as np
import pandas as pd
from scipy import special


def score(actual, forecasts, units, targets, which=None, reference=None) -> dict[str, float]:
    """Scores forecasts against what happened.

    That is `(n, horizon, targets)`, NaN where nothing is known, which counts for nothing; the
    `Forecasts` are of the same windows, and `which` are their series, by default a single one. MASE
    takes its units from `naive_mae`, OWA compares with the sMAPE and MASE of a `reference`.

    Returns:
        `mse rmse mae` over all windows, steps and targets; `mase` and `smape`, which are means over
        the series (and targets) of each one's own, so that large ones do not drown small ones;
        `owa`, the mean of sMAPE and MASE relative to the reference's; `mse_step_k` and `mae_step_k`
        for each step ahead, and `mae_<target>` and `rmse_<target>` for each target, where there are
        several; `coverage_<level>`, the fraction of values inside the interval.

    Reference: Makridakis, Spiliotis and Assimakopoulos, *The M4 competition*, 2020, section 2.4.
    """
    error = np.float64(forecasts.point) - np.float64(actual)
    squared, absolute = np.square(error), np.abs(error)
    which = np.zeros(len(error), int) if which is None else which
    relative = _relative(absolute, actual, forecasts.point)
    scores = {
        "mse": np.nanmean(squared),
        "rmse": np.sqrt(np.nanmean(squared)),
        "mae": np.nanmean(absolute),
        "mase": np.nanmean(_by_series(absolute, which, len(units)) / units),
        "smape": np.nanmean(_by_series(relative, which, len(units))),
    }
    if reference is not None:
        smape, mase = reference
        scores["owa"] = (scores["smape"] / smape + scores["mase"] / mase) / 2
    if error.shape[1] > 1:
        for step in range(error.shape[1]):
            scores[f"mse_step_{step + 1}"] = np.nanmean(squared[:, step])
            scores[f"mae_step_{step + 1}"] = np.nanmean(absolute[:, step])
    if len(targets) > 1:
        for index, name in enumerate(targets):
            scores[f"mae_{name}"] = np.nanmean(absolute[..., index])
            scores[f"rmse_{name}"] = np.sqrt(np.nanmean(squared[..., index]))
    known = ~np.isnan(actual)
    for level, (lower, upper) in forecasts.intervals.items():
        scores[f"coverage_{level}"] = ((lower <= actual) & (actual <= upper))[known].mean()
    return {name: float(value) for name, value in scores.items()}


def distribution_scores(actual, forecasts) -> dict[str, float]:
    """CRPS and weighted quantile loss: how good the whole forecast distribution is.

    `crps`, the continuous ranked probability score, is in closed form for a Gaussian, else twice
    the mean quantile loss, each quantile counting for the probabilities nearest to it; `wql` is
    twice the quantile loss over the sum of absolute values, a mean over the quantiles. Of a point
    forecast, every quantile is the point: the CRPS is the mean absolute error. NaN in `actual` `(n,
    horizon, targets)` is not known.

    Reference: Gneiting and Raftery, *Strictly proper scoring rules*, 2007, equation 21; Park et
    al., *Learning quantile functions without quantile crossing*, 2022, section 5 (wQL).

    >>> from recipes.forecast.forecasts import Forecasts
    >>> distribution_scores(np.full((1, 1, 1), 4.0), Forecasts(np.full((1, 1, 1), 3.0), {}))
    {'crps': 1.0, 'wql': 0.25}
    """
    actual = np.float64(actual)
    quantiles = sorted(forecasts.quantiles.items())
    losses = []
    for probability, value in quantiles:
        error = actual - value
        losses.append(2 * np.nanmean(np.maximum(probability * error, (probability - 1) * error)))
    if forecasts.deviation is None:
        levels = np.array([probability for probability, _ in quantiles])
        crps = float(np.diff(np.r_[0.0, (levels[1:] + levels[:-1]) / 2, 1.0]) @ losses)
    else:
        deviation = np.maximum(np.float64(forecasts.deviation), 1e-30)
        z = (actual - forecasts.point) / deviation
        density = np.exp(-np.square(z) / 2) / np.sqrt(2 * np.pi)
        parts = z * special.erf(z / np.sqrt(2)) + 2 * density - 1 / np.sqrt(np.pi)
        crps = float(np.nanmean(deviation * parts))
    size = np.nanmean(np.abs(actual))
    return {"crps": crps, "wql": float(np.mean(losses) / size) if size else float("nan")}


def window_errors(actual, forecasts, units, which):
    """Absolute errors in units of the naive forecast's, a mean over each window: `(n,)`."""
    error = np.abs(np.float64(forecasts.point) - actual) / units[which][:, None]
    return pd.DataFrame(error.reshape(len(error), -1)).mean(axis=1).to_numpy()


def by_series(actual, forecasts, units, which) -> dict[str, np.ndarray]:
    """MASE, sMAPE and MAE of each series, over its windows, steps and targets; see `score`.

    Arrays `(series,)` by name; NaN for a series without a window.
    """
    absolute = np.abs(np.float64(forecasts.point) - actual)
    parts = {
        "mase": absolute / units[which][:, None],
        "smape": _relative(absolute, actual, forecasts.point),
        "mae": absolute,
    }
    means = {name: _by_series(part, which, len(units)) for name, part in parts.items()}
    return {name: pd.DataFrame(mean).mean(axis=1).to_numpy() for name, mean in means.items()}


def _relative(absolute, actual, point):
    """Terms of sMAPE; NaN where nothing is known."""
    size = np.abs(point) + np.abs(actual)
    found = 200 * np.divide(absolute, size, out=np.zeros_like(absolute), where=size != 0)
    found[np.isnan(actual)] = np.nan
    return found


def _by_series(values, which, count):
    """Means over windows and steps, `(series, targets)`; NaN for a series without any."""
    steps = pd.DataFrame(values.reshape(-1, values.shape[2]))
    return steps.groupby(np.repeat(which, values.shape[1])).mean().reindex(range(count)).to_numpy()


def naive_mae(series, rows, period, num_targets) -> np.ndarray:
    """In-sample mean absolute error of the (seasonal) naive forecast: the unit of MASE.

    Of the leading channels of a `TimeSeries`, in the rows (a mask) before the test part. `(series,
    targets)`; NaN for a series without such rows, and where it never changes (1 if that holds for
    all series).

    Reference: Hyndman and Koehler, *Another look at measures of forecast accuracy*, 2006.
    """
    values = np.float64(series.values[:, :num_targets])
    ends = np.flatnonzero(rows)
    ends = ends[ends >= period]
    which = series.series_of(ends)
    same = which == series.series_of(ends - period)
    ends, which = ends[same], which[same]
    error = np.abs(values[ends] - values[ends - period])
    units = _by_series(error[:, None], which, series.num_series)
    units = np.where(units > 0, units, np.nan)
    units[:, np.isnan(units).all(axis=0)] = 1.0
    return units
