"""Daily boardings of Chicago's buses and trains, 2001-01-01 to 2021-11-30.

Reference: Hands-On Machine Learning (third edition), chapter 15; City of Chicago data portal.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from recipes.data.download import fetch, open_bytes
from recipes.forecast.data.series import TimeSeries

DAY_TYPES = ("A", "U", "W")  # Saturday; Sunday or holiday; weekday
COLUMNS = ("bus", "rail")


def ridership(
    targets: Sequence[str] = ("rail",),
    past_covariates: Sequence[str] = (),
    day_type: bool = False,
    future: int = 0,
) -> TimeSeries:
    """Loads the ridership of the Chicago Transit Authority, a daily series, in riders a day.

    Of `"rail"` and `"bus"`, some are targets and others past covariates. The `day_type`, known in
    advance and for `future` days beyond the end, too, is one-hot columns `day_type_A` (Saturday),
    `day_type_U` (Sunday or holiday) and `day_type_W` (weekday). A `ValueError` for other names.
    """
    names = tuple(targets) + tuple(past_covariates)
    if not targets or len(set(names)) < len(names) or not set(names) <= set(COLUMNS):
        raise ValueError(
            f"Expected targets and covariates to be distinct names out of {COLUMNS}, at least one "
            f"target. Received: targets={targets}, past_covariates={past_covariates}"
        )
    with open_bytes(fetch("ridership")) as file:
        table = pd.read_csv(file, usecols=["service_date", "day_type", "bus", "rail_boardings"])
    table["service_date"] = pd.to_datetime(table["service_date"], format="%m/%d/%Y")
    rows, table = len(table), table.drop_duplicates().sort_values("service_date")
    table = table.rename(columns={"rail_boardings": "rail"})
    times = table["service_date"].to_numpy("datetime64[s]")
    days = np.arange(1, future + 1).astype("timedelta64[D]")
    future_times = (times[-1].astype("datetime64[D]") + days).astype("datetime64[s]")
    notes = [f"{rows - len(table)} duplicate rows dropped"]
    weekday = pd.DatetimeIndex(future_times).day_of_week
    ahead = np.where(weekday == 5, "A", np.where(weekday == 6, "U", "W"))
    kinds = np.concatenate([table["day_type"].to_numpy(str), ahead])
    known = DAY_TYPES if day_type else ()
    if known and future:
        notes.append(
            f"the kind of day of the {future} days after the end is derived from the weekday: "
            "holidays are not known there"
        )
    return TimeSeries(
        values=table[list(names)].to_numpy(np.float32),
        targets=tuple(targets),
        past_covariates=tuple(past_covariates),
        times=times,
        offsets=np.array([0, len(times)], np.int64),
        ids=("",),
        future_covariates=(kinds[:, np.newaxis] == np.array(known, str)).astype(np.float32),
        future_names=tuple(f"day_type_{kind}" for kind in known),
        future=future,
        future_times=future_times[np.newaxis],
        notes=tuple(notes),
    )
