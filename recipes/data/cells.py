"""What a single cell of text looks like."""

import re

#: The sign of a number, as it is typed or typeset.
_SIGN = r"[+\-\u2212\u2013]"
CURRENCY = r"[$€£¥₹₽₩]"
_DIGITS = r"(?:\d+(?:[.,'\u2019\u00a0\u202f\u2009 _]\d+)*|[.,]\d+)[.,]?\d*(?:[eE][+-]?\d+)?"
_NUMBER = re.compile(
    rf"\s*\(?\s*{_SIGN}?\s*{CURRENCY}?\s*{_SIGN}?\s*{_DIGITS}\s*(?:{CURRENCY}|%)?\s*\)?\s*-?\s*"
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(
    r"\s*(?:[a-z]{3,9},?\s+)?(?:"
    r"\d{4}[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ](?:\d{4}|\d{2})|"
    rf"\d{{1,2}}[-/. ]?{_MONTH}[-/., ]+(?:\d{{4}}|\d{{2}})|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}|"
    rf"{_MONTH}[-/. ']+(?:\d{{4}}|\d{{2}})|(?:\d{{4}}|\d{{2}})[-/. ]{_MONTH}|"
    r"\d{4}[-/]\d{1,2}|\d{1,2}/\d{4}|\d{4}[-/ ]?q[1-4]|q[1-4][-/ ]?\d{4}|\d{4}-?w\d{1,2}"
    r")(?:[t ,]+\d{1,2}:\d{2}.*)?\s*",
    re.IGNORECASE,
)


def is_number(cell: str) -> bool:
    """Whether a cell looks like a number, in any country's way.

    >>> [is_number(cell) for cell in ("1.016,5", "$1,234.50", "(12)", "12.3 %", "12a", "")]
    [True, True, True, True, False, False]
    """
    return _NUMBER.fullmatch(cell) is not None


def is_date(cell: str) -> bool:
    """Whether a cell looks like a date, a month or a quarter.

    >>> [is_date(cell) for cell in ("31.12.2022", "Jan-05", "1970Q1", "2022-01-01 24:00", "5-12")]
    [True, True, True, True, False]
    """
    return _DATE.fullmatch(cell) is not None
