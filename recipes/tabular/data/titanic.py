"""Titanic: 891 passengers, and who survived.

The published training file; the test file that goes with it has no labels.

Reference: book, chapter 3, exercise 3.
"""

import pandas as pd

from recipes.data.download import fetch
from recipes.data.files import open_table


def titanic() -> pd.DataFrame:
    """The passengers, one a row, with twelve columns; `Survived` is 0 or 1.

    Raises:
        UserError: The file is damaged or cannot be downloaded.
    """
    return open_table(fetch("titanic")).frame()
