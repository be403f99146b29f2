"""Steps of a calendar: lengths, months and business days, found in data and continued.

By hand, since pandas' `infer_freq` has no name for the 15th of each month, and wants three dates.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

DAY = 86_400_000_000  # microseconds
UNITS = {"day": DAY, "hour": DAY // 24, "minute": DAY // 1440, "second": 1_000_000, "us": 1}
ALIASES = {"day": "D", "hour": "h", "minute": "min", "second": "s", "us": "us"}


@dataclass(frozen=True)
class Step:
    """The constant distance between two rows of a series.

    Args:
        kind: `"fixed"` (`size` microseconds, or units where times are ints), `"month_start"` and
            `"month_end"` (`size` months, at a fixed distance from either end of the month),
            `"business"` (Monday to Friday) or `"offset"` (a pandas frequency).
        size: See `kind`.
        offset: The pandas frequency.
        holidays: Business days without a row.

    >>> last = np.array(["2023-12-31"], "datetime64[us]")
    >>> Step("month_end", 1).after(last, 2).astype("datetime64[D]").tolist()
    [[datetime.date(2024, 1, 31), datetime.date(2024, 2, 29)]]
    """

    kind: str
    size: int = 1
    offset: str | None = None
    holidays: int = 0

    def __str__(self):
        if self.kind == "business":
            return "business days"
        if self.kind == "offset":
            return str(self.offset)
        if "month" in self.kind:
            return f"{self.size} month{'s' * (self.size > 1)}"
        return spacing(self.size)[0]

    def after(self, last: np.ndarray, count: int) -> np.ndarray:
        """The `count` times that follow the last ones `(num_series,)`: `(num_series, count)`."""
        ahead = np.arange(1, count + 1)
        last = last[:, np.newaxis]
        if self.kind == "fixed":
            return last + (ahead * self.size).astype("m8[us]" if last.dtype.kind == "M" else "i8")
        if self.kind in ("month_start", "month_end"):
            anchor = _month(last) + np.timedelta64(self.kind == "month_end", "M")
            within = last - anchor.astype(last.dtype)
            return (anchor + (ahead * self.size).astype("m8[M]")).astype(last.dtype) + within
        if self.kind == "business":
            days = last.astype("datetime64[D]")
            within = last - days.astype(last.dtype)
            return np.busday_offset(days, ahead).astype(last.dtype) + within
        times = np.empty((len(last), count), last.dtype)
        for row, start in enumerate(last[:, 0]):
            times[row] = pd.date_range(start, periods=count + 1, freq=self.offset)[1:]
        return times


def common_step(earlier: np.ndarray, later: np.ndarray) -> Step | None:
    """The step that times and later ones have in common: months, a length or a business day."""
    gaps = (later - earlier).astype(np.int64)
    fixed = Step("fixed", int(gaps[0])) if (gaps == gaps[0]).all() else None
    if earlier.dtype.kind != "M":
        return fixed
    return find_month_step(earlier, later) or fixed or _business_step(earlier, later)


def find_month_step(earlier: np.ndarray, later: np.ndarray) -> Step | None:
    """The number of months that all steps between times and later ones have in common.

    Month ends are tried first: the 31st of two long months in a row is a month's end. None where
    there is no such number.
    """
    months = (_month(later) - _month(earlier)).astype(np.int64)
    if months[0] < 1 or (months != months[0]).any():
        return None
    for kind, shift in (("month_end", 1), ("month_start", 0)):
        ahead = np.timedelta64(shift, "M")
        from_anchor = [t - (_month(t) + ahead).astype(t.dtype) for t in (earlier, later)]
        if shift and (from_anchor[0] < np.timedelta64(-DAY, "us")).any():
            continue  # Not the last day of its month.
        if (from_anchor[0] == from_anchor[1]).all():
            return Step(kind, int(months[0]))
    return None


#: The most that may be missing of all business days, and in a row, as holidays are.
_HOLIDAYS, _LONGEST = 0.08, 6


def _business_step(earlier: np.ndarray, later: np.ndarray) -> Step | None:
    """The step of one business day if all between times and later ones are that, else None.

    Days from Monday to Friday without a row are holidays if they are few.
    """
    days = [times.astype("datetime64[D]") for times in (earlier, later)]
    clocks = [times - day for times, day in zip((earlier, later), days, strict=True)]
    working = np.is_busday(days[0]).all() and np.is_busday(days[1]).all()
    if not working or (clocks[0] != clocks[1]).any():
        return None
    steps = np.busday_count(*days)
    missing = int((steps - 1).sum())
    few = len(steps) >= 10 and missing <= _HOLIDAYS * steps.sum() and steps.max() <= _LONGEST
    fits = (steps >= 1).all() and (few or not missing)
    return Step("business", holidays=missing) if fits else None


def is_regular(times: np.ndarray, codes: np.ndarray | None = None) -> bool:
    """Whether the rows of each series are equally spaced, in whatever order they stand.

    `codes` are the numbers of the rows' series, by default of a single one.

    >>> is_regular(np.array(["2024-03-01", "2024-01-01", "2024-02-01"], "datetime64[us]"))
    True
    """
    codes = np.zeros(len(times), int) if codes is None else codes[: len(times)]
    order = np.lexsort((times, codes))
    times, codes = times[order], codes[order]
    follows = codes[1:] == codes[:-1]
    earlier, later = times[:-1][follows], times[1:][follows]
    if not len(earlier) or (later <= earlier).any():
        return False
    return common_step(earlier, later) is not None


def spacing(size: int) -> tuple[str, str]:
    """Microseconds, above 0, in words, and the pandas frequency that comes nearest.

    >>> spacing(86_400_000_000), spacing(900_000_000)
    (('1 day', 'D'), ('15 minutes', '15min'))
    """
    unit = next(name for name, length in UNITS.items() if size % length == 0)
    count = size // UNITS[unit]
    words = f"{count} {unit}" + ("s" if count > 1 and unit != "us" else "")
    calendar = {range(28, 32): "MS", range(89, 93): "QS", range(365, 367): "YS"}
    named = (alias for days, alias in calendar.items() if unit == "day" and count in days)
    return words, next(named, ("" if count == 1 else str(count)) + ALIASES[unit])


def _month(times: np.ndarray) -> np.ndarray:
    return times.astype("datetime64[M]")
