"""Dates as people write them: read as what they are, or refused with the flag that decides."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.data.dates import is_date, read_times, show_all
from recipes.errors import UserError


def read(*texts, **arguments):
    return read_times(pd.Series(list(texts), name="when", dtype=object), "t.csv", **arguments)


def dates(*texts):
    return np.array(texts, "datetime64[us]")


KINDS = {
    "ISO": (["2024-01-31", "2024-02-29"], ["2024-01-31", "2024-02-29"]),
    "ISO and a time": (["2024-01-31T13:00", "2024-02-01 14:30:05"],
                       ["2024-01-31T13:00", "2024-02-01T14:30:05"]),
    "fractions": (["2024-01-31 13:00:00.25"], ["2024-01-31T13:00:00.25"]),
    "day first": (["01/02/2022", "13/02/2022"], ["2022-02-01", "2022-02-13"]),
    "month first": (["01/02/2022", "02/13/2022"], ["2022-01-02", "2022-02-13"]),
    "points": (["31.12.2022", "01.01.2023"], ["2022-12-31", "2023-01-01"]),
    "short American": (["1/1/22", "7/17/22"], ["2022-01-01", "2022-07-17"]),
    "day, name, year": (["23-Apr-22", "24-Apr-22"], ["2022-04-23", "2022-04-24"]),
    "name, day, year": (["March 5, 2022", "Apr 6, 2022"], ["2022-03-05", "2022-04-06"]),
    "name and year": (["Jan-05", "Feb-05"], ["2005-01-01", "2005-02-01"]),
    "name, day and year": (["Jan-1-1995", "Feb-1-1995"], ["1995-01-01", "1995-02-01"]),
    "name and long year": (["Jan 2022", "Feb 2022"], ["2022-01-01", "2022-02-01"]),
    "quarters": (["1970Q1", "1970-Q2"], ["1970-01-01", "1970-04-01"]),
    "quarters first": (["Q3 1970", "Q4 1970"], ["1970-07-01", "1970-10-01"]),
    "weeks": (["2022-W05", "2022-W06"], ["2022-01-31", "2022-02-07"]),
    "year and month": (["2022-01", "2022/02"], ["2022-01-01", "2022-02-01"]),
    "month and year": (["01/2022", "02.2022"], ["2022-01-01", "2022-02-01"]),
    "digits of months": (["202212", "202301"], ["2022-12-01", "2023-01-01"]),
    "digits of days": (["20221231", "20230101"], ["2022-12-31", "2023-01-01"]),
    "midnight at the end": (["2022-01-01 23:00", "2022-01-01 24:00"],
                            ["2022-01-01T23:00", "2022-01-02"]),
    "afternoon": (["1/13/2022 3:30 PM", "1/14/2022 12:00 AM"], ["2022-01-13T15:30", "2022-01-14"]),
    "weekday": (["Mon, 03 Jan 2022 10:00:05"], ["2022-01-03T10:00:05"]),
    "German": (["5. März 2024", "6. Mrz. 2024"], ["2024-03-05", "2024-03-06"]),
    "French": (["janv.-21", "févr.-21", "août 2021"], ["2021-01-01", "2021-02-01", "2021-08-01"]),
    "Spanish": (["5 de enero de 2024"], ["2024-01-05"]),
    "Japanese": (["2024年3月1日", "2024/03/02(土)"], ["2024-03-01", "2024-03-02"]),
    "Chinese months": (["2024年11月", "2024年12月"], ["2024-11-01", "2024-12-01"]),
    "Korean": (["2024. 1. 5.", "2024.01.06."], ["2024-01-05", "2024-01-06"]),
    "compact": (["20240301T0130", "20240301 02:30"], ["2024-03-01T01:30", "2024-03-01T02:30"]),
    "digits of hours": (["2024030123", "2024030200"], ["2024-03-01T23", "2024-03-02"]),
    "digits of seconds": (["20240301235959", "20240302000000"],
                          ["2024-03-01T23:59:59", "2024-03-02"]),
    "other quarters": (["1. Quartal 2014", "T2 2014"], ["2014-01-01", "2014-04-01"]),
    "other weeks": (["KW 05/2022", "W06 2022"], ["2022-01-31", "2022-02-07"]),
    "other clocks": (["31.12.2022 13.30", "31.12.2022 14h00", "31.12.2022 15:00 Uhr"],
                     ["2022-12-31T13:30", "2022-12-31T14", "2022-12-31T15"]),
    "other weekdays": (["Fr., 05.01.2024", "sáb. 13/01/2024"], ["2024-01-05", "2024-01-13"]),
    "a no-break space": (["1/13/2022, 3:30\u202fPM"], ["2022-01-13T15:30"]),
}  # fmt: skip


def test_words_that_are_months_elsewhere_are_none_beside_numbers():
    for text in ("Set 12", "Gen 10", "Out 20", "Season 2019-01", "Model 2024-01-01", "T2 20"):
        assert not is_date(text)


def test_years_of_two_digits_before_points_are_last():
    days = pd.date_range("2015-01-04", periods=20)
    assert read(*days.strftime("%d.%m.%y")).values.tolist() == days.to_numpy("M8[us]").tolist()
    for form in ("%y/%m/%d", "31.12.%y"):  # days of a month, or the last ones of years
        with pytest.raises(UserError, match="--day_first"):
            read(*pd.date_range("2004-01-04", periods=9, freq="YS").strftime(form))


@pytest.mark.parametrize(("texts", "expected"), KINDS.values(), ids=KINDS)
def test_kinds_of_dates(texts, expected):
    assert read(*texts).values.tolist() == dates(*expected).tolist()
    assert all(is_date(text) for text in texts if not text.isdigit())


def test_whole_numbers_are_steps():
    assert read("7", "8").values.tolist() == [7, 8]
    assert read("1949", "1950").values.tolist() == [1949, 1950]


@pytest.mark.parametrize(("factor", "unit"), [(1, "seconds"), (1000, "milliseconds")])
def test_unix_times_are_dates(factor, unit):
    numbers = factor * (1704067200 + 86400 * np.arange(3))  # since 2024-01-01
    for column in (pd.Series(numbers, name="t"), pd.Series(numbers.astype(str), name="t")):
        found = read_times(column, "data")
        days = found.values.astype("M8[D]").astype(str).tolist()
        assert days == ["2024-01-01", "2024-01-02", "2024-01-03"]
        assert (found.zone, unit in found.notes[0]) == (True, True)
    assert read_times(pd.Series([1704067200, 9], name="t"), "data").values.dtype.kind == "i"


def test_offsets_are_brought_to_utc():
    found = read("2022-10-30T02:00+02:00", "2022-10-30T02:00+01:00", "2022-10-30T02:00Z")
    expected = dates("2022-10-30T00", "2022-10-30T01", "2022-10-30T02")
    assert found.zone
    assert found.values.tolist() == expected.tolist()
    with pytest.raises(UserError, match="mixes times with a zone and without"):
        read("2022-10-30T02:00+02:00", "2022-10-30T03:00")


def test_years_of_two_digits_lie_in_the_past_for_the_most_part():
    found = read("Jan-49", "Feb-49")
    assert found.values[0] == np.datetime64("1949-01-01")
    assert "years of two digits lie between" in found.notes[0]


def test_a_footer_is_left_out_and_named():
    found = read("2022-01-01", "2022-01-02", "Total")
    assert (found.kept, len(found.values)) == (2, 2)
    assert "'Total'" in found.notes[0]
    with pytest.raises(UserError, match=r"Received: '2022-13-01' in row 3"):
        read("2022-01-01", "2022-01-02", "2022-13-01")
    with pytest.raises(UserError, match=r"Received: 'Total' in row 2"):
        read("2022-01-01", "Total", "2022-01-02")


def test_two_readings_are_refused_and_the_flags_decide():
    texts = "01/02/2022", "02/02/2022"
    with pytest.raises(UserError, match=r"--day_first true or false, or .*--date_format"):
        read(*texts)
    assert read(*texts, order="DMY").values[1] == np.datetime64("2022-02-02")
    assert read(*texts, order="MDY").values[0] == np.datetime64("2022-01-02")
    assert read(*texts, date_format="%d/%m/%Y").values[0] == np.datetime64("2022-02-01")


def test_equal_steps_decide_between_two_readings():
    def regular(times):
        return len({*np.diff(times).tolist()}) == 1

    found = read("01/02/2022", "02/02/2022", "03/02/2022", regular=regular)
    assert (found.order, found.values[0]) == ("DMY", np.datetime64("2022-02-01"))
    assert "only with the day first" in " ".join(found.notes)


def test_forms_that_a_spreadsheet_mixed_are_read_together():
    found = read("12/01/2022", "2022-01-13", order="DMY")
    assert found.values.tolist() == dates("2022-01-12", "2022-01-13").tolist()
    assert "written in 2 ways" in found.notes[0]


@pytest.mark.parametrize("text", ["1-01", "5-Jan", "2022-02-30", "32/01/2022", "25:00", "soon"])
def test_what_is_no_date_is_refused_with_the_way_out(text):
    with pytest.raises(UserError, match=r"--time none"):
        read(text, text)


def test_a_missing_time_is_named():
    with pytest.raises(UserError, match="none in 1 rows, first row 2"):
        read("2022-01-01", None, "2022-01-03")


def test_times_are_written_in_one_form():
    assert show_all(dates("2022-01-01", "2022-01-02")) == ["2022-01-01", "2022-01-02"]
    assert show_all(dates("2022-01-01", "2022-01-01T01")) == [
        "2022-01-01T00:00:00",
        "2022-01-01T01:00:00",
    ]


DAYS = st.dates(pd.Timestamp("1950-01-01").date(), pd.Timestamp("2040-12-31").date())
FORMATS = {
    "%d/%m/%Y": "DMY", "%m/%d/%Y": "MDY", "%d.%m.%Y": "DMY", "%Y-%m-%d": None, "%Y/%m/%d": None,
    "%d %b %Y": None, "%B %d, %Y": None, "%Y%m%d": None, "%d-%m-%y": "DMY",
}  # fmt: skip


@given(st.lists(DAYS, min_size=2, max_size=20), st.sampled_from(sorted(FORMATS)))
def test_written_dates_come_back_or_two_readings_are_refused(days, form):
    texts = [day.strftime(form) for day in days]
    expected = dates(*map(str, days))
    if form == "%d-%m-%y":
        expected = dates(*(str(day) for day in days if 1948 <= day.year <= 2040))
        texts = [day.strftime(form) for day in days if 1948 <= day.year <= 2040]
    try:
        found = read(*texts).values
    except UserError:
        if FORMATS[form] is None:
            raise
        found = read(*texts, order=FORMATS[form]).values
    assert found.tolist() == expected.tolist()
