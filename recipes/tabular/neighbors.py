"""What rows near in the right columns had for a target, as features that leak nothing.

Boosted trees cut tables into boxes and remember what is in them; a network that sees the targets of
the nearest training rows can do the same (Gorishniy et al., *TabR*, 2023). Which columns make rows
near is learned from the training rows: a weight for each, by gradient descent, such that a row's
neighbors, itself left out, predict its target best.
"""

import numpy as np

import zoo

#: Name of the layer, and of what it says among the inputs of a model in training.
NEIGHBORS = "neighbors"
#: Training rows that can be neighbors; those among them by which the weights are learned (if rows
#: are sparse, other columns make them near than if they are dense); and those of a step, whose
#: errors count. So few make it a search that leaves shallow valleys again.
CANDIDATES, SOUGHT, ASKED = 20_000, 10_000, 100
#: Parts of the training rows, each of which finds its neighbors in the others. (Were each row left
#: out of its own mean alone, what is missing in that of rows nearby would tell its target.)
FOLDS = 10
#: Rows that are asked at once, and those from which on XLA is worth the second that it takes: it
#: finds neighbors several times as fast.
AT_ONCE, MANY = 1024, 100_000
#: Steps of Adam by which weights are learned, the rate, and its decays of both moments.
STEPS, RATE, DECAYS = 400, 0.3, np.array([[0.9], [0.99]])
#: Logarithms of the squared weights, at most, and how they begin: the best of these for numbers. Of
#: categories at most 0: where others hardly count at all, no slope leads back.
LIMIT, WIDTHS = 12.0, np.arange(-6.0, 7.0, 2.0)
#: Values of a column of categories that this tells apart at most.
VALUES = 32
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


def metric(features, targets, seed=0) -> np.ndarray:
    """The weight of each column by which neighbors predict best, themselves left out.

    Of some rows with scaled features and targets `(rows, targets)`. Weights of the numeric columns,
    then of those of categories. A row is predicted by all others, weighted by `exp(-d)` for the
    squared distance d, which has a gradient; the seed draws the rows of each step.

    >>> x = np.random.default_rng(0).normal(size=(300, 2))
    >>> weights = metric({"numeric": x}, np.sin(3 * x[:, :1]))
    >>> bool(weights[0] > 5 * weights[1])
    True

    Reference: Goldberger et al., *Neighbourhood components analysis*, 2004; Ye et al., *Revisiting
    nearest neighbor for tabular data*, 2025.
    """
    from sklearn.preprocessing import OneHotEncoder

    generator = np.random.default_rng(seed)
    numbers, codes = (features.get(each, targets[:, :0]).T for each in ("numeric", "categories"))
    encoder = OneHotEncoder(max_categories=VALUES, sparse_output=False)
    parts = [column[:, None] for column in numbers]
    parts += [encoder.fit_transform(column[:, None]) for column in codes]
    owners = np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts])
    columns, targets = np.float32(np.concatenate(parts, axis=1)), np.float32(targets)

    def error(logarithms):
        asked = generator.choice(len(targets), min(ASKED, len(targets)), replace=False)
        return _error(logarithms, columns, targets, owners, asked)

    most = np.repeat([LIMIT, 0.0], [len(numbers), len(codes)])
    found = min((np.minimum(most, width) for width in WIDTHS), key=lambda each: error(each)[0])
    moments = np.zeros((2, len(parts)))
    for step in range(STEPS):
        _, slope = error(found)
        moments = DECAYS * moments + (1 - DECAYS) * np.stack([slope, slope**2])
        mean, square = moments / (1 - DECAYS ** (step + 1))
        rate = RATE * (1 + np.cos(np.pi * step / STEPS)) / 2
        found = np.clip(found - rate * mean / (np.sqrt(square) + 1e-8), -LIMIT, LIMIT)
    return np.exp(found / 2)


def _error(logarithms, columns, targets, owners, asked):
    """Mean squared error of what all other rows predict for those asked, and its gradient.

    By the logarithms of the squared weights of what the columns belong to.
    """
    squared, own = np.exp(np.float32(logarithms)), columns[asked]
    distances = columns**2 @ squared[owners] - 2 * (own * squared[owners]) @ columns.T
    distances[np.arange(len(asked)), asked] = np.inf
    shares = np.exp(distances.min(axis=1, keepdims=True) - distances)
    shares /= shares.sum(axis=1, keepdims=True)
    means = shares @ targets
    errors = means - targets[asked]
    slopes = 2 / len(asked) * errors  # of the means, then of the distances, then of the logarithms
    slopes = shares * ((slopes * means).sum(axis=1, keepdims=True) - slopes @ targets.T)
    slopes = slopes.sum(axis=0) @ columns**2 - 2 * (own * (slopes @ columns)).sum(axis=0)
    return np.square(errors).sum() / len(asked), squared * np.bincount(owners, slopes)
