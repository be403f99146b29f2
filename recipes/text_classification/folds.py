"""Cross-validation of a text classifier."""

import numpy as np
import pandas as pd

from recipes.classification.splits import folds
from recipes.errors import UserError
from recipes.text_classification.data.text_splits import text_keys


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
