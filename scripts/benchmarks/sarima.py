"""Chapter 15's SARIMA on Chicago's ridership: fitted anew every day, one day ahead.

The book fits order (1, 0, 0) and seasonal order (0, 1, 1, 7) to the boardings of trains from
January 2019 to the day before, and has a mean absolute error of 32,041 over March to May (3rd
edition). The same is done for the days of the recipe's test part.
"""

import time
import warnings

import numpy as np

from recipes.engine.tables import markdown
from recipes.forecast.data.ridership import ridership

ORIGIN = np.datetime64("2019-01-01")
#: Days to forecast, and the book's error.
PERIODS = {
    "March to May 2019": ("2019-03-01", "2019-05-31", "32,041"),
    # A window of 56 days inside the part comes before the recipe's first forecast.
    "the recipe's test part": ("2019-07-27", "2020-02-29", ""),
}


def errors(first, last) -> np.ndarray:
    """Absolute errors of the days from `first` to `last`."""
    from statsmodels.tsa.arima.model import ARIMA

    series = ridership(["rail"], [], False)
    values = np.float64(series.values[:, 0])
    days = series.times.astype("datetime64[D]")
    begin, start, end = (int(np.flatnonzero(days == np.datetime64(day))[0])
                         for day in (ORIGIN, first, last))  # fmt: skip
    found = []
    for today in range(start, end + 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of starting values, and of fits that stop early
            model = ARIMA(values[begin:today], order=(1, 0, 0), seasonal_order=(0, 1, 1, 7))
            found.append(abs(model.fit().forecast()[0] - values[today]))
    return np.array(found)


def ridership_errors() -> dict:
    """Mean absolute error and seconds of each period."""
    found = {}
    for name, (first, last, _) in PERIODS.items():
        began = time.perf_counter()
        found[name] = [float(errors(first, last).mean()), time.perf_counter() - began]
    return found


def table(found) -> str:
    """What `ridership_errors` found, beside the book's figure."""
    rows = [["days", "MAE of SARIMA", "book", "seconds"]]
    for name, (mean, seconds) in found.items():
        rows.append([name, f"{mean:,.0f}", PERIODS[name][2], f"{seconds:.0f}"])
    return markdown(rows, 1)
