"""Splits of labelled texts in which no text is in two parts."""

import numpy as np
import pandas as pd

from recipes.dataframes.loading import SPLIT_SEED, rare_classes
from recipes.dataframes.target import Target
from recipes.errors import UserError
from recipes.supervised.splits import stratified


def text_keys(texts) -> list[str]:
    """For each text what it shares with those that differ in case and spaces alone.

    >>> text_keys(["So good!", "SO  good! "])
    ['so good!', 'so good!']
    """
    return [" ".join(text.lower().split()) for text in texts]


def split_texts(texts, target, fractions):
    """Splits texts class by class; one that occurs twice is in one part, with its twin.

    The parts are the same whatever the seed of a run.

    Args:
        texts: Strings.
        target: The `Target` of each.
        fractions: Share of each part that is held out, by its name; 0 for none.

    Returns:
        Positions of the texts by part, those to train on as `"train"`; and notes.

    Raises:
        UserError: If nothing would be left to train on.

    Example:
        >>> import pandas as pd
        >>> from recipes.dataframes.target import read_target
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
            kept, chosen = stratified(values[rest], share / left, SPLIT_SEED)
            parts[name] = rest[chosen]
            rest, left = rest[kept], left - share
    parts["train"] = rest
    notes = rare_classes(Target(target.name, values, target.labels), parts)
    rows = {name: np.flatnonzero(np.isin(groups, chosen)) for name, chosen in parts.items()}
    return rows, (*_repeats(groups, target), *notes)


def without_shared(texts, rows, held_out):
    """Leaves texts out of the training part that are held out, too.

    Args:
        texts: Strings.
        rows: Positions of those to train on.
        held_out: Positions of those of the other parts.

    Returns:
        What is left of `rows`, and notes.
    """
    known = set(text_keys(texts[held_out]))
    kept = np.array([key not in known for key in text_keys(texts[rows])], bool)
    if kept.all():
        return rows, ()
    return rows[kept], (f"{(~kept).sum():,} training texts left out that are held out, too",)


def _repeats(groups, target):
    repeated = len(groups) - len(set(groups))
    if not repeated:
        return ()
    unlike = int((pd.Series(target.values).groupby(groups).nunique() > 1).sum())
    return (
        f"{repeated:,} texts repeat another one, but for case and spaces: both are in the same "
        "part",
    ) + (f"{unlike:,} texts occur with different labels",) * bool(unlike)
