"""What a model reads: how much worse it gets when a column is shuffled.

By hand, since scikit-learn's `permutation_importance` wants an estimator and one array: a dummy and
a cast for each kind of column would be longer than the loop.

Reference: Breiman, *Random forests*, 2001, section 10.
"""

import numpy as np
import pandas as pd

#: Rows at most that are shuffled, and how often.
ROWS, REPEATS = 2000, 5


def permutation_importances(predict, loss, inputs, names) -> pd.DataFrame:
    """Shuffles one column after the other, and scores what the model then predicts.

    Columns that say the same share their importance: shuffling one leaves the other.

    Args:
        predict: Function of inputs.
        loss: Function of predictions; lower is better.
        inputs: Arrays of some rows, `{"numeric": ..., "categories": ...}`, of the kinds there are.
        names: Names of the columns, the numeric ones first.

    Returns:
        The `column`s, the most important first, by how much the loss grows on average over the
        shuffles (`mean`), and its standard deviation over them (`deviation`).

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(200, 2))
        >>> error = lambda y: float(np.mean((y - x[:, 0]) ** 2))
        >>> found = permutation_importances(
        ...     lambda inputs: inputs["numeric"][:, 0], error, {"numeric": x}, ["read", "ignored"]
        ... )
        >>> found["column"].tolist(), (found["mean"] > 1).tolist()
        (['read', 'ignored'], [True, False])
    """
    base = loss(predict(inputs))
    generator = np.random.default_rng(0)
    worse = []
    for kind in sorted(inputs, reverse=True):  # the numeric ones first
        for column in range(inputs[kind].shape[1]):
            shuffled = inputs[kind].copy()
            losses = []
            for _ in range(REPEATS):
                shuffled[:, column] = generator.permutation(inputs[kind][:, column])
                losses.append(loss(predict({**inputs, kind: shuffled})) - base)
            worse.append(losses)
    found = {"column": names, "mean": np.mean(worse, axis=1), "deviation": np.std(worse, axis=1)}
    return pd.DataFrame(found).sort_values("mean", ascending=False, kind="stable")
