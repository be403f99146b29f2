"""How good forecasts are: one flat dict of numbers in the data's units."""

import numpy as np


def score(actual, forecasts, naive_mae, targets) -> dict[str, float]:
    """Scores forecasts against what happened.

    Args:
        actual: `(n, horizon, targets)`; NaN where nothing is known, which counts for nothing.
        forecasts: `Forecasts` of the same windows.
        naive_mae: Mean absolute error of the naive forecast on the training data, one number a
            target: the unit of MASE.
        targets: Names of the targets.

    Returns:
        `mse rmse mae mase` over all windows, steps and targets; `mse_step_k` and `mae_step_k` for
        each step ahead where there are several; `mae_<target>` and `rmse_<target>` for each target
        where there are several; `coverage_<level>`, the fraction of values inside the interval.
        MASE averages over targets, so that large ones do not drown small ones.
    """
    error = np.float64(forecasts.point) - np.float64(actual)
    squared, absolute = np.square(error), np.abs(error)
    mase = (np.nanmean(absolute, axis=(0, 1)) / naive_mae).mean()
    scores = {
        "mse": np.nanmean(squared),
        "rmse": np.sqrt(np.nanmean(squared)),
        "mae": np.nanmean(absolute),
        "mase": mase,
    }
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


def naive_mae(series, rows_end, period, num_targets) -> np.ndarray:
    """In-sample mean absolute error of the (seasonal) naive forecast: the unit of MASE.

    Args:
        series: A `TimeSeries`.
        rows_end: Mask `(steps,)` of the rows that belong to the training part.
        period: Season in steps; 1 is the plain naive forecast.
        num_targets: Number of leading channels to measure.

    Returns:
        One number a target; 1 where the series never changes, so that MASE stays finite.

    Reference:
        Hyndman and Koehler, *Another look at measures of forecast accuracy*, 2006.
    """
    values = series.values[:, :num_targets]
    same = np.zeros(len(values), bool)
    same[period:] = series.series_of(np.arange(period, len(values))) == series.series_of(
        np.arange(len(values) - period)
    )
    rows = np.flatnonzero(same & rows_end)
    if not len(rows):
        return np.ones(num_targets)
    error = np.abs(np.float64(values[rows]) - values[rows - period]).mean(axis=0)
    return np.where(error > 0, error, 1.0)
