"""The times of a series: checked for equal steps, resampled, continued."""

import contextlib
import warnings

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from recipes.data.dates import MICROSECONDS, show
from recipes.data.memory import memory
from recipes.errors import UserError
from recipes.forecast.data.steps import Step, common_step, find_month_step, spacing
from recipes.forecast.data.table import Table


def check_resample(resample: str | None, time: str | None) -> None:
    """Refuses resampling that cannot be done, before any file is read.

    A `UserError` if there is no time column, or the pandas frequency is not one.
    """
    if resample is None:
        return
    if time is None:
        raise UserError("--resample needs dates to go by: name their column with --time.")
    offset = None
    with warnings.catch_warnings(), contextlib.suppress(ValueError):
        warnings.simplefilter("ignore")  # older pandas say first that names will be refused
        offset = to_offset(resample)
    if offset is None or offset.n < 1:
        raise UserError(
            "Expected --resample to be a pandas frequency such as h, D, W, MS or 15min. Received: "
            f"{resample!r}."
        )


def find_step(table: Table, time: str) -> Step:
    """The constant step between the rows of all series: a length, months, or a business day.

    The table is sorted by series. A `UserError` if times are repeated, unsorted, unequally spaced,
    or too few to tell.
    """
    follows = np.ones(len(table.times) - 1, bool)
    follows[table.offsets[1:-1] - 1] = False
    before = np.flatnonzero(follows)
    earlier, later = table.times[before], table.times[before + 1]
    if not len(before):
        raise UserError(
            f"Expected at least two rows in a series of {table.source}. Received: one. Bring more "
            "data, or check --series."
        )
    if (later <= earlier).any():
        _refuse_repeated(table, time)
    step = common_step(earlier, later)
    if step is None:
        _refuse_spacing(table, time, before)
    words = step if table.times.dtype.kind == "M" else step.size
    table.notes.append(
        f"{time}: times from {show(table.times.min())} to {show(table.times.max())}, "
        f"steps of {words}"
    )
    if step.holidays:
        table.notes.append(
            f"{time}: {step.holidays} days from Monday to Friday without a row are taken as "
            "holidays, not as gaps (--resample B fills them)"
        )
    return step


def _refuse_repeated(table: Table, time: str) -> None:
    codes = np.repeat(np.arange(len(table.ids)), np.diff(table.offsets))
    repeated = np.flatnonzero(pd.DataFrame({"series": codes, "time": table.times}).duplicated())
    if len(repeated):
        row = int(repeated[0])
        raise UserError(
            f"Expected every time once in column {time!r} of {table.source}. Received: "
            f"{len(repeated)} repeated, the first {show(table.times[row])} ({table.where(row)}). "
            "If the rows belong to several series, name their column with --series"
            f"{f' {table.key}' if table.key else ''}; else aggregate them with --resample D or "
            "another frequency."
        )


def _refuse_spacing(table: Table, time: str, before: np.ndarray) -> None:
    gaps = (table.times[before + 1] - table.times[before]).astype(np.int64)
    sizes, counts = np.unique(gaps, return_counts=True)
    usual = int(sizes[np.argmax(counts)])
    dates = table.times.dtype.kind == "M"
    words, alias = spacing(usual) if dates else (str(usual), None)
    if dates and alias == "D" and np.is_busday(table.times.astype("datetime64[D]")).all():
        words, alias = "1 business day", "B"  # days without trade are no gaps
    other = gaps != usual
    if alias == "B":  # a weekend is no gap
        days = table.times.astype("datetime64[D]")
        other = np.busday_count(days[before], days[before + 1]) > 1
    far = other & (np.abs(gaps - usual) > 0.2 * usual)  # months differ, and miss nothing
    at = int(np.argmax(far if far.any() else other))
    row = int(before[at])
    found = spacing(int(gaps[at]))[0] if dates else str(gaps[at])
    advice = "say --time none to take the rows as equally spaced"
    if dates:
        advice = f"let --resample {alias} make the steps equal"
    raise UserError(
        f"Expected equal steps in column {time!r} of {table.source}, {words} being the usual one. "
        f"Received: a step of {found} from {show(table.times[row])} ({table.where(row)}) to "
        f"{show(table.times[row + 1])}. Fill the gap, or {advice}."
    )


def _check_steps(index, alias):
    """Refuses steps so short that memory would not hold all of them."""
    try:
        count = (index.max() - index.min()) / pd.Timedelta(to_offset(alias).nanos, "ns")
    except ValueError:  # months and the like, which are long enough
        return
    if 0 < memory() < 200 * count:
        raise UserError(
            f"--resample {alias} would make {count:,.0f} steps of {len(index):,} rows, which do "
            "not fit into memory. Make the steps longer."
        )


def resample(table: Table, alias: str, rule: str, partial: str = "drop") -> Step:
    """Brings every series of a table to equal steps, in place, and returns the step.

    Steps without a row become missing values. The first and the last step of a series are partial
    if rows are missing at their outer end: their sum, say, is not that of a whole step. `partial`
    says whether to `"drop"` or to `"keep"` them. The rows are sorted by series; their times may be
    in any order. A `UserError` if the times are not dates, all steps are partial, or pandas cannot
    resample to this frequency.
    """
    if table.times.dtype.kind != "M":
        raise UserError(
            f"--resample needs dates. Received: step numbers in the time column of {table.source}."
        )
    blocks, times, rows, ends = [], [], len(table.values), []
    for start, end in zip(table.offsets[:-1], table.offsets[1:], strict=True):
        index = pd.DatetimeIndex(table.times[start:end])
        _check_steps(index, alias)
        frame = pd.DataFrame(table.values[start:end], index=index).sort_index(kind="stable")
        try:
            bins = frame.resample(alias)
        except (ValueError, TypeError, ZeroDivisionError) as error:
            raise UserError(f"Cannot --resample to {alias!r}: {error}.") from error
        # Without min_count, the sum of no values would be 0 instead of missing.
        frame = bins.sum(min_count=1) if rule == "sum" else getattr(bins, rule)()
        first, last = _partial(index.sort_values(), frame.index, alias)
        ends += [frame.index[0]] * first + [frame.index[-1]] * last
        if partial == "drop":
            frame = frame.iloc[first : len(frame) - last]
        blocks.append(frame.to_numpy(np.float64))
        times.append(frame.index.to_numpy(MICROSECONDS))
    if min(map(len, blocks)) == 0:
        raise UserError(
            f"No step of {alias} is covered as a whole by the rows of a series in {table.source}. "
            "Choose a shorter --resample, or keep partial steps with --partial keep."
        )
    table.values, table.times, table.numbers = np.concatenate(blocks), np.concatenate(times), None
    table.offsets = np.concatenate([[0], np.cumsum([len(b) for b in blocks])]).astype(np.int64)
    table.notes.append(f"resampled to {alias} by {rule}: {rows} rows in, {len(table.values)} out")
    if ends:
        what = "left out (--partial keep keeps it)" if partial == "drop" else "kept"
        named = ", ".join(show(np.datetime64(end, "us")) for end in ends[:3])
        table.notes.append(
            f"{len(ends)} steps of {alias} at the ends are covered in part only, such as {named}: "
            f"{what}"
        )
    return Step("offset", offset=alias)


def _partial(index, labels, alias) -> tuple[int, int]:
    """Whether rows are missing at the beginning of the first step, and at the end of the last."""
    offset = pd.tseries.frequencies.to_offset(alias)
    times = index.to_numpy()
    gaps = np.diff(times)
    if not len(gaps) or (times[1:] <= times[:-1]).any():
        return 0, 0  # nobody can say what is missing
    months = find_month_step(times[:-1].astype(MICROSECONDS), times[1:].astype(MICROSECONDS))
    usual = pd.DateOffset(months=months.size) if months else pd.Timedelta(np.median(gaps))
    even = months is not None or np.mean(gaps == usual.to_timedelta64()) >= _EVEN
    if not even or labels[0] + offset <= labels[0] + usual:
        return 0, 0
    if offset.rule_code.split("-")[0] in _AT_THE_END:  # named by its last day
        day = pd.Timedelta(days=1)
        start, end = labels[0] - offset + day, labels[-1] + day
    else:
        start, end = labels[0], labels[-1] + offset
    return int(index[0] - usual >= start), int(index[-1] + usual < end)


#: The share of equal steps from which on a missing one shows.
_EVEN = 0.8
#: Frequencies whose steps pandas names by their last day.
_AT_THE_END = ("ME", "QE", "YE", "BME", "BQE", "BYE", "W")
