"""Diabetes: 442 patients, ten measurements, and the progression a year later.

It comes with scikit-learn, so it needs no network.

Reference: Efron et al., *Least angle regression*, 2004.
"""

import pandas as pd


def diabetes() -> pd.DataFrame:
    """The patients, one a row, in the units of the measurements; the target is `target`.

    Example:
        >>> diabetes().shape
        (442, 11)
    """
    from sklearn.datasets import load_diabetes  # slow to import, and other data does without

    return load_diabetes(as_frame=True, scaled=False).frame
