"""Reads a column of dates, months or quarters, or of whole step numbers."""

import contextlib
import datetime
import itertools
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recipes.errors import UserError

MICROSECONDS = "datetime64[us]"
#: In which order the parts of a date stand, in words.
ORDERS: dict[str | None, str] = {"DMY": "day first", "MDY": "month first", "YMD": "year first"}
#: Rows at the end of a file, at most, that are a footer and not data.
_FOOTER = 3
#: Two-digit years lie in the hundred years that end so many years from now.
_AHEAD = 20
#: Years that a decimal year such as 1949.083 lies in, and how far from a month it may be rounded.
_YEARS, _OFF = (1600, 2200), 0.07
#: Dates that Unix times lie between.
_UNIX = np.array(["2001-09-09", "2100-01-01"], "M8[s]")
#: So many different texts are read in the way of the first ones, if that fits them all.
_MANY = 2000

#: In English, German, French, Spanish, Portuguese, Italian and Dutch, without accents.
MONTH_NAMES = (
    "january januar janvier enero janeiro gennaio januari",
    "february februar fevrier febrero fevereiro febbraio februari",
    "march marz mars marzo marco maart mrz mrt", "april avril abril aprile",
    "may mai mayo maio maggio mei", "june juni juin junio junho giugno",
    "july juli juillet julio julho luglio", "august aout agosto augustus",
    "september septembre septiembre setembro settembre", "october oktober octobre octubre outubro "
    "ottobre", "november novembre noviembre novembro", "december dezember decembre diciembre "
    "dezembro dicembre",
)  # fmt: skip
#: The number of each, shortened or not; words such as "set" and "out" have others to them.
MONTHS = {form: number for number, names in enumerate(MONTH_NAMES, 1) for name in names.split()
          for form in (name, name[:4], name[:3]) if form not in ("jui", "set", "out", "gen", "mag")
}  # fmt: skip
_MONTH = rf"(?P<month>{'|'.join(MONTHS)})\.?"
_DAY, _NUMBER = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?", r"(?P<number>\d{1,2})"
_YEAR, _LONG = r"(?P<year>\d{4}|\d{2})", r"(?P<year>\d{4})"
_SIGN = r"(?:\s*[-/., ]\s*|\s+de\s+)"
#: Shapes of dates; parts a, b, c are in an order that the shape alone does not tell.
_SHAPES = {
    "YMD": rf"{_LONG}(?:[-/ ]|\. ?)(?P<month_number>\d{{1,2}})(?:[-/ ]|\. ?){_DAY}\.?",
    "abc": r"(?P<a>\d{1,2})(?P<sign>[-/. ])(?P<b>\d{1,2})(?P=sign)(?P<c>\d{4}|\d{2})",
    "D-Mon-Y": rf"{_DAY}(?:[-/. ]?\s*|\s+de\s+){_MONTH}{_SIGN}{_YEAR}",
    "DMonY": rf"(?P<day>\d{{2}}){_MONTH}{_LONG}",
    "Mon-D-Y": rf"{_MONTH}{_SIGN}{_DAY}(?:,?\s+|[-/.]){_LONG}",
    "Y-Mon-D": rf"{_LONG}{_SIGN}{_MONTH}{_SIGN}{_DAY}",
    "Mon-Y": rf"{_MONTH}(?:{_SIGN}|\s*'\s*){_YEAR}",
    "Y-Mon": rf"{_YEAR}{_SIGN}{_MONTH}",
    "Y-M": rf"{_LONG}[-/](?P<month_number>\d{{1,2}})",
    "M-Y": rf"(?P<month_number>\d{{1,2}})[-/]{_LONG}",
    "M.Y": r"(?P<month_number>0[1-9]|1[0-2])\.(?P<year>(?:19|20)\d{2})",
    "quarter": rf"{_YEAR}\s*[-/:]?\s*q(?P<quarter>[1-4])",
    "Q-Y": rf"q(?P<quarter>[1-4])\s*[-/']?\s*{_YEAR}",
    "qQY": rf"(?P<quarter>[1-4])\s*q\s*[-/']?\s*{_YEAR}",
    "T-Y": rf"t(?P<quarter>[1-4])\s*[-/']?\s*{_LONG}",
    "qTY": rf"(?P<quarter>[1-4])\.?\s*(?:t|quartal|trimestre)\s*[-/']?\s*{_LONG}",
    "W-Y": rf"(?:k?w|week)\s*(?P<week>\d{{1,2}})[-/ ]{_LONG}(?:-(?P<weekday>[1-7]))?",
    "YMm": rf"{_LONG}m(?P<month_number>\d{{1,2}})",
    "week": rf"{_LONG}-?w(?P<week>\d{{1,2}})(?:-?(?P<weekday>[1-7]))?",
}
_WEEKDAY = r"(?:(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?|[a-z]{2,3}(?:\.,?|,))\s+)?"
_CLOCK = (
    r"(?:\s*\([a-z火水木金土]{0,3}\))?(?:(?:t|:|\s*,?\s+)(?P<hour>\d{1,2})[:.h]"
    r"(?P<minute>\d{2})(?:[:.](?P<second>\d{2}(?:[.,]\d+)?))?(?:\s*uhr)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?)?\s*(?P<zone>z|utc|gmt|[+-]\d{2}(?::?\d{2})?)?)?"
)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)[Tt ](\d\d):?(\d\d)(?::?(\d\d))?(\D.*)?")


def month(name: str) -> int | None:
    """The number of a month by its name, January or Jan; `None` for other words.

    >>> month("SEP"), month("März"), month("Annual")
    (9, 3, None)
    """
    return MONTHS.get(_plain(name.strip()).lower())


def _plain(text):
    """A date without accents, with spaces and signs of ASCII, and between its numbers."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(sign for sign in text if not unicodedata.combining(sign))
        text = re.sub("[年月日]", "", re.sub(r"[年月](?=\d)", "-", text))
    text = re.sub(r"(:\d\d) - \d[\d./ :-]+:\d\d$", r"\1", text)  # which says when it ends
    found = _COMPACT.fullmatch(text)
    return "{}-{}-{} {}:{}:{}{}".format(*found.groups("00")[:-1], found[7] or "") if found else text


@dataclass(frozen=True)
class Times:
    """What a column of times says.

    Args:
        values: datetime64[us] or int64, one a row that is kept.
        kept: Rows that are kept: all but a footer.
        order: Order of day and month where the texts leave it open, such as `"DMY"`.
        zone: Whether the times were given with their distance to UTC, and are in UTC now.
        notes: What was decided, in words.
    """

    values: np.ndarray
    kept: int
    order: str | None = None
    zone: bool = False
    notes: tuple[str, ...] = ()


def read_times(
    column: pd.Series,
    source: str,
    order: str | None = None,
    date_format: str | None = None,
    regular: Callable[[np.ndarray], bool] | None = None,
    flag: str = "--time",
    zoned: bool = False,
) -> Times:
    """Reads a column as dates or as whole step numbers.

    Where the order of day and month is not said, the one is taken in which all texts are dates; if
    they are in several, the one in which the times are `regular`. A `UserError` if a time is
    missing or cannot be read, or two readings are possible.

    Args:
        column: Texts, numbers or dates, missing ones as `None`.
        source: Name of the file, for messages.
        order: `"DMY"` or `"MDY"`, where it is known.
        date_format: How the dates are written, as strptime says it.
        regular: Whether times are equally spaced, series by series.
        flag: The flag that names the column, for messages; empty for none.
        zoned: Whether times with a distance to UTC are known to be no days.

    >>> found = read_times(pd.Series(["31.12.2022", "01.01.2023"], name="day"), "sales.csv")
    >>> found.values.astype("datetime64[D]").tolist()[1], found.order
    (datetime.date(2023, 1, 1), 'DMY')
    """
    dtype, name = column.dtype, column.name
    if pd.api.types.is_datetime64_any_dtype(dtype):
        notes: list[str] = []
        zone = column.dt.tz is not None
        if zone:
            local = column.dt.tz_localize(None)
            days = not zoned and bool((local.dropna() == local.dropna().dt.normalize()).all())
            notes, zone = [f"{name}: {_LOCAL if days else _UTC}"], not days
            column = local if days else column.dt.tz_convert("UTC").dt.tz_localize(None)
        kept = _without_footer(column, column.isna().to_numpy(), source, flag)
        values = column.iloc[:kept].to_numpy(MICROSECONDS)
        return Times(values, kept, zone=zone, notes=(*notes, *_footer(column, kept)))
    if pd.api.types.is_bool_dtype(dtype):
        refuse_time(column, 0, source, flag)
    if pd.api.types.is_numeric_dtype(dtype) and date_format is not None:
        width = len(datetime.datetime(2024, 11, 22, 13, 14, 15).strftime(date_format))
        column = column.astype("Int64").astype(str).str.zfill(width)
    elif pd.api.types.is_numeric_dtype(dtype):
        return _of_numbers(column, column, source, flag)
    texts = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    numbers = pd.to_numeric(texts.where(texts.str.fullmatch(r"[+-]?[0-9]+(?:\.0*)?"), None))
    if date_format is None and numbers.notna().mean() > 0.5:  # some of them spoilt
        return _of_numbers(numbers.rename(name), texts, source, flag)
    return _of_texts(texts.rename(name), source, order, date_format, regular, flag, zoned)


#: What every date has and most numbers have not.
_PERHAPS = re.compile(r"[-/: a-zA-Z]|\..*\.|^0[1-9]\.|^1[0-2]\.")
_PATTERNS = {
    shape: re.compile(_WEEKDAY + pattern + _CLOCK, re.IGNORECASE)
    for shape, pattern in _SHAPES.items()
}


def is_date(cell: str) -> bool:
    """Whether a cell looks like a date, a month or a quarter.

    >>> [is_date(cell) for cell in ("31.12.2022", "Jan-05", "1970Q1", "2022-01-01 24:00", "5-12")]
    [True, True, True, True, False]
    """
    cell = _plain(cell.strip())
    return bool(_PERHAPS.search(cell)) and any(each.fullmatch(cell) for each in _PATTERNS.values())


def holds_times(texts: pd.Series) -> bool:
    """Whether most of some texts are dates, months or quarters.

    >>> holds_times(pd.Series(["31.12.2022", "Total"])), holds_times(pd.Series(["May", "Jun"]))
    (True, False)
    """
    found = pd.Series(texts.unique()[:200], dtype=object).astype(str).str.strip()
    return len(found) > 0 and bool(_shape_of(found).notna().mean() >= 0.5)


def _of_numbers(column, texts, source, flag):
    """Months such as 202401 or 2024.083, days such as 20240131, Unix times, or whole steps."""
    kept = _without_footer(texts, column.isna().to_numpy(), source, flag)
    column, notes = column.iloc[:kept], _footer(texts, kept)
    numbers = column.to_numpy(np.float64)
    months = np.round(12 * numbers)
    if (
        ((numbers >= _YEARS[0]) & (numbers < _YEARS[1])).all()
        and (numbers != np.floor(numbers)).any()
        and (np.abs(12 * numbers - months) < _OFF).all()
    ):
        found = (months.astype(np.int64) - 12 * 1970).astype("M8[M]")
        shown = f"{numbers[0]:g} as {found[0]}, {numbers[-1]:g} as {found[-1]}"
        note = f"{column.name}: parts of years are read as months, {shown}"
        return Times(found.astype(MICROSECONDS), len(numbers), notes=(note, *notes))
    bad = np.flatnonzero(~(np.abs(numbers) < 2**53) | (numbers != np.floor(numbers)))
    if len(bad):
        refuse_time(column, bad[0], source, flag)
    numbers = numbers.astype(np.int64)
    for digits, form, what in ((8, "%Y%m%d", "days"), (6, "%Y%m", "months"),
                               (10, "%Y%m%d%H", "hours"), (12, "%Y%m%d%H%M", "minutes"),
                               (14, "%Y%m%d%H%M%S", "seconds")):  # fmt: skip
        years = numbers // 10 ** (digits - 4)
        if len(numbers) > 1 and (years >= 1900).all() and (years <= 2100).all():
            found = pd.to_datetime(pd.Series(numbers.astype(str)), format=form, errors="coerce")
            if found.notna().all():
                note = f"{column.name}: numbers such as {numbers[0]} are read as {what}"
                return Times(found.to_numpy(MICROSECONDS), len(numbers), notes=(note, *notes))
    for unit, what in (("s", "seconds"), ("ms", "milliseconds"), ("us", "microseconds")):
        found = numbers.astype(f"M8[{unit}]")
        if len(numbers) > 1 and (found >= _UNIX[0]).all() and (found < _UNIX[1]).all():
            note = f"{column.name}: numbers such as {numbers[0]} are read as {what} since 1970, UTC"
            return Times(found.astype(MICROSECONDS), len(numbers), None, True, (note, *notes))
    return Times(numbers, len(numbers), notes=notes)


def _of_texts(texts, source, order, date_format, regular, flag, zoned):
    name = texts.name
    codes, distinct = pd.factorize(texts)
    distinct = pd.Series(distinct, dtype=object)
    if date_format is not None:
        try:
            found = pd.to_datetime(distinct, format=date_format, errors="coerce", utc=True)
        except ValueError as error:
            raise UserError(
                f"Cannot read dates by --date_format {date_format}: {error}."
            ) from error
        zone = "%z" in date_format
        found = found.dt.tz_localize(None).to_numpy(MICROSECONDS)
        readings, notes = {None: found}, [f"{name}: dates read as {date_format}"]
    else:
        readings, zone, notes = _quickly(distinct) or _readings(distinct, name, source, zoned)
    if order is not None:
        named = {key: found for key, found in readings.items() if key in (None, order)}
        readings = named or readings
    wrong = {key: np.isnat(found)[codes] for key, found in readings.items()}
    key = min(wrong, key=lambda key: wrong[key].sum())
    kept = _without_footer(texts, wrong[key], source, flag)
    fitting = {key: found[codes[:kept]] for key, found in readings.items()}
    fitting = {key: found for key, found in fitting.items() if not np.isnat(found).any()}
    different = {found.tobytes(): key for key, found in fitting.items()}
    if "YMD" in different.values() and "." in texts.iloc[0]:  # with dots, the year seldom leads
        years = {k or "": len(np.unique(found.astype("M8[Y]"))) for k, found in fitting.items()}
        if years["YMD"] > min(years.values()):
            different = {code: key for code, key in different.items() if key != "YMD"}
    if len(different) > 1:
        even = [key for key in different.values() if regular is not None and regular(fitting[key])]
        if len(even) != 1:
            _refuse_order(fitting, texts, source, flag)
        different = {b"": even[0]}
        notes = [*notes, f"{name}: only with the {ORDERS[even[0]]} are the steps equal"]
    key = next(iter(different.values()))
    if key is not None:
        notes = [*notes, f"{name}: dates such as {texts.iloc[0]} read {ORDERS[key]}"]
    notes = [*notes, *_footer(texts, kept)]
    if zone:
        notes = [*notes, f"{name}: {_UTC}"]
    return Times(fitting[key], kept, key, zone, tuple(notes))


#: What becomes of times with a distance to UTC.
_UTC = "times converted to UTC"
_LOCAL = "days with a zone are kept as they are written"


def _footer(texts, kept):
    """A note on the rows at the end that are left out."""
    left = len(texts) - kept
    if not left:
        return ()
    shown = ", ".join(map(repr, texts.iloc[kept:].astype(str)))
    return (f"{left} row{'s' * (left > 1)} at the end without a time left out: {shown}",)


def _shape_of(texts):
    """The name of each text's shape; missing where it is no date."""
    found = [
        next((shape for shape, each in _PATTERNS.items() if each.fullmatch(text)), None)
        for text in map(_plain, texts)
    ]
    return pd.Series(found, dtype=object, index=texts.index)


def _quickly(texts):
    """What `_readings` returns of many dates such as 31.12.2024 13:00; `None` for all others."""
    if len(texts) < _MANY:
        return None
    pattern = r"\d{2}([-/.])\d{2}\1\d{4}(?:([ T])\d{2}:\d{2}(:\d{2})?)?"
    found = [re.fullmatch(pattern, text) for text in texts[:_MANY]]
    forms = {match.groups() if match else () for match in found}
    if len(forms) != 1 or () in forms:
        return None
    sign, between, seconds = forms.pop()
    clock = f"{between}%H:%M{':%S' if seconds else ''}" if between else ""
    readings = {}
    for order in ("DMY", "MDY"):
        form = sign.join(f"%{part}" for part in order.replace("D", "d").replace("M", "m")) + clock
        with contextlib.suppress(ValueError):  # at the first that is no date
            readings[order] = pd.to_datetime(texts, format=form).to_numpy(MICROSECONDS)
    return (readings, False, []) if readings else None


def _readings(texts, name, source, no_days):
    """All readings of distinct texts, by the order of day and month; whether in UTC; notes.

    Texts of different shapes may stand in one column, as a spreadsheet leaves them that took half
    of the dates for texts.
    """
    shapes = _shape_of(texts)
    days = {}
    clock, local = np.zeros(len(texts), "m8[us]"), np.zeros(len(texts), "m8[us]")
    zoned = np.zeros(len(texts), bool)
    notes: list[str] = []
    for shape in shapes.dropna().unique():
        rows = np.flatnonzero(shapes == shape)
        parts = texts.iloc[rows].map(_plain).str.extract(_PATTERNS[shape])
        days[shape] = rows, _days(shape, parts, name, notes)
        clock[rows], local[rows], zoned[rows] = _clock(parts)
        _check_labels(shape, parts, texts.iloc[rows], name, source)
    orders = {shape: list(found) for shape, (_, found) in days.items()}
    found = shapes.notna().to_numpy()
    if zoned.any() and not no_days and (local[found] == np.timedelta64(0, "us")).all():
        clock, zoned = local, np.zeros(len(texts), bool)
        notes.append(f"{name}: {_LOCAL}")
    readings, nothing = {}, np.full(len(texts), np.datetime64("NaT", "us"), MICROSECONDS)
    for combination in itertools.product(*orders.values()):
        named = {order for order in combination if order is not None}
        if len(named) > 1:
            continue  # one order holds for all texts of a column
        values = nothing.copy()
        for shape, order in zip(orders, combination, strict=True):
            rows, found = days[shape]
            values[rows] = found[order] + clock[rows]
        readings[next(iter(named), None)] = values
    if len(days) > 1:
        examples = ", ".join(texts[shapes == shape].iloc[0] for shape in days)
        notes.append(f"{name}: dates are written in {len(days)} ways: {examples}")
    if zoned.any() and not zoned[shapes.notna()].all():
        without = texts[shapes.notna() & ~zoned].iloc[0]
        raise UserError(
            f"Column {name!r} of {source} mixes times with a zone and without, such as "
            f"{texts[zoned].iloc[0]!r} and {without!r}. Write all of them alike."
        )
    return readings or {None: nothing}, bool(zoned.any()), notes


def _days(shape, parts, name, notes):
    """Days of texts of one shape, by the order of their parts; `None` where there is one order."""
    if shape == "abc":
        a, b, c = (parts[part].astype(int).to_numpy() for part in "abc")
        years = _years(parts["c"], name, notes)
        found = {"DMY": _dates(years, b, a), "MDY": _dates(years, a, b)}
        if (parts["c"].str.len() == 2).all():
            found["YMD"] = _dates(_years(parts["a"], name, notes), b, c)
        return found
    years = _years(parts["year"], name, notes)
    ones = np.ones(len(years), int)
    if "quarter" in parts:
        return {None: _dates(years, 3 * parts["quarter"].astype(int).to_numpy() - 2, ones)}
    if "week" in parts:
        within = [parts["week"].to_numpy(), parts["weekday"].fillna("1").to_numpy()]
        texts = pd.Series(years).astype(str).str.cat(within, "-")
        found = pd.to_datetime(texts, format="%G-%V-%u", errors="coerce")
        return {None: found.to_numpy(MICROSECONDS)}
    months = parts["month"].str.lower().map(MONTHS) if "month" in parts else parts["month_number"]
    days = parts["day"].astype(int).to_numpy() if "day" in parts else ones
    return {None: _dates(years, months.astype(int).to_numpy(), days)}


def _check_labels(shape, parts, texts, name, source):
    """Refuses what looks like months of years, but is something else, row by row."""
    years = parts["year"].astype(int).to_numpy() if "year" in parts else np.zeros(0)
    if shape in ("Y-M", "M-Y") and len(years) > 1:
        months = parts["month_number"].astype(int).to_numpy()
        seasons = (months == (years + 1) % 100).all()
        per_year = np.unique(years, return_counts=True)[1]
        quarters = months.max() <= 4 and len(years) >= 8 and (per_year == 4).mean() > 0.5
        if seasons or quarters:
            what = "seasons" if seasons else "quarters (written 2021Q1)"
            _refuse_labels(texts, name, source, what)
    if shape in ("Mon-Y", "Y-Mon") and len(years) > 2 and (parts["year"].str.len() == 2).all():
        months = parts["month"].str[:3].str.lower().to_numpy()
        if ((months[1:] == months[:-1]) & (years[1:] != years[:-1])).mean() > 0.5:
            _refuse_labels(texts, name, source, "days of a month")


def _refuse_labels(texts, name, source, what):
    raise UserError(
        f"Texts such as {texts.iloc[0]!r} in column {name!r} of {source} look like months, but may "
        f"be {what}. Write whole dates, or say --time none to take the rows of a series as equally "
        f"spaced, or --categorical {name} in a table of examples."
    )


def _years(texts, name, notes):
    years = texts.astype(int).to_numpy()
    short = (texts.str.len() == 2).to_numpy()
    if short.any():
        last = datetime.date.today().year + _AHEAD
        years = np.where(short, last - (last - years) % 100, years)
        note = f"{name}: years of two digits lie between {last - 99} and {last}"
        if note not in notes:
            notes.append(note)
    return years


def _dates(years, months, days):
    """Dates, NaT where there is no such day."""
    right = (months >= 1) & (months <= 12) & (days >= 1) & (years >= 1)
    count = (np.where(right, years, 1970) - 1970) * 12 + np.where(right, months, 1) - 1
    month = count.astype("M8[M]")
    found = month.astype("M8[D]") + (days - 1).astype("m8[D]")
    right &= found.astype("M8[M]") == month
    return np.where(right, found.astype(MICROSECONDS), np.datetime64("NaT", "us"))


def _clock(parts):
    """Times of the day in UTC, and as written, and which texts name their distance to UTC."""
    hours = parts["hour"].fillna("0").astype(int)
    half = parts["half"].str.lower()
    hours = hours.where(half.isna(), hours % 12) + 12 * (half == "p")
    minutes = parts["minute"].fillna("0").astype(int)
    seconds = parts["second"].fillna("0").str.replace(",", ".").astype(float)
    zone = parts["zone"].str.lower()
    shift = zone.where(zone.isna() | ~zone.isin(["z", "utc", "gmt"]), "+00").fillna("+00")
    shift = shift.str.replace(":", "")
    away = shift.str[1:3].astype(int) * 60 + shift.str[3:5].replace("", "0").astype(int)
    away = away.where(shift.str[0] == "+", -away)
    local = hours * 3_600_000_000 + minutes * 60_000_000 + (seconds * 1e6).round().astype(int)
    right = (hours <= 24) & (minutes < 60) & (seconds < 61)
    both = (
        np.where(right, micro.to_numpy().astype("m8[us]"), np.timedelta64("NaT", "us"))
        for micro in (local - away * 60_000_000, local)
    )
    return *both, zone.notna().to_numpy()


def _without_footer(column, bad, source, flag):
    """Rows before a footer: a few at the end that say no time, nor anything with digits."""
    wrong = np.flatnonzero(bad)
    if not len(wrong):
        return len(column)
    texts = column.iloc[wrong].astype(str)
    footer = len(wrong) <= _FOOTER and wrong[0] == len(column) - len(wrong) and wrong[0] > 0
    if footer and not texts.str.contains(r"\d").any():
        return int(wrong[0])
    refuse_time(column, wrong[0], source, flag, len(wrong))
    return 0


def _refuse_order(fitting, texts, source, flag):
    shown = [f"{ORDERS[k]} from {show(v.min())} to {show(v.max())}" for k, v in fitting.items()]
    raise UserError(
        f"The dates in column {texts.name!r} of {source}{f' ({flag})' * bool(flag)}, such as "
        f"{texts.iloc[0]!r}, can be read {' or '.join(shown)}. Say --day_first true or false, or "
        "how they are written with --date_format, such as %d/%m/%Y."
    )


def refuse_time(column, row, source, flag, count=1) -> None:
    """Raises a `UserError` for a value, at a position, that says no time.

    The index of the column numbers its rows from 0. The flag is empty for one of a table's other
    columns; `count` is the number of rows in which a missing time is missing.
    """
    name, value, number = column.name, column.iloc[row], column.index[row] + 1
    if str(value) in ("", "nan", "NaT", "None"):
        raise UserError(
            f"Expected a time in every row of column {name!r} of {source}. Received: none "
            f"in {count} rows, first row {number} (row 1 follows the header). Fill them in or "
            "delete the rows."
        )
    steps, cure = ", or whole step numbers,", "say --time none to take the rows as equally spaced"
    if not flag:
        steps = ""
        cure = (
            f"say --missing_values {str(value)!r} if the date is missing, --categorical {name} if "
            f"these are categories, or --drop {name}"
        )
    raise UserError(
        f"Expected dates such as 2024-01-31, 31.01.2024 or 2024-01-31 13:00{steps} in column "
        f"{name!r} of {source}{f' ({flag})' * bool(flag)}. Received: {str(value)!r} in row "
        f"{number} (row 1 follows the header). Correct or delete it, say with --date_format how "
        f"the dates are written, or {cure}."
    )


def in_seconds(times: np.ndarray, time: str | None) -> np.ndarray:
    """Times, datetime64[us] or int64, in the unit of a `TimeSeries`: datetime64[s] or int64.

    A `UserError` if times have fractions of a second; it names the time column.
    """
    if times.dtype.kind != "M":
        return times.astype(np.int64)
    whole = times.astype("datetime64[s]")
    broken = times[whole != times]
    if len(broken):
        raise UserError(
            f"Expected whole seconds in column {time!r}. Received: {broken[0]}. Use --resample s, "
            "or say --time none if the rows are equally spaced."
        )
    return whole


def show(time) -> str:
    """Writes a time, a datetime64 or an int, as short as it can be said.

    >>> show(np.datetime64("2024-01-31T00:00:00")), show(7)
    ('2024-01-31', '7')
    """
    return show_all(np.array([time]))[0]


def show_all(times: np.ndarray, first: int = 0) -> list[str]:
    """Writes times, from a first one on, in one form: as dates if all are, else dates and times.

    >>> show_all(np.array(["2024-01-31T00", "2024-01-31T01"], "datetime64[us]"))
    ['2024-01-31T00:00:00', '2024-01-31T01:00:00']
    """
    if times.dtype.kind == "M":
        for unit in ("D", "s"):
            if (times.astype(f"datetime64[{unit}]") == times).all():
                return times[first:].astype(f"datetime64[{unit}]").astype(str).tolist()
    return times[first:].astype(str).tolist()
