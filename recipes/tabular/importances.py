"""What a model reads: how much worse it gets when a column is shuffled.

Reference: Breiman, *Random forests*, 2001, section 10; Shao and Wu, *A general theory for jackknife
variance estimation*, 1989.
"""

import numpy as np
import pandas as pd
from scipy import stats

#: Of intervals.
LEVEL = 0.95
#: Rows at most of which halves are shuffled, how many halves, and predictions at most over all
#: columns; tables of many columns get fewer rows, but so many at least.
ROWS, REPEATS, PREDICTIONS, FEWEST = 2000, 10, 200_000, 100


def most_rows(columns: int) -> int:
    """How many rows are shuffled at most in a table of some columns.

    >>> most_rows(10), most_rows(64), most_rows(1000)
    (2000, 625, 100)
    """
    return max(FEWEST, min(ROWS, PREDICTIONS * 2 // (REPEATS * columns)))


def permutation_importances(predict, losses, inputs, places, score=float) -> pd.DataFrame:
    """Shuffles one column after the other, and scores what the model then predicts.

    Each time half of the rows, drawn at random, is shuffled and compared with itself as it was. So
    the results differ as if other rows had been tested: the variance of a mean over half of the
    rows, around that over all, is the variance of the latter. The interval is Student's t of them.
    Columns that say the same share their importance: shuffling one leaves the other.

    Inputs are arrays of some rows, `{"numeric": ..., "categories": ...}`, of the kinds there are;
    `places` finds the table's columns there (`zoo.layers.TableColumns.places`). Of predictions and
    the positions of their rows, `losses` has the loss of each; `score` is a function of a mean one,
    such as a square root. Returns the `column`s, the most important first, by how much the score
    grows (`mean`), and the ends of the 95 % interval of that (`low`, `high`).

    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> error = lambda y, rows: (y - x[rows, 0]) ** 2
    >>> found = permutation_importances(
    ...     lambda inputs: inputs["numeric"][:, 0], error, {"numeric": x},
    ...     {"read": ("numeric", [0]), "ignored": ("numeric", [1])},
    ... )
    >>> found["column"].tolist(), (found["low"] > 1).tolist()
    (['read', 'ignored'], [True, False])
    """
    count = len(next(iter(inputs.values())))
    before = losses(predict(inputs), np.arange(count))
    draw = np.random.default_rng(0).permutation
    halves = [draw(count)[: max(1, count // 2)] for _ in range(REPEATS)]
    rows, sources = np.concatenate(halves), np.concatenate([draw(half) for half in halves])
    own = before[rows].reshape(REPEATS, -1).mean(axis=1)
    increases = []
    for kind, those in places.values():
        # All halves at once take a model hardly longer than one, which is what it is asked for by
        # scikit-learn's permutation_importance.
        shuffled = {name: array[rows] for name, array in inputs.items()}
        shuffled[kind][:, those] = inputs[kind][sources][:, those]
        after = losses(predict(shuffled), rows).reshape(REPEATS, -1).mean(axis=1)
        increases.append([score(new) - score(old) for new, old in zip(after, own, strict=True)])
    mean = np.mean(increases, axis=1)
    half = stats.t.ppf((1 + LEVEL) / 2, REPEATS - 1) * np.std(increases, axis=1, ddof=1)
    found = {"column": list(places), "mean": mean, "low": mean - half, "high": mean + half}
    return pd.DataFrame(found).sort_values("mean", ascending=False, kind="stable")
