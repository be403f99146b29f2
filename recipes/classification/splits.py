"""Splits of labelled examples that keep the fraction of each class, and weights that level it.

By hand, since scikit-learn's refuse a class with a single example, and one with none.
"""

import numpy as np

from recipes.errors import UserError

#: Examples with a label or target at least, so that every part has some.
FEWEST = 30
#: The default of `--split_seed`: the parts are the same whatever the seed of a run, so that runs
#: can be compared.
SPLIT_SEED = 42


def folds(groups, count, fraction, seed=SPLIT_SEED) -> dict[str, dict[str, np.ndarray]]:
    """Positions of the examples of each part of each fold, which has its share of every group.

    The fraction is that of the validation part in what a fold does not test on.

    >>> found = folds(np.array([1, 1, 1, 0, 0, 0, 0, 0, 0]), 3, 0.5)
    >>> {name: len(rows) for name, rows in found["1 of 3"].items()}
    {'train': 3, 'validation': 3, 'test': 3}
    """
    order = np.random.default_rng(seed).permutation(len(groups))
    order = order[np.argsort(groups[order], kind="stable")]
    fold_of = np.empty(len(groups), np.int64)
    fold_of[order] = np.arange(len(groups)) % count
    found = {}
    for fold in range(count):
        rest, test = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        train, validation = (rest[part] for part in stratified(groups[rest], fraction, seed))
        found[f"{fold + 1} of {count}"] = {"train": train, "validation": validation, "test": test}
    return found


def stratified(labels, fraction, seed) -> tuple[np.ndarray, np.ndarray]:
    """Splits examples in two, class by class: positions of both parts, in ascending order.

    Every class that has two examples or more has one at least in either part; a single one stays in
    the first. The fraction is that of the second.

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
    """Positions of `size` examples, ascending: each class keeps its share, and has one at least.

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


def train_sample(config, labels, count, what) -> tuple[np.ndarray, tuple[str, ...]]:
    """Positions of `--train_size` training examples with labels of `count` classes, and a note."""
    size = config.train_size
    if not count <= size <= len(labels):
        raise UserError(
            f"--train_size must lie between {count}, the number of classes, and {len(labels):,}, "
            f"that of the training {what}. Received: {size}"
        )
    note = f"{size:,} of {len(labels):,} training {what} used"
    return stratified_sample(labels, size, config.seed), (note,)


def rare_classes(target, parts, what, groups=None) -> list[str]:
    """Notes on classes of a `Target` that are not in all parts: `{name: positions}` of `what`.

    Examples of one of the `groups` `(n,)` count once.
    """
    notes = []
    for code, label in enumerate(target.labels):
        lacking = [name for name, rows in parts.items() if code not in target.values[rows]]
        if lacking:
            own = np.flatnonzero(target.values == code)
            count = len(own if groups is None else np.unique(groups[own]))
            notes.append(
                f"class {str(label)[:40]!r} has {count} {what}{'s' * (count != 1)}: too few "
                f"for the {' and the '.join(lacking)} part, whose scores know nothing of it"
            )
    return notes


def balanced_weights(labels, count) -> np.ndarray:
    """Weights of classes `(count,)` that make every one count alike in the loss; float32.

    1 on average over the examples, and for a class without examples.

    >>> balanced_weights([0, 0, 0, 0, 1, 1], 2).tolist()
    [0.75, 1.5]
    """
    found = np.bincount(np.asarray(labels), minlength=count)
    present = found > 0
    weights = len(labels) / (present.sum() * np.maximum(found, 1))
    return np.where(present, weights, 1.0).astype(np.float32)
