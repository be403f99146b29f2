"""Forecasts of fitted statistical models at many origins: one pass over a series for all of them.

Each function takes a series, the rows of it that are origins, and what was fitted, and returns
forecasts `(origins, horizon)` that read no row after their origin.

Reference: Hyndman and Athanasopoulos, *Forecasting: principles and practice*, 3rd edition, chapters
8 and 9; Hyndman and Billah, *Unmasking the Theta method*, 2003.
"""

import numpy as np
from scipy.signal import lfilter

#: Weights of simple smoothing that Theta chooses from.
_ALPHAS = np.linspace(0.01, 0.99, 50)


def exponential_smoothing(
    values, origins, horizon, trend, seasonal, period, weights, phi, state
) -> np.ndarray:
    """Exponential smoothing of any form, as its error-correction equations say.

    The trend, and the season of so many steps, is `"N"` (none), `"A"` (additive) or `"M"`
    (multiplicative); the weights are alpha, beta and gamma, and a damping `phi` of 1 is none. The
    state before the first value is the level, the slope where there is one, and the season's last
    values, the latest first.
    """
    alpha, beta, gamma = weights
    level, state = float(state[0]), [float(part) for part in state[1:]]
    slope = state.pop(0) if trend != "N" else (1.0 if trend == "M" else 0.0)
    season = state[:period][::-1] if seasonal != "N" else [0.0]
    length, neutral = len(season), seasonal == "N"
    levels, slopes = np.empty(len(values)), np.empty(len(values))
    seasons = np.empty((len(values), length))
    for step, value in enumerate(values.tolist()):
        place = step % length
        old = season[place]
        grown = phi * slope if trend != "M" else slope**phi
        before = level * grown if trend == "M" else level + grown
        if neutral or seasonal == "A":
            error = value - before - old
            divisor = 1.0
        else:
            error = value - before * old
            divisor = old
        new = before + alpha * error / divisor
        if trend == "A":
            slope = grown + beta * error / divisor
        elif trend == "M":
            slope = grown + beta * error / divisor / level
        if not neutral:
            season[place] = old + gamma * error / (before if seasonal == "M" else 1.0)
        level = new
        levels[step], slopes[step], seasons[step] = level, slope, season
    ahead = np.arange(1, horizon + 1)
    damped = np.cumsum(phi**ahead)
    level, slope = levels[origins][:, None], slopes[origins][:, None]
    found = level * slope**damped if trend == "M" else level + slope * damped
    if neutral:
        return found
    factors = np.take_along_axis(seasons[origins], (origins[:, None] + ahead) % length, axis=1)
    return found * factors if seasonal == "M" else found + factors


def polynomials(ar, seasonal_ar, ma, seasonal_ma, d, seasonal_d, period):
    """What an ARIMA's orders and coefficients multiply out to: `(ar, ma)`, from lag 0 on.

    >>> polynomials([0.5], [], [], [0.2], 0, 1, 4)[0].tolist()
    [1.0, -0.5, 0.0, 0.0, -1.0, 0.5]
    """

    def seasonally(coefficients):
        return np.concatenate([[1.0], *(np.r_[np.zeros(period - 1), c] for c in coefficients)])

    left = np.convolve(np.r_[1.0, -np.array(ar)], seasonally(-np.array(seasonal_ar)))
    for lag, times in ((1, d), (period, seasonal_d)):
        for _ in range(times):
            left = np.convolve(left, np.r_[1.0, np.zeros(lag - 1), -1.0])
    right = np.convolve(np.r_[1.0, np.array(ma)], seasonally(np.array(seasonal_ma)))
    return left, right


def arima(values, origins, horizon, ar, ma, intercept=0.0, drift=0.0) -> np.ndarray:
    """An ARIMA, with the errors before the first full lag taken as none: `(origins, horizon)`.

    `ar` and `ma` are the polynomials of values (differences included) and errors, see
    `polynomials`; the intercept is the mean where there are no differences, the drift the growth a
    step.
    """
    line = intercept + drift * np.arange(1, len(values) + horizon + 1)
    lags, ma = len(ar) - 1, _invertible(ma)
    left = np.convolve(values - line[: len(values)], ar)[: len(values)]
    left[:lags] = 0
    errors = np.r_[np.zeros(len(ma)), lfilter([1.0], ma, left)]
    past = np.r_[np.zeros(lags), values - line[: len(values)]]
    rows = origins[:, None]
    # The latest first: values, then errors.
    known = [past[rows[:, 0] + lags - lag] for lag in range(lags)]
    wrong = [errors[rows[:, 0] + len(ma) - lag] for lag in range(len(ma))]
    found = []
    for step in range(1, horizon + 1):
        value = np.zeros(len(origins))
        for lag in range(1, lags + 1):
            value -= ar[lag] * known[lag - 1]
        for lag in range(step, len(ma)):
            value += ma[lag] * wrong[lag - step]
        known = [value, *known[: max(lags - 1, 0)]]
        found.append(value + line[rows[:, 0] + step])
    return np.stack(found, axis=1)


def _invertible(ma):
    """The moving average with the same autocorrelations whose errors do not grow."""
    roots = np.roots(ma)
    if not (np.abs(roots) > 1).any():
        return ma
    return np.real(np.poly([1 / np.conj(root) if abs(root) > 1 else root for root in roots]))


def theta(values, rows, origins, horizon) -> np.ndarray:
    """The Theta method: simple exponential smoothing with half the slope of the straight line.

    The smoothing weight is the one with the least squared error of one step over the first `rows`
    of the seasonally adjusted values `(steps,)`; the line is fitted to what precedes each origin,
    the position of the last value that is known. Returns `(origins, horizon)`.
    """

    def smooth(alpha, values):
        return lfilter([alpha], [1, alpha - 1], values, zi=[(1 - alpha) * values[0]])[0]

    losses = [np.square(values[1:rows] - smooth(a, values[:rows])[:-1]).sum() for a in _ALPHAS]
    alpha = _ALPHAS[int(np.argmin(losses))]
    count = np.arange(1, len(values) + 1)
    # Slopes of all lines from the first value on, from sums.
    values_sum, cross = np.cumsum(values), np.cumsum(values * count)
    middle = (count + 1) / 2
    spread = np.maximum(count * (np.square(count) - 1) / 12, 1)
    slopes = ((cross - middle * values_sum) / spread)[origins][:, None]
    level = smooth(alpha, values)[origins][:, None]
    n = count[origins][:, None]
    return level + slopes / 2 * (np.arange(horizon) + (1 - (1 - alpha) ** n) / alpha)
