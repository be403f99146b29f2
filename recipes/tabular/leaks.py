"""Columns that give the target away."""

import shlex

import numpy as np
import pandas as pd

from zoo.categories import category_strings

#: A correlation that only rounding keeps from being perfect.
_PERFECT = 1 - 1e-9


def leaks(frame, columns, target) -> list[str]:
    """Notes on columns that say what is to be predicted, in other words.

    These are columns whose values and the target's are the same but for their names, and numbers
    that are the target in other units, or that grow or fall with it without exception. Rows where a
    column says nothing are passed over.

    >>> from recipes.data.columns import Columns
    >>> from recipes.data.target import Target
    >>> frame = pd.DataFrame({"cents": np.arange(40) ** 2 * 100})
    >>> note, = leaks(frame, Columns(("cents",), ()), Target("euros", np.arange(40.0) ** 2))
    >>> note[:61]
    "column 'cents' gives euros away: it is euros in another unit."
    """
    notes = []
    for name in columns.names:
        how = None if name in columns.dates else _how(frame[name], name in columns.numeric, target)
        if how:
            notes.append(
                f"column {name!r} gives {target.name} away: {how}. If it is not known before "
                f"{target.name} is, leave it out: --drop {shlex.quote(name)}"
            )
    return notes


def _how(column, numeric, target):
    """In words, how a column tells the target; `None` if it does not."""
    present = column.notna().to_numpy()
    values, truth = column[present], target.values[present]
    if len(values) < 2 or 2 * len(values) < len(column):
        return None
    codes = pd.factorize(values if numeric else pd.Series(category_strings(values)))[0]
    named = pd.factorize(truth)[0]
    different, classes = codes.max() + 1, named.max() + 1
    alike = 2 * different <= len(values) and 1 < different == classes
    if alike and len(np.unique(codes * classes + named)) == classes:
        return f"each of its {different} values stands for one of {target.name}"
    if not numeric or target.labels:
        return None
    values = values.to_numpy(np.float64)
    if np.ptp(values) and np.ptp(truth) and abs(np.corrcoef(values, truth)[0, 1]) > _PERFECT:
        same = np.array_equal(values, truth)
        return "it is the same" if same else f"it is {target.name} in another unit"
    order = np.argsort(truth, kind="stable")
    steps = np.diff(values[order])[np.diff(truth[order]) > 0]
    level = np.diff(values[order])[np.diff(truth[order]) == 0]
    if not level.any() and ((steps > 0).all() or (steps < 0).all()):
        return f"it grows or falls with {target.name} without exception"
    return None
