"""Texts with a label each: files of the user's own."""

from dataclasses import dataclass

import numpy as np

from recipes.dataframes.target import Target


@dataclass(frozen=True)
class LabelledTexts:
    """The texts of a run.

    Args:
        texts: Strings, `(n,)` objects.
        target: The class of each.
        numbers: Number of each text in its file, from 1.
        rows: Positions of the texts of each part, by its name.
        source: Name of the file or data set, for messages.
        notes: What was done to the data, in words.
    """

    texts: np.ndarray
    target: Target
    numbers: np.ndarray
    rows: dict[str, np.ndarray]
    source: str
    notes: tuple[str, ...] = ()
