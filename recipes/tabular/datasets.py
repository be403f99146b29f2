"""The named data sets of the recipe.

Reference: Efron et al., *Least angle regression*, 2004 (diabetes); Pace and Barry, *Sparse spatial
autoregressions*, 1997, and the book's chapters 2 and 10 (housing); the book's chapter 3, exercise 3
(titanic).
"""

import numpy as np
import pandas as pd

from recipes.data.download import fetch
from recipes.data.files import open_table


def diabetes() -> pd.DataFrame:
    """442 patients, ten measurements in their units, and the progression a year later, `target`.

    They come with scikit-learn, so they need no network.

    >>> diabetes().shape
    (442, 11)
    """
    from sklearn.datasets import load_diabetes  # slow to import, and other data does without

    return load_diabetes(as_frame=True, scaled=False).frame


def titanic() -> pd.DataFrame:
    """The 891 passengers, one a row, with twelve columns; `Survived` is 0 or 1.

    The published training file; the test file that goes with it has no labels. A `UserError` if the
    file is damaged or cannot be downloaded.
    """
    return open_table(fetch("titanic")).frame()


def housing() -> pd.DataFrame:
    """The 20,640 rows and ten columns of the book's second chapter, see `fetch`.

    California's block groups in the census of 1990, and what their houses cost. Eight numeric
    columns (207 values of `total_bedrooms` are missing), the text column
    `ocean_proximity`, and the target `median_house_value` in dollars, which ends at 500,001.
    """
    return open_table(fetch("housing")).frame()


def housing_book() -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The eight features, the target and the split of the book's chapter 10.

    They are derived from `housing()`, so that the 207 values of `AveBedrms` that scikit-learn's
    copy has are missing here.

    Returns:
        The table, with the target `MedHouseVal` in 100,000 dollars, and the rows of the parts
        `train` (11,610), `validation` (3,870) and `test` (5,160) in the book's order.
    """
    from sklearn.model_selection import train_test_split  # slow, and other data does without

    raw = housing()
    households = raw["households"]
    frame = pd.DataFrame(
        {
            "MedInc": raw["median_income"],
            "HouseAge": raw["housing_median_age"],
            "AveRooms": raw["total_rooms"] / households,
            "AveBedrms": raw["total_bedrooms"] / households,
            "Population": raw["population"],
            "AveOccup": raw["population"] / households,
            "Latitude": raw["latitude"],
            "Longitude": raw["longitude"],
            "MedHouseVal": raw["median_house_value"] / 100_000,
        }
    )
    rest, test = train_test_split(np.arange(len(frame)), random_state=42)
    train, validation = train_test_split(rest, random_state=42)
    return frame, {"train": train, "validation": validation, "test": test}
