"""What rows near in the right columns had for a target, as features that leak nothing.

Boosted trees cut tables into boxes and remember what is in them; a network that sees the targets of
the nearest training rows can do the same (Gorishniy et al., *TabR*, 2023). Which columns make rows
near is learned from the training rows: a weight for each, by coordinate descent, such that a row's
nearest neighbors, itself left out, predict its target best.
"""

import numpy as np

import zoo

#: Name of the layer, and of what it says among the inputs of a model in training.
NEIGHBORS = "neighbors"
#: Training rows that can be neighbors; those among them where the weights are chosen; and those of
#: these whose errors count.
CANDIDATES, SOUGHT, ASKED = 20_000, 3_000, 1_000
#: Parts of the training rows, each of which finds its neighbors in the others. (Were each row left
#: out of its own mean alone, what is missing in that of rows nearby would tell its target.)
FOLDS = 10
#: Rows that are asked at once, and those from which on XLA is worth the second that it takes: it
#: finds neighbors several times as fast.
AT_ONCE, MANY = 1024, 100_000
#: Neighbors by which a metric is judged, and times that a weight is tried in one sweep.
JUDGED, SWEEPS = 8, 3
#: Classes at most: each but the first is a target.
MOST_CLASSES = 12


def neighbors(features, target, rows, seed=0):
    """The layer that finds neighbors, and the features of all rows to train and to validate with.

    `features` `{"numeric": ..., "categories": ...}` are those of all rows, scaled, and `rows` the
    positions of the parts; the seed chooses among training rows, where there are too many.

    Returns:
        A `zoo.layers.NearestTargets` of training and validation rows, and an array `(rows,
        features)` of training rows alone, in which none of them has seen its own target.
    """
    train = rows["train"]
    values = targets_of(target, train)
    order = np.random.default_rng(seed).permutation(train)
    some = order[:SOUGHT]
    weights = metric({name: part[some] for name, part in features.items()}, values[some])

    def among(rows):
        rows = np.sort(rows)
        known = {name: part[rows] for name, part in features.items()}
        return zoo.layers.NearestTargets.from_data(known, values[rows], weights, name=NEIGHBORS)

    chosen = order[:CANDIDATES]
    found = _ask(among(chosen), features, np.arange(len(values)))
    for fold in range(min(FOLDS, len(chosen))):
        own = chosen[fold::FOLDS]
        found[own] = _ask(among(np.setdiff1d(chosen, own)), features, own)
    return among(np.concatenate([order, rows["validation"]])[:CANDIDATES]), found


def _ask(layer, features, rows):
    """What a layer says of the rows at some positions."""
    import keras

    some = {name: part[rows] for name, part in features.items()}
    if len(rows) >= MANY:
        inputs = {n: keras.Input(p.shape[1:], dtype=p.dtype, name=n) for n, p in some.items()}
        model = keras.Model(inputs, layer(inputs))
        model.compile(jit_compile=True)
        return model.predict(some, batch_size=AT_ONCE, verbose=0)
    chunks = [slice(first, first + AT_ONCE) for first in range(0, len(rows), AT_ONCE)]
    parts = [layer({name: part[chunk] for name, part in some.items()}) for chunk in chunks]
    return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts])


def targets_of(target, train) -> np.ndarray:
    """Standardised numbers `(n, 1)`, or whether a row is of each class but the first."""
    if target.labels:
        return np.eye(len(target.labels), dtype="float32")[target.values][:, 1:]
    scale = target.values[train].std() or 1.0
    return np.float32((target.values - target.values[train].mean()) / scale)[:, None]


def metric(features, targets) -> np.ndarray:
    """The weight of each column by which neighbors predict best, themselves left out.

    Of some rows with scaled features and targets `(rows, targets)`. Weights of the numeric columns,
    then of those of categories: 0, or powers of 2.

    >>> x = np.random.default_rng(0).normal(size=(300, 2))
    >>> weights = metric({"numeric": x}, np.sin(3 * x[:, :1]))
    >>> bool(weights[0] > weights[1])
    True
    """
    columns = [(name, np.float32(column)) for name, part in features.items() for column in part.T]

    def squares(index):
        name, column = columns[index]
        if name == "categories":
            return np.float32(2 * (column[:ASKED, None] != column))
        return np.square(column[:ASKED, None] - column)

    weights = np.ones(len(columns))
    total = sum(squares(index) for index in range(len(columns)))
    np.fill_diagonal(total, np.inf)
    best = _error(total, targets)
    for _ in range(SWEEPS):
        before = best
        for index in range(len(columns)):
            own = squares(index)
            for factor in (2.0, 0.5, 0.0):
                while weights[index]:
                    trial = weights[index] * factor
                    changed = np.maximum(total + (trial**2 - weights[index] ** 2) * own, 0)
                    error = _error(changed, targets)
                    if not error < best * (1 - 5e-4):
                        break
                    best, total, weights[index] = error, changed, trial
        if best > 0.998 * before:
            break
    return weights


def _error(squares, targets):
    """Mean squared error of the nearest neighbors' means, by squared distances `(asked, all)`."""
    count = min(JUDGED, len(targets) - 1)
    near = np.argpartition(squares, count - 1, axis=1)[:, :count]
    distance = np.sqrt(np.take_along_axis(squares, near, axis=1))
    share = 1 / (distance + 0.1 * distance.max(axis=1, keepdims=True) + 1e-3)
    means = (share[..., None] * targets[near]).sum(axis=1) / share.sum(axis=1, keepdims=True)
    return float(np.square(means - targets[: len(means)]).mean())
