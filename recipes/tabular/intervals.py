"""How far a score on test rows can be trusted: 95 % intervals."""

import numpy as np
from scipy import stats

LEVEL = 0.95
RESAMPLES = 1000


def rmse_interval(errors) -> tuple[float, float]:
    """The interval of a root mean squared error, of two rows or more: Student's t of the squares.

    >>> low, high = rmse_interval([1.0, -2.0, 3.0, -1.0])
    >>> round(low, 3), round(high, 3)
    (0.0, 3.124)

    Reference: Book, chapter 2, at its end.
    """
    # `stats.t.interval` would be NaN where all errors are alike.
    squared = np.square(np.float64(errors))
    half = stats.t.ppf((1 + LEVEL) / 2, len(squared) - 1) * stats.sem(squared)
    low, high = squared.mean() - half, squared.mean() + half
    return float(np.sqrt(max(low, 0.0))), float(np.sqrt(high))


def mean_interval(values) -> tuple[float, float]:
    """The interval of a mean, such as that of right rows, from 1,000 bootstrap samples.

    >>> low, high = mean_interval(np.repeat([1.0, 0.0], [80, 20]))
    >>> 0.70 < low < 0.74 and 0.86 < high < 0.90
    True
    """
    # `stats.bootstrap` is as long, and rounds the last digit of its percentiles otherwise.
    values = np.float64(values)
    generator = np.random.default_rng(0)
    means = [generator.choice(values, len(values)).mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
