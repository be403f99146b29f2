"""Splits of labelled texts, and folds, in which no text is in two parts."""

import numpy as np
import pandas as pd

from recipes.classification.splits import SPLIT_SEED, folds, rare_classes, stratified
from recipes.engine.tables import counted
from recipes.errors import UserError


def text_keys(texts) -> list[str]:
    """For each text what it shares with those that differ in case and spaces alone.

    >>> text_keys(["So good!", "SO  good! "])
    ['so good!', 'so good!']
    """
    return [" ".join(text.lower().split()) for text in texts]


def split_texts(texts, target, fractions, seed=SPLIT_SEED):
    """Splits texts class by class; one that occurs twice is in one part, with its twin.

    The parts are the same whatever the seed of a run. A `UserError` if a part would be empty.

    Returns:
        Positions of the texts by part, those to train on as `"train"`; and notes.

    >>> from recipes.data.target import read_target
    >>> target = read_target(pd.Series(["no", "yes"] * 2, name="paid"), "bills.csv")
    >>> split_texts(["1", "2", "3", "4"], target, {"test": 0.5})[0]
    {'test': array([1, 2]), 'train': array([0, 3])}
    """
    if sum(fractions.values()) >= 1:
        raise UserError(
            "Expected --validation_fraction and --test_fraction to sum to less than 1. "
            f"Received: {' and '.join(map(str, fractions.values()))}."
        )
    groups, _ = pd.factorize(np.array(text_keys(texts), object))
    _, firsts = np.unique(groups, return_index=True)
    values = target.values[firsts]
    rest, left, parts = np.arange(len(firsts)), 1.0, {}
    for name, share in fractions.items():
        if share:
            kept, chosen = stratified(values[rest], share / left, seed)
            parts[name] = rest[chosen]
            rest, left = rest[kept], left - share
    parts["train"] = rest
    rows = {name: np.flatnonzero(np.isin(groups, chosen)) for name, chosen in parts.items()}
    for name, part in rows.items():
        if not len(part):
            raise UserError(
                f"Expected texts enough for a {name} part. Received: "
                f"{counted(len(firsts), 'different text')} in {len(groups):,} rows, where those "
                "that repeat another one, but for case and spaces, are in the same part. So few "
                "are categories, which `zoo train tabular` learns from. Or name another column "
                "with --text."
            )
    return rows, (*_repeats(groups, target), *rare_classes(target, rows, "different text", groups))


def without_shared(texts, rows, held_out):
    """Leaves those texts out of the training rows that are held out, too; and notes.

    A `UserError` if nothing is left.
    """
    known = set(text_keys(texts[held_out]))
    kept = np.array([key not in known for key in text_keys(texts[rows])], bool)
    if kept.all():
        return rows, ()
    if not kept.any():
        raise UserError(
            "Expected training texts that are not held out for validation or the test. Received: "
            f"{len(rows):,} that all are, but for case and spaces."
        )
    return rows[kept], (f"{(~kept).sum():,} training texts left out that are held out, too",)


def fold_rows(labelled, pool, count, validation_fraction, seed) -> dict:
    """The positions of the texts of each part of each fold; what occurs twice is in one part.

    The pool is all but the test texts; the fraction is that of what a fold does not test on. A
    `UserError` if a class has fewer different texts than there are folds.
    """
    groups, _ = pd.factorize(np.array(text_keys(labelled.texts[pool]), object))
    _, firsts = np.unique(groups, return_index=True)
    values = labelled.target.values[pool][firsts]
    counts = np.bincount(values, minlength=len(labelled.target.labels))
    rarest = int(np.where(counts, counts, counts.max()).argmin())
    if counts[rarest] < count:
        raise UserError(
            f"--folds {count} needs {count} different texts of every class outside the test part. "
            f"Received: {counts[rarest]} of {labelled.target.labels[rarest]!r}. Lower --folds."
        )
    return {
        name: {part: pool[np.isin(groups, chosen)] for part, chosen in parts.items()}
        for name, parts in folds(values, count, validation_fraction, seed).items()
    }


def _repeats(groups, target):
    repeated = len(groups) - len(set(groups))
    if not repeated:
        return ()
    unlike = int((pd.Series(target.values).groupby(groups).nunique() > 1).sum())
    note = (
        f"{counted(repeated, 'text')} repeat{'s' * (repeated == 1)} another one, but for case and "
        "spaces: both are in the same part"
    )
    if not unlike:
        return (note,)
    return note, f"{counted(unlike, 'text')} occur{'s' * (unlike == 1)} with different labels"
