"""Dates in words and in digits: a small task to learn translation on, of which all is known."""

from datetime import date

import numpy as np

from recipes.data.dates import MONTH_NAMES

_FIRST, _LAST = date(1000, 1, 1), date(9999, 12, 31)


def date_pairs(count, seed=0) -> list[tuple[str, str]]:
    """Random dates of the years 1000 to 9999, no two alike, as they are spoken and in ISO 8601.

    >>> date_pairs(2)
    [('August 13, 8655', '8655-08-13'), ('August 27, 6732', '6732-08-27')]

    Reference: Book, chapter 16, exercise 9 (2nd edition, cells 134 to 139).
    """
    days = np.arange(_FIRST.toordinal(), _LAST.toordinal() + 1)
    drawn = np.random.default_rng(seed).choice(days, count, replace=False)
    return [in_words_and_digits(date.fromordinal(int(day))) for day in drawn]


def in_words_and_digits(day) -> tuple[str, str]:
    """A date as source and as target.

    >>> in_words_and_digits(date(1492, 8, 3))
    ('August 03, 1492', '1492-08-03')
    """
    month = MONTH_NAMES[day.month - 1].split()[0].capitalize()
    return f"{month} {day.day:02}, {day.year}", day.isoformat()
