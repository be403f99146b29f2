"""The linear map from a window to what follows, in closed form: where training begins.

Least squares with a penalty (ridge regression) on the changes of windows that are seen from their
own level; how much penalty, which level and which changes is chosen by the validation part. With
the largest penalty the forecast is the naive one, or the seasonal naive one.
"""

from dataclasses import dataclass

import numpy as np

#: Windows at most that are looked at, evenly spaced.
MOST = 8000
#: Penalties, relative to the mean square of the inputs.
PENALTIES = 10.0 ** np.arange(-4, 5)


@dataclass(frozen=True)
class LinearStart:
    """A linear map, and how windows are seen for it.

    Args:
        normalization: `"standard"` or `"last"`, see `zoo.layers.WindowNormalization`.
        lag: Steps of the changes that it reads; 0 for the level.
        kernel: `(window - lag, horizon)`.
        bias: `(horizon,)`.
        error: Mean absolute error on validation, in units of the naive forecast's.
    """

    normalization: str
    lag: int
    kernel: np.ndarray
    bias: np.ndarray
    error: float


def find_start(windows, units, lags, normalizations, epsilon) -> LinearStart:
    """The linear map that forecasts the validation part best.

    Args:
        windows: A `Windows` with its training and validation splits.
        units: `(series, targets)`, see `recipes.forecast.scores.naive_mae`.
        lags: Steps of changes to try; 0 for the level.
        normalizations: Ways to see a window to try.
        epsilon: That of `zoo.layers.WindowNormalization`.

    Returns:
        The best `LinearStart`.
    """
    found = []
    for normalization in normalizations:
        for lag in lags:
            train, validation = (
                _examples(windows, split, lag, normalization, epsilon, units)
                for split in ("train", "validation")
            )
            found += _fits(train, validation, normalization, lag)
    return min(found, key=lambda start: start.error)


def _examples(windows, split, lag, normalization, epsilon, units):
    """Inputs and targets of the map, one row a window and target, and what its errors count."""
    starts = windows.starts[split]
    if len(starts) > MOST:
        starts = starts[np.linspace(0, len(starts) - 1, MOST).astype(np.int64)]
    targets = windows.num_targets
    x = np.float64(windows.inputs(starts)[..., :targets]).transpose(0, 2, 1)
    y = np.float64(windows.targets(starts)[:, 0]).transpose(0, 2, 1)
    unit = units[windows.series.series_of(starts)]
    unit = np.where(unit > 0, unit, np.nan)[..., None]
    shift, scale = x[..., -1:], np.nan_to_num(unit, nan=1.0)
    if normalization == "standard":
        shift = x.mean(axis=-1, keepdims=True)
        scale = np.sqrt(x.var(axis=-1, keepdims=True) + epsilon)
    x, y = (x - shift) / scale, (y - shift) / scale
    if lag:
        ahead = np.arange(1, windows.horizon + 1)
        y = y - x[..., windows.window - 1 + ahead - -(-ahead // lag) * lag]
        x = x[..., lag:] - x[..., :-lag]
    weights = np.nan_to_num(scale / unit)
    return x.reshape(-1, x.shape[-1]), y.reshape(-1, windows.horizon), weights.reshape(-1)


def _fits(train, validation, normalization, lag):
    x, y, _ = train
    center, level = x.mean(axis=0), y.mean(axis=0)
    if normalization == "last":  # in units of each series: it would need a bias of its own
        center, level = np.zeros_like(center), np.zeros_like(level)
    gram = (x - center).T @ (x - center)
    values, vectors = np.linalg.eigh(gram)
    cross = vectors.T @ ((x - center).T @ (y - level))
    size = max(float(values.mean()), 1e-12)
    for penalty in (*PENALTIES, np.inf):
        shrunk = cross / (np.maximum(values, 0) + penalty * size)[:, None]
        kernel = vectors @ shrunk if np.isfinite(penalty) else np.zeros((x.shape[1], y.shape[1]))
        bias = level - center @ kernel if np.isfinite(penalty) else np.zeros(y.shape[1])
        inputs, targets, weights = validation
        error = np.abs(inputs @ kernel + bias - targets).mean(axis=1)
        error = (error * weights).sum() / max((weights > 0).sum(), 1)
        yield LinearStart(normalization, lag, np.float32(kernel), np.float32(bias), float(error))
