"""Forecasts that a model must beat: naive, seasonal naive, least squares."""

import numpy as np

from recipes.forecast.forecasts import Forecasts

_CHUNK = 4096


def naive(windows, starts, period=1) -> Forecasts:
    """Repeats the last value, or the last season, before the end of each of some windows.

    A season that is longer than the windows is looked up in the series; a period of 1 is none.
    """
    ahead = np.arange(1, windows.horizon + 1)
    back = -(-ahead // period) * period
    origins = starts[:, None] + windows.window - 1
    rows = np.maximum(origins + ahead - back, windows.begins[origins])
    return Forecasts(windows.series.values[rows, : windows.num_targets], {})


class Naive2:
    """The last value, seasonally adjusted where the series has a season: what OWA compares with.

    The season is a factor, from moving averages over the rows before the test part, and adjusted
    for if the autocorrelation at its length is significant at 90 %. A `period` of 1 is none.

    Reference: Makridakis, Spiliotis and Assimakopoulos, *The M4 competition*, 2020, table 1.
    """

    def __init__(self, series, rows, period):
        self.period, targets = period, len(series.targets)
        self.factors = np.ones((series.num_series, period, targets))
        for number in range(series.num_series if period > 1 else 0):
            block = slice(series.offsets[number], series.offsets[number + 1])
            values = np.float64(series.values[block, :targets][rows[block]])
            for target in range(targets):
                self.factors[number, :, target] = seasonal_factors(values[:, target], period)

    def __call__(self, windows, starts) -> Forecasts:
        """Forecasts at the end of the windows that start at `starts`."""
        series = windows.series
        which = windows.series_of(starts)
        last = starts + windows.window - 1
        place = last - series.offsets[which]
        ahead = place[:, None] + np.arange(1, windows.horizon + 1)
        now = self.factors[which, place % self.period]
        later = self.factors[which[:, None], ahead % self.period]
        level = series.values[last, : windows.num_targets] / now
        return Forecasts(np.float32(level[:, None] * later), {})


def seasonal_factors(values, period, additive=False):
    """Factors of a season by position, from the first row on; a single 1 or 0 where there is none.

    `values` is one series `(steps,)`. An `additive` season is added to the level instead.
    """
    n = len(values)
    none = np.zeros(1) if additive else np.ones(1)
    if n < 3 * period or (not additive and (values <= 0).any()) or not values.std() > 0:
        return none
    centred = values - values.mean()
    acf = [(centred[lag:] * centred[: n - lag]).sum() for lag in range(period + 1)]
    acf = np.array(acf) / acf[0]
    if abs(acf[period]) <= 1.645 * np.sqrt((1 + 2 * np.square(acf[1:period]).sum()) / n):
        return none
    kernel = np.ones(period) / period
    if period % 2 == 0:
        kernel = np.convolve(kernel, [0.5, 0.5])
    trend = np.convolve(values, kernel, "valid")
    first = (len(kernel) - 1) // 2
    inner = values[first : first + len(trend)]
    parts = inner - trend if additive else inner / trend
    places = (first + np.arange(len(trend))) % period
    factors = np.bincount(places, parts, period) / np.bincount(places, minlength=period)
    return factors - factors.mean() if additive else factors / factors.mean()


class LeastSquares:
    """Linear regression of the horizon on the window, fitted on the training windows.

    The normal equations are summed over chunks of windows, so memory does not grow with them (as it
    would with scikit-learn's `LinearRegression`, which takes all of them at once).
    """

    def __init__(self, windows):
        self.shape = (windows.horizon, windows.num_targets)
        starts = windows.starts["train"]
        sample = self._flatten(windows, starts[:_CHUNK])
        self.center = sample.mean(axis=0)
        scale = sample.std(axis=0)
        self.scale = np.where(scale > 1e-12, scale, 1.0)
        size = len(self.center) + 1
        gram, cross = np.zeros((size, size)), np.zeros((size, int(np.prod(self.shape))))
        for first in range(0, len(starts), _CHUNK):
            chunk = starts[first : first + _CHUNK]
            x = self._design(windows, chunk)
            gram += x.T @ x
            cross += x.T @ np.float64(windows.targets(chunk)).reshape(len(chunk), -1)
        # A trace of ridge keeps constant or collinear columns (those of dates, say) harmless.
        ridge = 1e-9 * np.trace(gram) / size * np.eye(size)
        self.weights = np.linalg.lstsq(gram + ridge, cross, rcond=None)[0]

    def __call__(self, windows, starts) -> Forecasts:
        """Forecasts at the end of the windows that start at `starts`."""
        parts = [
            self._design(windows, starts[first : first + _CHUNK]) @ self.weights
            for first in range(0, len(starts), _CHUNK)
        ]
        return Forecasts(np.concatenate(parts).reshape(-1, *self.shape), {})

    def _flatten(self, windows, starts):
        x = np.float64(windows.inputs(starts))
        channels = windows.series.values.shape[1]
        # Of the future covariates, those of the forecast steps say it all.
        return np.concatenate([x[:, :, :channels].reshape(len(x), -1), x[:, -1, channels:]], axis=1)

    def _design(self, windows, starts):
        x = (self._flatten(windows, starts) - self.center) / self.scale
        return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def season_of(series, rows) -> int:
    """The season of the first target of the longest series, in the rows of a mask."""
    longest = int(np.argmax(np.diff(series.offsets)))
    block = slice(series.offsets[longest], series.offsets[longest + 1])
    return detect_period(series.values[block, 0][rows[block]], usual=_calendar(series.times[block]))


def _calendar(times):
    """Steps in a day, a week and a year of dated rows."""
    if times.dtype.kind != "M" or len(times) < 2:
        return ()
    step = np.median(np.diff(times)) / np.timedelta64(1, "D")
    return [round(days / step) for days in (1, 7, 365.25) if days >= 4 * step]


def detect_period(values, longest=400, usual=()) -> int:
    """Length in steps of the season of a series `(steps,)`, or 1 when there is none.

    The first clear peak of the autocorrelation of the differenced series; if a `usual` season is
    within a step or 5 % of it, that one, for a few seasons do not tell 48 steps from 49.

    >>> detect_period(np.sin(np.arange(200) * 2 * np.pi / 7))
    7
    >>> detect_period(np.random.default_rng(0).normal(size=200).cumsum())
    1
    """
    change = np.diff(np.float64(values[-20_000:]))
    n = len(change)
    longest = min(longest, n // 3)
    if longest < 2 or not change.std() > 0:
        return 1
    change = change - change.mean()
    acf = np.fft.irfft(np.abs(np.fft.rfft(change, 2 * n)) ** 2)[: longest + 2]
    acf = acf / acf[0]
    # A season's own peak comes after the likeness of near steps has died away. Lag 1 does not tell:
    # differencing makes it negative for mere noise.
    negative = 2 + np.flatnonzero(acf[2 : longest + 1] < 0)
    inner = np.arange(negative[0] + 1 if len(negative) else longest + 1, longest + 1)
    peaks = inner[(acf[inner] >= acf[inner - 1]) & (acf[inner] >= acf[inner + 1])]
    if not len(peaks) or acf[peaks].max() < 0.3:
        return 1
    found = int(peaks[acf[peaks] >= 0.9 * acf[peaks].max()][0])
    near = [each for each in usual if abs(each - found) <= max(1, 0.05 * each)]
    return min(near, key=lambda each: abs(each - found), default=found)
