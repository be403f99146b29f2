"""The column to predict: a number, or one of several classes."""

import contextlib
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from recipes.data import dates
from recipes.data.table_file import numeric_block
from recipes.errors import UserError
from zoo.categories import category_strings

#: Whole numbers with so many different values at most are classes.
FEW_CLASSES = 10


@dataclass(frozen=True)
class Target:
    """What is to be predicted.

    Args:
        name: The column.
        values: For a regression the numbers, float64; for a classification the numbers of the
            classes, int64. One a row.
        labels: Names of the classes in the order of their numbers; empty for a regression.
    """

    name: str
    values: np.ndarray
    labels: tuple[str, ...] = ()

    @property
    def head(self) -> str:
        """The zoo's name for what the model answers with."""
        if not self.labels:
            return "regression"
        return "binary" if len(self.labels) == 2 else "multiclass"

    def among(self, labels, source) -> "Target":
        """The same target by the numbers that a model knows its classes by.

        A `UserError` if there are classes beside the `labels` that the model knows (none for a
        regression), or it is no such target.
        """
        if bool(labels) != bool(self.labels):
            kinds = ("a number", "one of several classes")
            raise UserError(
                f"Expected the target {self.name!r} of {source} to be {kinds[bool(labels)]}, as "
                f"the run learned it. Received: {kinds[bool(self.labels)]} (--task decides)."
            )
        if unknown := [label for label in self.labels if label not in labels]:
            raise UserError(
                f"The target {self.name!r} of {source} has classes that the run does not know: "
                f"{', '.join(map(repr, unknown[:5]))}. Train anew, or leave these rows out."
            )
        places = np.array([labels.index(label) for label in self.labels], np.int64)
        return replace(self, labels=tuple(labels), values=places[self.values]) if labels else self

    def numbers(self, texts, source) -> np.ndarray:
        """Numbers of the classes that texts name; a `UserError` if one is no class."""
        found = pd.Index(self.labels).get_indexer(texts)
        unknown = np.flatnonzero(found < 0)
        if unknown.size:
            raise UserError(
                f"{source} have a class that the sample in memory lacks: {texts[unknown[0]]!r}. "
                "Raise --in_memory, or leave rows of so rare classes out."
            )
        return found

    def named(self, rows) -> np.ndarray:
        """The target of the rows at some positions: numbers, or names of classes."""
        values = self.values[rows]
        return np.array(self.labels, object)[values] if self.labels else values


def read_target(column, source, task="auto") -> Target:
    """Decides what a column without missing values asks for, and reads it.

    Texts, booleans, and whole numbers with at most 10 different values are classes; all other
    numbers are predicted as numbers. A task of `"regression"` or `"classification"` decides
    otherwise. A `UserError` if the column holds dates, one value only, mistakes, or as many classes
    as rows.

    >>> target = read_target(pd.Series(["no", "yes"] * 2, name="paid"), "bills.csv")
    >>> target.head, target.labels, target.values.tolist()
    ('binary', ('no', 'yes'), [0, 1, 0, 1])
    """
    kind, dtype = pd.api.types, column.dtype
    texts = not kind.is_numeric_dtype(dtype) and not kind.is_bool_dtype(dtype)
    if texts and dates.holds_times(column.head(50).astype(str)):
        raise UserError(
            f"The target {column.name!r} of {source} holds dates. Put what is to be predicted, "
            "such as a number of days, into a column of its own."
        )
    if column.astype(str).nunique() == 1:
        raise UserError(
            f"Expected a target with different values. Received: {column.name!r} of {source}, "
            f"which is {str(column.iloc[0])!r} in every row: there is nothing to learn."
        )
    if task == "regression" or (task == "auto" and not _are_classes(column)):
        values = numeric_block(column.to_frame(), [column.name], source)[:, 0]
        spread, size = values.std(), np.abs(values).max()
        if not (1e-6 * size < spread and 1e-15 < spread < 1e15):  # 32-bit floats see none
            raise UserError(
                f"Expected values of {column.name!r} that deviate by at least a millionth of their "
                f"size, and by 1e-15 to 1e15. Received: {spread:.1e} around {values.mean():.6g}. "
                "Subtract a constant, or multiply the column by a power of ten."
            )
        return Target(column.name, values)
    return _classes(column, source)


def _are_classes(column):
    kind = pd.api.types
    if kind.is_bool_dtype(column.dtype) or not kind.is_numeric_dtype(column.dtype):
        return True
    values = column.to_numpy(np.float64)
    return bool((values == np.floor(values)).all()) and len(np.unique(values)) <= FEW_CLASSES


def _classes(column, source):
    texts = category_strings(column)
    labels = sorted(map(str, {*texts}))
    with contextlib.suppress(ValueError):
        labels = sorted(labels, key=float)  # numbers by size, texts by the alphabet
    if 2 * len(labels) > len(texts):
        raise UserError(
            f"Expected classes in the target {column.name!r} of {source}. Received: "
            f"{len(labels):,} different values in {len(texts):,} rows, as in names or free text. "
            "Name the column of classes with --target."
        )
    return Target(column.name, pd.Index(labels).get_indexer(texts).astype(np.int64), tuple(labels))
