"""Whether to model a series by its changes instead of its level."""

import numpy as np

#: Changes must be this much smaller than the level's deviation to be worth modelling instead.
WORTH = 0.6
#: Rows at most, the latest ones, that the choice looks at.
ROWS = 200_000


def changes(series, rows, lag, channels):
    """Changes over `lag` steps that end in the rows of a mask, within each series.

    float64 `(n, channels)`, of the leading channels of a `TimeSeries`.
    """
    ends = np.flatnonzero(rows)
    ends = ends[ends >= lag]
    ends = ends[rows[ends - lag] & (series.series_of(ends) == series.series_of(ends - lag))]
    return np.float64(series.values[ends, :channels]) - series.values[ends - lag, :channels]


def choose_lag(series, rows, period, window, horizon) -> int:
    """The lag to difference a series by: 0 for none, 1 for a trend, or the season.

    The one that leaves least to forecast: the changes from the last value (of the same season) to
    the values over the horizon must deviate clearly less than the level does. The first target is
    looked at, in the training rows (a mask); a lag must be shorter than half of the window.
    """
    lags = [lag for lag in {1, period} if 2 * lag <= window]
    if not lags:
        return 0
    used = np.flatnonzero(rows)[-ROWS:]
    rows = np.zeros_like(rows)
    rows[used] = True
    which = series.series_of(used)
    counts = np.maximum(np.bincount(which, minlength=series.num_series), 1)
    level = np.float64(series.values[used, 0])
    level -= (np.bincount(which, level, minlength=series.num_series) / counts)[which]
    ahead = np.arange(1, horizon + 1)
    spread = {}
    for lag in lags:
        spans, counts = np.unique(-(-ahead // lag) * lag, return_counts=True)
        found = (changes(series, rows, int(span), 1) for span in spans)
        deviations = [part.std() if len(part) > 1 else np.inf for part in found]
        spread[lag] = np.average(deviations, weights=counts)
    best = min(lags, key=spread.get)
    return best if spread[best] < WORTH * level.std() else 0
