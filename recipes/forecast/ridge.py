"""The linear map from a window to what follows, in closed form: where training begins.

Ridge regression on windows that are seen from their own level, of the level or of changes, on the
whole window or its later part; each with the penalty that suits the validation part best. With the
largest penalty these are the naive forecast, the seasonal naive one and the mean of the window. As
all of them are linear, so is their weighted mean, which is chosen greedily on validation. Where
that part has few windows, which say little, two earlier parts as long as it are forecast as well,
each by maps fitted to what came before it (a rolling origin), and the mean of the errors decides.

Reference: Toner and Darlow, *An analysis of linear time series forecasting models*, 2024; Caruana
et al., *Ensemble selection from libraries of models*, 2004; Tashman, *Out-of-sample tests of
forecasting accuracy*, 2000 (rolling origins).
"""

from dataclasses import dataclass, replace

import numpy as np

from recipes.data.batches import spread

#: Windows at most that are looked at, evenly spaced; of one target, and of each of several.
MOST = (24_000, 8000)
#: Penalties, relative to the mean square of the inputs.
PENALTIES = (*10.0 ** np.arange(-4, 5), np.inf)
#: Validation windows below which earlier parts are forecast, too; how many of these.
FEW, EARLIER = 400, 2
#: Residuals at most that are kept, evenly spaced.
MOST_RESIDUALS = 5000
#: Maps that are averaged, with repetition.
PICKS = 8


@dataclass(frozen=True)
class LinearStart:
    """A linear map `(window, horizon)`, and how windows are seen for it.

    That is `"standard"` or `"last"`, see `zoo.layers.WindowNormalization`; or `"none"`, by the mean
    and deviation of the whole training part. Its mean absolute `error` is that on validation, and
    on earlier parts where it has few windows, in units of the naive forecast's; the `residuals`
    `(n, horizon)` are those on validation, as the windows are seen. The `parts` are what was
    averaged: the lag and the steps of each map, and its penalty.
    """

    normalization: str
    kernel: np.ndarray
    bias: np.ndarray
    error: float
    parts: tuple[tuple[int, int, float], ...]
    residuals: np.ndarray

    def weights(self, head, quantiles) -> list[np.ndarray]:
        """Kernel and bias of a layer that puts out the numbers of a head, each for all steps.

        The quantiles, or the deviation, are those of the residuals, the same for all windows.
        """
        if head == "point":
            return [self.kernel, self.bias]
        if head == "quantile":
            biases = self.bias + np.quantile(self.residuals, quantiles, axis=0)
            return [np.tile(self.kernel, len(quantiles)), biases.reshape(-1)]
        # The layer behind it takes the softplus.
        raw = np.log(np.expm1(np.maximum(self.residuals.std(axis=0), 1e-2)))
        kernel = np.concatenate([self.kernel, np.zeros_like(self.kernel)], axis=1)
        return [kernel, np.concatenate([self.bias, raw])]


def find_start(windows, units, period, normalizations, epsilon, scaling) -> LinearStart:
    """The linear map that forecasts the validation part best, by some ways to see a window.

    The units are those of `recipes.forecast.scores.naive_mae`, `epsilon` is that of
    `zoo.layers.WindowNormalization`, and `scaling` has mean and deviation of each target, for
    `"none"`.
    """
    found, folds = [], _folds(windows)
    for normalization in normalizations:
        centred = normalization != "last"
        how = normalization, epsilon, units, scaling
        seen = [[_examples(windows, part, *how) for part in fold] for fold in folds]
        validation, maps = [examples for _, examples in seen], []
        for lag in sorted({0, 1, period}):
            for steps in sorted({windows.window, max(windows.window // 2, lag)}):
                if 2 * lag <= steps or lag == steps == 1:
                    each = [_fits(train, lag, steps, centred, PENALTIES) for train, _ in seen]
                    fits = zip(*each, strict=True)
                    maps.append(min(fits, key=lambda fits: _mean_error(fits, validation)))
        found.append(_combined(maps, validation, normalization))
    return min(found, key=lambda start: start.error)


def _folds(windows):
    """First rows of the training and validation windows, and of earlier ones where these are few.

    An earlier part is as long as the validation part of its series and ends where that, or the part
    after it, begins; its training windows end before it.
    """
    train, validation = windows.starts["train"], windows.starts["validation"]
    folds = [(train, validation)]
    if len(validation) >= FEW:
        return folds
    begin = np.full(windows.series.num_series, np.inf)
    end = np.full(windows.series.num_series, -np.inf)
    which = windows.series_of(validation)
    np.minimum.at(begin, which, validation)
    np.maximum.at(end, which, validation + windows.horizon)
    mine = windows.series_of(train)
    # A series without validation windows has no earlier part: it begins at infinity, of length 0.
    first, length = begin[mine], np.maximum(end - begin, 0)[mine]
    for earlier in range(1, EARLIER + 1):
        cut = first - earlier * length  # in rows of the first forecast step, less the window
        inside = (train >= cut) & (train + windows.horizon <= cut + length)
        before = train + windows.horizon <= cut
        if inside.any() and before.sum() >= max(10, windows.horizon):
            folds.append((train[before], train[inside]))
    return folds


def fit_again(start, windows, units, epsilon, scaling) -> LinearStart:
    """The mean of the maps that `find_start` chose, fitted to the training part of others."""
    how = start.normalization
    train = _examples(windows, windows.starts["train"], how, epsilon, units, scaling)
    maps = [
        next(_fits(train, lag, steps, how != "last", [penalty]))
        for lag, steps, penalty in start.parts
    ]
    kernels, biases, _ = zip(*maps, strict=True)
    kernel, bias = (np.float32(np.mean(part, axis=0)) for part in (kernels, biases))
    return replace(start, kernel=kernel, bias=bias)


def _examples(windows, starts, normalization, epsilon, units, scaling):
    """Windows and what follows, one row a window and target, and what their errors count."""
    targets = windows.num_targets
    starts = starts[spread(len(starts), MOST[targets > 1])]
    x = np.float64(windows.inputs(starts)[..., :targets]).transpose(0, 2, 1)
    y = np.float64(windows.targets(starts)[:, 0]).transpose(0, 2, 1)
    unit = units[windows.series_of(starts)]
    unit = np.where(unit > 0, unit, np.nan)[..., None]
    shift, scale = x[..., -1:], np.nan_to_num(unit, nan=1.0)
    if normalization == "standard":
        shift = x.mean(axis=-1, keepdims=True)
        scale = np.sqrt(x.var(axis=-1, keepdims=True) + epsilon)
    if normalization == "none":
        shift, scale = (np.float64(part[:targets])[None, :, None] for part in scaling)
        scale = np.broadcast_to(scale, x[..., -1:].shape)
    x, y = (x - shift) / scale, (y - shift) / scale
    which = windows.series_of(starts)
    counts = np.bincount(which, minlength=len(units))  # each series counts alike
    shares = 1 / (counts[which] * (counts > 0).sum() * targets)
    weights = np.nan_to_num(scale / unit) * shares[:, None, None]
    return x.reshape(-1, x.shape[-1]), y.reshape(-1, windows.horizon), weights.reshape(-1)


def _mean_error(fits, validation):
    """The weighted absolute error of the map of each fold, on average."""
    errors = [
        (np.abs(x @ kernel + bias - y).mean(axis=1) * weights).sum()
        for (kernel, bias, *_), (x, y, weights) in zip(fits, validation, strict=True)
    ]
    return float(np.mean(errors))


def _fits(train, lag, steps, centred, penalties):
    """Maps of some changes of the last steps, as those of the whole window, by penalty."""
    x, y, weights = train
    # Squares, unlike the absolute errors of MASE, are ruled by a few windows; so they are bounded.
    weights = np.minimum(weights, np.quantile(weights, 0.99))
    weights = (weights / weights.mean())[:, None] if weights.any() else np.ones((len(x), 1))
    window, horizon = x.shape[1], y.shape[1]
    # What the changes are, and what is added to their forecast, as maps of the window.
    changes = np.eye(window)[:, window - steps + lag :]
    base = np.zeros((window, horizon))
    if lag:
        changes = changes - np.eye(window)[:, window - steps : window - lag]
        ahead = np.arange(1, horizon + 1)
        base[window - 1 + ahead - -(-ahead // lag) * lag, ahead - 1] = 1
    inputs, targets = x @ changes, y - x @ base
    center = (weights * inputs).mean(axis=0) * centred
    level = (weights * targets).mean(axis=0) * centred
    inputs = inputs - center
    values, vectors = np.linalg.eigh(inputs.T @ (weights * inputs))
    cross = vectors.T @ (inputs.T @ (weights * (targets - level)))
    size = max(float(values.sum()) / max(1, len(values)), 1e-12)  # of no changes, too
    for penalty in penalties:
        inner = np.zeros((inputs.shape[1], horizon))
        bias = np.zeros(horizon)
        if np.isfinite(penalty):
            inner = vectors @ (cross / (np.maximum(values, 0) + penalty * size)[:, None])
            bias = level - center @ inner
        yield base + changes @ inner, bias, (lag, steps, penalty)


def _combined(maps, validation, normalization):
    """The weighted mean that is best on validation, map after map."""
    parts, best = [], np.inf
    mean = [(0.0, 0.0)] * len(validation)
    for count in range(1, PICKS + 1):
        tried = [
            [
                ((kernel * (count - 1) + k) / count, (bias * (count - 1) + b) / count)
                for (kernel, bias), (k, b, _) in zip(mean, fits, strict=True)
            ]
            for fits in maps
        ]
        errors = [_mean_error(each, validation) for each in tried]
        choice = int(np.argmin(errors))
        if errors[choice] >= best:
            break
        best, mean = errors[choice], tried[choice]
        parts.append(maps[choice][0][2])
    kernel, bias = mean[0]
    x, y, _ = validation[0]
    few = spread(len(x), MOST_RESIDUALS)
    residuals = y[few] - x[few] @ kernel - bias
    return LinearStart(
        normalization, np.float32(kernel), np.float32(bias), best, tuple(parts), residuals
    )
