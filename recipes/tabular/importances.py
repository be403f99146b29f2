"""What a model reads: how much worse it gets when a column is shuffled.

Reference: Breiman, *Random forests*, 2001, section 10.
"""

from dataclasses import dataclass

import numpy as np

#: Rows at most that are shuffled, and how often.
ROWS, REPEATS = 2000, 5


@dataclass(frozen=True)
class Importance:
    """The importance of one column.

    Args:
        name: The column.
        mean: By how much the score gets worse, on average over the shuffles.
        deviation: Standard deviation over the shuffles.
    """

    name: str
    mean: float
    deviation: float


def permutation_importances(predict, loss, inputs, names) -> list[Importance]:
    """Shuffles one column after the other, and scores what the model then predicts.

    Columns that say the same share their importance: shuffling one leaves the other.

    Args:
        predict: Function of inputs.
        loss: Function of predictions; lower is better.
        inputs: Arrays of some rows, `{"numeric": ..., "categories": ...}`, of the kinds there are.
        names: Names of the columns, the numeric ones first.

    Returns:
        An `Importance` for each column, the largest first.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(200, 2))
        >>> error = lambda y: float(np.mean((y - x[:, 0]) ** 2))
        >>> found = permutation_importances(
        ...     lambda inputs: inputs["numeric"][:, 0], error, {"numeric": x}, ["read", "ignored"]
        ... )
        >>> [(each.name, each.mean > 1) for each in found]
        [('read', True), ('ignored', False)]
    """
    base = loss(predict(inputs))
    generator = np.random.default_rng(0)
    places = [(kind, i) for kind in ("numeric", "categories") for i in _columns(inputs, kind)]
    found = []
    for name, (kind, column) in zip(names, places, strict=True):
        worse = []
        for _ in range(REPEATS):
            shuffled = inputs[kind].copy()
            shuffled[:, column] = generator.permutation(shuffled[:, column])
            worse.append(loss(predict({**inputs, kind: shuffled})) - base)
        found.append(Importance(name, float(np.mean(worse)), float(np.std(worse))))
    return sorted(found, key=lambda each: -each.mean)


def _columns(inputs, kind):
    return range(inputs[kind].shape[1]) if kind in inputs else ()
