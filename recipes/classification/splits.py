"""Splits of labelled examples that keep the fraction of each class, and weights that level it.

By hand, since scikit-learn's refuse a class with a single example, and one with none.
"""

import numpy as np

#: Examples with a label or target at least, so that every part has some.
FEWEST = 30
#: The default of `--split_seed`: the parts are the same whatever the seed of a run, so that runs
#: can be compared.
SPLIT_SEED = 42


def dealt(groups, count, seed=SPLIT_SEED) -> np.ndarray:
    """Deals examples out to folds, group by group, so that each has its share of every group.

    Args:
        groups: Group of each example, such as its class, `(n,)`.
        count: Number of folds.
        seed: Seed of the choice.

    Returns:
        Number of the fold of each example, from 0, int64 `(n,)`.

    Example:
        >>> from recipes.classification.splits import dealt
        >>> sorted(dealt(np.array([1, 1, 1, 0, 0, 0]), 3)[:3].tolist())
        [0, 1, 2]
    """
    order = np.random.default_rng(seed).permutation(len(groups))
    order = order[np.argsort(groups[order], kind="stable")]
    fold_of = np.empty(len(groups), np.int64)
    fold_of[order] = np.arange(len(groups)) % count
    return fold_of


def stratified(labels, fraction, seed) -> tuple[np.ndarray, np.ndarray]:
    """Splits examples in two, class by class.

    Args:
        labels: Class of each example, `(n,)`.
        fraction: That of the second part, above 0 and below 1. Every class that has two examples
            or more has one at least in either part; a single one stays in the first.
        seed: Seed of the choice.

    Returns:
        Positions of the first and of the second part, both in ascending order.

    Example:
        >>> from recipes.classification.splits import stratified
        >>> first, second = stratified(["a", "a", "a", "a", "b", "b"], 0.25, seed=1)
        >>> len(first), len(second)
        (4, 2)
    """
    labels = np.asarray(labels)
    generator = np.random.default_rng([seed, 0x5711])
    second = []
    for name in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == name))
        wanted = int(np.floor(fraction * len(members) + 0.5))
        second.append(members[: min(max(wanted, 1), len(members) - 1)])
    chosen = np.zeros(len(labels), bool)
    chosen[np.concatenate(second)] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def stratified_sample(labels, size, seed) -> np.ndarray:
    """Chooses examples so that each class keeps its share, and has one at least.

    Args:
        labels: Class of each example, `(n,)`.
        size: Number of examples, from the number of classes to that of the examples.
        seed: Seed of the choice.

    Returns:
        Positions, in ascending order.

    Example:
        >>> from recipes.classification.splits import stratified_sample
        >>> len(stratified_sample([0, 0, 0, 0, 0, 0, 1, 1, 1], 3, seed=1))
        3
    """
    labels = np.asarray(labels)
    generator = np.random.default_rng([seed, 0x5A4])
    names, counts = np.unique(labels, return_counts=True)
    quota = np.maximum(1, np.floor(size * counts / len(labels)).astype(int))
    while quota.sum() != size:  # rounding left a few over, or the least one made it a few too many
        step = 1 if quota.sum() < size else -1
        share = quota / (size * counts / len(labels))
        possible = quota < counts if step > 0 else quota > 1
        quota[np.argmin(np.where(possible, step * share, np.inf))] += step
    chosen = [
        generator.permutation(np.flatnonzero(labels == name))[:number]
        for name, number in zip(names, quota, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def balanced_weights(labels, count) -> np.ndarray:
    """Weights that make every class count alike in the loss: 1 on average over the examples.

    Args:
        labels: Class of each example, whole numbers, `(n,)`.
        count: Number of classes.

    Returns:
        The weight of each class, `(count,)` float32; 1 for one without examples.

    Example:
        >>> from recipes.classification.splits import balanced_weights
        >>> balanced_weights([0, 0, 0, 0, 1, 1], 2).tolist()
        [0.75, 1.5]
    """
    found = np.bincount(np.asarray(labels), minlength=count)
    present = found > 0
    weights = len(labels) / (present.sum() * np.maximum(found, 1))
    return np.where(present, weights, 1.0).astype(np.float32)
