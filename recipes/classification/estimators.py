"""Scikit-learn's estimators, as baselines."""

import contextlib
import warnings

from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits


@contextlib.contextmanager
def calmly():
    """Runs scikit-learn on one thread of OpenMP, and without warnings about convergence.

    Its boosted trees wait for each other at every split: where another process computes at the same
    time, two threads take fifty times as long as one. A baseline may stop before it is perfect.

    >>> from sklearn.linear_model import LogisticRegression
    >>> with calmly():
    ...     model = LogisticRegression(max_iter=1).fit([[0.0], [1.0]], [0, 1])
    """
    with warnings.catch_warnings(), threadpool_limits(1, user_api="openmp"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
