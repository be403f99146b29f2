"""What a model reads: how much worse it gets when a column is shuffled.

Reference: Breiman, *Random forests*, 2001, section 10; Shao and Wu, *A general theory for jackknife
variance estimation*, 1989.
"""

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.dummy import DummyRegressor
from sklearn.inspection import permutation_importance

from recipes.tabular.intervals import LEVEL

#: Rows at most that are shuffled, and how many halves of them.
ROWS, REPEATS = 2000, 10


def permutation_importances(predict, losses, inputs, places, score=float) -> pd.DataFrame:
    """Shuffles one column after the other, and scores what the model then predicts.

    Each time half of the rows, drawn at random, is shuffled and compared with itself as it was. So
    the results differ as if other rows had been tested: the variance of a mean over half of the
    rows, around that over all, is the variance of the latter. The interval is Student's t of them.
    Columns that say the same share their importance: shuffling one leaves the other.

    Args:
        predict: Function of inputs.
        losses: Function of predictions and the positions of their rows: the loss of each row.
        inputs: Arrays of some rows, `{"numeric": ..., "categories": ...}`, of the kinds there are.
        places: The input and the columns in it of each of the table's columns, see
            `zoo.layers.TableColumns.places`.
        score: Function of a mean loss, such as a square root.

    Returns:
        The `column`s, the most important first, by how much the score of the loss grows (`mean`),
        and the ends of the 95 % interval of that (`low`, `high`).

    Example:
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

    def increase(_, sources, rows):
        """Minus what is lost if each column's values come from other rows, its `sources`."""
        if len(rows) == count:
            return 0.0  # as they are
        shuffled = {kind: array[rows] for kind, array in inputs.items()}
        for column, (kind, those) in zip(sources.T, places.values(), strict=True):
            shuffled[kind][:, those] = inputs[kind][column][:, those]
        return score(before[rows].mean()) - score(losses(predict(shuffled), rows).mean())

    rows = np.arange(count)
    sources = np.repeat(rows[:, None], len(places), axis=1)
    halves = [
        permutation_importance(
            DummyRegressor(),  # asked for, and not used
            sources,
            rows,
            scoring=increase,
            n_repeats=1,
            max_samples=0.5,
            random_state=seed,
        ).importances_mean
        for seed in range(REPEATS)
    ]
    mean = np.mean(halves, axis=0)
    half = stats.t.ppf((1 + LEVEL) / 2, REPEATS - 1) * np.std(halves, axis=0, ddof=1)
    found = {"column": list(places), "mean": mean, "low": mean - half, "high": mean + half}
    return pd.DataFrame(found).sort_values("mean", ascending=False, kind="stable")
