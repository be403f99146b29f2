"""Opens a file of series and finds its columns. Needs no Keras: mistakes are found at once."""

import contextlib
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from recipes.data.larger import open_rows
from recipes.data.table_file import UNNAMED, TableFile
from recipes.errors import UserError
from recipes.forecast.data.larger import ROWS, keys_of
from recipes.forecast.data.steps import is_regular
from recipes.forecast.data.table import PARTS, TIMES, find_key, join_time
from recipes.forecast.data.wide import VALUE, months_of, unfold

#: Of the names of times those of parts of a year, which begin anew.
_PARTS = ("day", "month", "quarter", "week")


def open_file(config, path, before=None, guess=True):
    """The configuration with the columns that it leaves open, a file of series, and its `Rows`.

    The last ones are `None` but where the file holds a sample of their series; see `open_rows`.
    `before` is what was found out about the file that the run was trained on; with `guess=False`
    columns are not looked for: they are known.
    """
    file, rows = open_rows(path, config, before, partial(keys_of, config), ROWS)
    file.join(config.series)
    if config.wide:
        file, series, time = unfold(file, config.series)
        return replace(config, series=series, time=time, target=[VALUE]), file, None
    if guess:
        taken = {config.series, *(config.series or "").split(","), *config.past_covariates} - {None}
        time, targets = guess_columns(file, config.time, config.target, taken, config.series)
        config = replace(config, time=time, target=targets)
    return config, file, rows


def guess_columns(
    file: TableFile, time=None, targets=(), taken=(), series=None
) -> tuple[str | None, list[str]]:
    """The time column and the targets of a file, where the flags do not name them.

    The time is the first column of dates, or `None` if there is none, or `"none"` was said; the
    target is the only numeric column with a name, but for those `taken` by another purpose and one
    that counts the rows. A `UserError` if several columns could be the target, or if it looks as if
    several series stood in the file.
    """
    names = [name for name in file.names if name not in {*taken, *targets, time}]
    if time is None:
        dated = [name for name in names if file.holds_times(name)]
        if len(dated) > 1:  # but for one of the export
            dated = [name for name in dated if file.labels(name).nunique() > 1] or dated
        time = dated[0] if dated else None
        time = _in_parts(file, time, names, series) or time
        time = time or next((name for name in names if _may_be_times(file, name, series)), None)
        if time is None:
            _refuse_stacked(file, names, series)
    elif time in file.names and "," not in time:
        time = _in_parts(file, time, names, series) or time
    elif time == "none" and "none" not in file.names:
        time = None
        names = [name for name in names if not file.holds_times(name)]
    if targets:
        return time, list(targets)
    parts = {time, *(time or "").split(",")}
    named = [name for name in names if name not in parts and not name.startswith(UNNAMED)]
    numeric = [name for name in named if file.is_numeric(name)]
    if not numeric:  # a few values that are no numbers: let the reader say which
        numeric = [name for name in named if file.is_numeric(name, share=0.5)]
    if len(numeric) > 1:
        values = {name: file.numbers(name) for name in numeric}
        counting = [n for n, v in values.items() if v[0] in (0, 1) and (np.diff(v) == 1).all()]
        numeric = [name for name in numeric if name not in counting] or numeric
    if len(numeric) != 1:
        found = f"several: {', '.join(numeric)}" if numeric else f"none among {', '.join(names)}"
        raise UserError(
            f"Expected one numeric column in {file.source} to forecast. Received {found}. "
            "Name the columns to forecast with --target"
            + (", or say --wide true for a row a year." if months_of(file) else ".")
        )
    return time, numeric


def _in_parts(file, time, names, series):
    """The columns of times in parts, joined, if only all of them tell the rows apart; or `None`."""
    year, quarter, month, week, day, hour = (
        next((name for name in names if name.casefold() in words), None) for words in PARTS.values()
    )
    options = [[year, month, day, hour], [year, month, day], [year, month]]
    options += [[year, quarter], [year, week]]
    if time is not None:
        texts = [name for name in names if name != time and file.is_text(name)]
        clocks = [name for name in texts if file.texts(name)[:1].str.fullmatch(_CLOCK).any()]
        options = [[time, name] for name in (*clocks, hour)]
    codes = None if series is None else file.labels(series).factorize()[0]
    for option in [option for option in options if None not in option]:
        joined, times = ",".join(option), []
        join_time(file, joined)
        with contextlib.suppress(UserError):
            times = file.times(joined, lambda times: is_regular(times, codes)).values
        rows = pd.DataFrame({"at": file.labels(option[0]), "of": codes})
        repeated = rows.duplicated().any() and len(times) == len(rows)
        if repeated and not rows.assign(at=times).duplicated().any():
            return joined
        file.leave_out(joined)
    return None


#: Days, or hours and so on, as numbers; so many of them are no accident.
_DAYS = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])?(?:[0-5]\d){0,2}"
_FEW = 10
#: What a cell with the time of a day looks like.
_CLOCK = r"\s*\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:[.,]\d+)?)?(?:\s*[AaPp]\.?[Mm]\.?)?\s*"


def _may_be_times(file, name, series):
    """Whether a column holds 20240131 or the like, or texts or rising numbers by a time's name."""
    if name.casefold() not in TIMES:
        if not file.is_numeric(name) or not (file.numbers(name) > 19e6).all():
            return False
        texts = file.labels(name)
        return texts.nunique() >= _FEW and texts.str.fullmatch(_DAYS).all()
    if file.is_text(name) or not file.is_numeric(name):
        return file.is_text(name)
    with contextlib.suppress(UserError):
        if file.times(name).values.dtype.kind == "M":  # such as 20240131, in any order
            return True
    codes = np.zeros(len(file)) if series is None else file.labels(series).factorize()[0]
    order = np.argsort(codes, kind="stable")
    steps = np.diff(file.numbers(name)[order])[np.diff(codes[order]) == 0]
    return len(steps) > 0 and bool((steps > 0).all() or (steps < 0).all())


def _refuse_stacked(file, names, series):
    """Refuses rows of several series that are taken for one.

    Some columns tell the numbers of one that is called like times apart, or these go back and
    forth, but for parts of a year; or each text of a column stands in rows that follow each other.
    """
    for time in names:
        if time.casefold() not in TIMES or not file.is_numeric(time):
            continue
        steps = np.diff(file.numbers(time))
        back = (steps < 0).any() and time.casefold() not in _PARTS
        key = find_key(file, names, time, series)
        if key or (back and series is None):
            raise UserError(
                f"Expected each number once in column {time!r} of {file.source}, or once in each "
                "series. Received: numbers that repeat"
                + (f", but not within the values of {key!r}" if key else " or go back")
                + f". Say --series {key or 'COLUMN'} if each of its values is a series, sort the "
                "rows, the oldest first, or say --time none if they are equal steps in their order."
            )
    for name in filter(file.is_text, names if series is None else ()):
        codes = file.labels(name).factorize()[0]
        blocks = 1 + np.count_nonzero(np.diff(codes))
        count = codes.max() + 1
        if 2 <= count == blocks <= len(codes) / 4:
            raise UserError(
                f"Expected one series in {file.source}, whose rows have no times. Received: "
                f"{count} values of {name!r}, each in rows that follow each other, as if each were "
                f"a series. Say --series {name} if so, or --time none for a single series."
            )
