"""What a model reads of a date: its parts, as numbers."""

from typing import Any

import numpy as np

_US = "datetime64[us]"
_DAY = np.timedelta64(86_400_000_000, "us")


def date_parts(times: Any, newest: Any) -> dict[str, np.ndarray]:
    """The parts of dates, each a float64 array of their shape, NaN where a date is missing.

    Args:
        times: Dates that NumPy reads, without time zones; `NaT` where one is missing.
        newest: The date that `age` counts back from; ages of later ones are negative.

    Returns:
        `year`; `month`, from 1; `day` of the month, from 1; `weekday`, 0 on Mondays; `hour`, with
        minutes as its fraction; and `age`, in days.

    >>> parts = zoo.layers.date_parts(["2024-02-29T13:30", "NaT"], "2024-03-01")
    >>> {name: float(values[0]) for name, values in parts.items()}
    {'year': 2024.0, 'month': 2.0, 'day': 29.0, 'weekday': 3.0, 'hour': 13.5, 'age': 0.4375}
    """
    times = np.asarray(times, _US)
    days, months = times.astype("datetime64[D]"), times.astype("datetime64[M]")
    counted = months.astype(np.int64), days.astype(np.int64)
    found = {
        "year": 1970 + counted[0] // 12,
        "month": counted[0] % 12 + 1,
        "day": (days - months.astype("datetime64[D]")).astype(np.int64) + 1,
        "weekday": (counted[1] + 3) % 7,  # the first of January 1970 was a Thursday
        "hour": 24 * ((times - days) / _DAY),
        "age": (np.datetime64(newest, "us") - times) / _DAY,
    }
    return {name: np.where(np.isnat(times), np.nan, part) for name, part in found.items()}


def known_date(times: Any) -> dict[str, Any]:
    """What `TableColumns` keeps of a column of training dates.

    Args:
        times: The dates, as for `date_parts`.

    Returns:
        The `newest` one, and which `parts` differ among them; of a single date its `age`. The
        weekday is none of months or quarters, whose day is always the same.

    >>> zoo.layers.known_date(["2024-02-29", "2024-02-01", "NaT"])
    {'newest': '2024-02-29T00:00:00.000000', 'parts': ['day', 'age']}
    """
    times = np.asarray(times, _US)
    present = times[~np.isnat(times)]
    newest = max(present, default=np.datetime64(0, "us"))
    parts = [name for name, part in date_parts(present, newest).items() if len(np.unique(part)) > 1]
    if "day" not in parts and "weekday" in parts:
        parts.remove("weekday")
    return {"newest": str(newest), "parts": parts or ["age"]}
