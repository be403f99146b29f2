"""Files of the user's own: what is read, what is noted, and what is refused with which words."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.data.files import open_table
from recipes.errors import UserError
from recipes.forecast.data import reading
from recipes.forecast.data.gaps import fill
from recipes.forecast.data.opening import guess_columns
from recipes.forecast.data.series import TimeSeries
from recipes.forecast.data.table import Table

DAYS = "t,y,x\n2024-01-01,1,10\n2024-01-02,2,20\n2024-01-03,4,30\n"


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write_file


def read_series(path, **arguments):
    return reading.read_series(open_table(path), **arguments)


def refusal(path, **arguments):
    arguments.setdefault("targets", ("y",))
    with pytest.raises(UserError) as caught:
        read_series(path, **arguments)
    return str(caught.value)


def dates(*texts):
    return [np.datetime64(text, "s") for text in texts]


def csv_of(times, name="t"):
    return f"{name},y\n" + "".join(f"{time},{row}\n" for row, time in enumerate(times))


# What is read


def test_a_csv_with_dates(write):
    series = read_series(write(DAYS), time="t", targets=("y",), past_covariates=("x",), future=2)
    np.testing.assert_array_equal(series.values, np.float32([[1, 10], [2, 20], [4, 30]]))
    assert series.times.tolist() == [
        t.item() for t in dates("2024-01-01", "2024-01-02", "2024-01-03")
    ]
    assert series.future_times[0].tolist() == [t.item() for t in dates("2024-01-04", "2024-01-05")]
    assert (series.ids, series.future_covariates.shape) == (("",), (5, 0))
    assert series.notes[1:] == ("t: times from 2024-01-01 to 2024-01-03, steps of 1 day",)
    assert series.notes[0].endswith("data.csv: 3 rows; encoding utf-8; separator ','")


def test_columns_without_a_name(write):
    """Such as the index that pandas writes, or what a comma at the end of each line makes."""
    path = write(",y,\n0,1,\n1,2,\n2,4,\n", "index.csv")
    assert guess_columns(open_table(path)) == (None, ["y"])
    assert read_series(path, targets=("Unnamed: 0",)).values.tolist() == [[0], [1], [2]]
    path = write(",y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,4\n", "times.csv")
    time, targets = guess_columns(open_table(path))
    assert (time, targets) == ("Unnamed: 0", ["y"])
    series = read_series(path, time=time, targets=targets)
    assert series.times[0] == np.datetime64("2024-01-01")
    assert "'Unnamed: 0'" in refusal(path, targets=("z",))


def test_gzip_parquet_and_other_separators_read_the_same(write, tmp_path):
    reference = read_series(write(DAYS), time="t", targets=("y", "x"))
    frame = pd.read_csv(write(DAYS), parse_dates=["t"])
    frame.to_parquet(tmp_path / "data.parquet")
    paths = [
        write(gzip.compress(DAYS.encode(), mtime=0), "data.csv.gz"),
        tmp_path / "data.parquet",
        write(DAYS.replace(",", ";"), "semicolons.csv"),
        write("\ufeff" + DAYS.replace("\n", "\r\n"), "excel.csv"),
    ]
    for path in paths:
        series = read_series(path, time="t", targets=("y", "x"))
        np.testing.assert_array_equal(series.values, reference.values)
        np.testing.assert_array_equal(series.times, reference.times)


def test_without_times_rows_are_steps(write):
    series = read_series(write("y\n5\n\n7\n"), targets=("y",), future=2)
    assert series.values.ravel().tolist() == [5, 5, 7]
    assert series.times.tolist() == [0, 1, 2]
    assert series.future_times.tolist() == [[3, 4]]


def test_step_numbers_go_on_with_their_step(write):
    series = read_series(write(csv_of([10, 15, 20])), time="t", targets=("y",), future=2)
    assert series.future_times.tolist() == [[25, 30]]


@pytest.mark.parametrize(
    ("times", "following"),
    [
        (["2024-01-31", "2024-02-29", "2024-03-31"], ["2024-04-30", "2024-05-31"]),
        (["2024-07-01", "2024-08-01", "2024-09-01"], ["2024-10-01", "2024-11-01"]),
        (["2024-01", "2024-04", "2024-07"], ["2024-10-01", "2025-01-01"]),
        (["2022-12-31", "2023-12-31"], ["2024-12-31", "2025-12-31"]),
        (["2024-03-14", "2024-03-15", "2024-03-18"], ["2024-03-19", "2024-03-20"]),
        (["2024-03-14 23:00", "2024-03-15 00:00"], ["2024-03-15T01", "2024-03-15T02"]),
        (["03/14/2024", "03/15/2024"], ["2024-03-16", "2024-03-17"]),
        (["12.03.2024", "13.03.2024"], ["2024-03-14", "2024-03-15"]),
    ],
)
def test_calendars_are_regular_and_go_on(write, times, following):
    series = read_series(write(csv_of(times)), time="t", targets=("y",), future=2)
    np.testing.assert_array_equal(series.future_times[0], dates(*following))


def test_time_zones_become_utc(write):
    times = ["2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00", "2024-03-31T04:00+02:00"]
    series = read_series(write(csv_of(times)), time="t", targets=("y",))
    np.testing.assert_array_equal(
        series.times, dates("2024-03-31T00", "2024-03-31T01", "2024-03-31T02")
    )
    assert "t: times converted to UTC" in series.notes


def test_several_series_are_sorted_by_name(write):
    text = "t,s,y\n1,b,1\n1,NA,2\n2,b,3\n2,NA,4\n3,b,5\n"
    series = read_series(write(text), time="t", targets=("y",), series="s", future=1)
    assert series.ids == ("NA", "b")
    assert series.offsets.tolist() == [0, 2, 5]
    assert series.values.ravel().tolist() == [2, 4, 1, 3, 5]
    assert series.future_times.tolist() == [[3], [4]]
    assert series.series_of(np.arange(5)).tolist() == [0, 0, 1, 1, 1]
    assert series.future_rows(np.arange(5)).tolist() == [0, 1, 3, 4, 5]


def test_ids_keep_their_zeros(write):
    series = read_series(write("s,y\n007,1\n007,2\n"), targets=("y",), series="s")
    assert series.ids == ("007",)


# Missing values


def test_missing_values_are_filled_and_noted(write):
    text = "s,y\na,\na,1\na,\nb,5\nb,\n"
    series = read_series(write(text), targets=("y",), series="s")
    assert series.values.ravel().tolist() == [1, 1, 1, 5, 5]
    assert series.notes[1:] == (
        "no time column: the rows count as equal steps, in their order in the file",
        "y: 3 missing values, filled with the last known value (1 before the first known value, "
        "filled with that one)",
    )
    zeros = read_series(write(text), targets=("y",), series="s", missing="zero")
    assert zeros.values.ravel().tolist() == [0, 1, 0, 5, 0]
    message = refusal(write(text), series="s", missing="error")
    assert "3 missing" in message
    assert "row 1" in message


@settings(deadline=None)
@given(
    blocks=st.lists(
        st.lists(st.none() | st.integers(0, 9), min_size=1, max_size=12).filter(
            lambda block: any(value is not None for value in block)
        ),
        min_size=1,
        max_size=4,
    )
)
def test_filled_values_never_look_ahead(blocks):
    flat = np.array([np.nan if v is None else v for block in blocks for v in block])
    offsets = np.cumsum([0, *map(len, blocks)])
    ids = tuple(map(str, range(len(blocks))))
    table = Table(flat[:, None].copy(), ("y",), np.arange(len(flat)), offsets, ids, None, "file")
    fill(table, "forward")
    for block, start in zip(blocks, offsets, strict=False):
        last = next(value for value in block if value is not None)
        for place, value in enumerate(block):
            last = last if value is None else value
            assert table.values[start + place, 0] == last


# Resampling


def test_the_gap_of_months_is_named_and_not_february(write):
    days = [f"2023-{month:02d}-01" for month in range(1, 13) if month != 9]
    message = refusal(write("t,y\n" + "".join(f"{day},1\n" for day in days)), time="t")
    assert "from 2023-08-01 (row 8) to 2023-10-01" in message


def test_resampling_sorts_and_leaves_no_gap(write):
    text = "t,y\n2024-01-04,9\n2024-01-01 00:00,1\n2024-01-01 12:00,3\n2024-01-02,5\n"
    for rule, first in (("mean", 2), ("sum", 4), ("last", 3)):
        series = read_series(
            write(text), time="t", targets=("y",), resample="D", resample_rule=rule, future=1
        )
        assert series.values.ravel().tolist() == [first, 5, 5, 9]
        assert series.future_times[0, 0] == np.datetime64("2024-01-05")
        assert f"resampled to D by {rule}: 4 rows in, 4 out" in series.notes
        assert any("1 missing value" in note for note in series.notes)


def test_each_series_is_resampled_on_its_own(write):
    text = "t,s,y\n2024-01-01,a,1\n2024-01-09,a,2\n2024-02-01,b,3\n2024-02-02,b,5\n"
    asked = {"time": "t", "targets": ("y",), "series": "s", "resample": "W"}
    series = read_series(write(text), **asked, partial="keep")
    assert series.offsets.tolist() == [0, 2, 3]
    assert series.values.ravel().tolist() == [1, 2, 4]


# Known in advance


def test_the_calendar(write):
    names = ("dayofweek", "dayofyear", "month", "hour", "weekend")
    times = ["2024-01-06 12:00", "2024-01-07 12:00"]
    series = read_series(
        write(csv_of(times)), time="t", targets=("y",), datetime_features=names, future=1
    )
    columns = dict(zip(series.future_names, series.future_covariates.T, strict=True))
    assert len(columns) == 9
    assert columns["weekend"].tolist() == [1, 1, 0]
    weekday = 2 * np.pi * np.array([5, 6, 0]) / 7
    np.testing.assert_allclose(columns["dayofweek_sin"], np.sin(weekday), atol=1e-6)
    np.testing.assert_allclose(columns["dayofweek_cos"], np.cos(weekday), atol=1e-6)
    np.testing.assert_allclose(columns["hour_cos"], -1, atol=1e-6)
    np.testing.assert_allclose(columns["month_cos"], 1, atol=1e-6)
    angle = 2 * np.pi * np.array([5, 6, 7]) / 366
    np.testing.assert_allclose(columns["dayofyear_sin"], np.sin(angle), atol=1e-6)


def test_a_known_file_is_matched_by_time_and_series(write):
    data = write("t,s,y\n1,b,1\n2,b,2\n1,a,3\n2,a,4\n")
    known = write("p,s,t\n23,b,3\n22,b,2\n21,b,1\n11,a,1\n12,a,2\n13,a,3\n99,c,1\n", "known.csv")
    arguments = {"time": "t", "targets": ("y",), "series": "s", "future": 1}
    series = read_series(data, future_covariates=known, **arguments)
    assert series.future_names == ("p",)
    assert series.future_covariates.ravel().tolist() == [11, 12, 13, 21, 22, 23]
    shared = write("t,p\n1,11\n2,12\n3,13\n", "shared.csv")
    series = read_series(data, future_covariates=shared, **arguments)
    assert series.future_covariates.ravel().tolist() == [11, 12, 13] * 2


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ("t,p\n2024-01-01,1\n2024-01-02,1\n2024-01-03,1\n", ("2024-01-04", "1 times missing")),
        ("t,p\n2024-01-02,1\n", ("2024-01-01", "3 times missing")),
        ("t,p\n2024-01-01,1\n2024-01-01,1\n", ("once", "1 repeated")),
        ("t,p\n2024-01-01,\n", ("missing", "'p'", "row 1")),
        ("t,p\n2024-01-01,red\n", ("numbers", "'red'", "row 1")),
        ("t,y\n2024-01-01,1\n", ("'y'", "taken")),
        ("t\n2024-01-01\n", ("none",)),
        ("day,p\n2024-01-01,1\n", ("'t'", "'day'")),
        ("t,p\n1,1\n", ("step numbers",)),
    ],
)
def test_a_known_file_that_does_not_fit(write, known, words):
    message = refusal(write(DAYS), time="t", future_covariates=write(known, "known.csv"), future=1)
    for word in words:
        assert word in message


# What is refused


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ("empty",)),
        ("\n\n", ("empty lines",)),
        ("t,y\n", ("rows below the header", "none")),
        ('t,y\n1,"2\n', ("numbers", "row 1")),
        (b"t,y\n1,\xff\xfe\n", ("UTF-8",)),
        (gzip.compress(b"t,y\n1,2\n" * 999, mtime=0)[:-9], ("cannot be read",)),
        (b"PAR1 and no more", ("cannot be read",)),
        ("t,y\n1,2,5\n2,3,5\n", ("fewer cells than the rows: 2, not 3", "--skip_rows 1")),
        ("t,y\n1,2\n2,3,5\n", ("Expected 2 cells in every row", "'2,3,5'", "1.5")),
        ("t,y,y\n1,2,3\n", ("'y' (--target)", "'y.1', 'y.2'")),
        ("t,Why\n1,2\n", ("'y'", "--target", "'t', 'Why'")),
        ("t,Y\n1,2\n", ("Did you mean 'Y'?",)),
        ("t,y\n1,2\n2,red\n3,blue\n", ("numbers", "'red'", "row 2", "2 such")),
        ("t,y\n1,2\n2,-inf\n", ("finite", "'y'", "-inf", "row 2")),
        ("t,y\n1,2\n2,1e39\n", ("finite", "1e+39", "row 2")),
        ("t,y\n1,\n2,\n", ("'y'", "none in all 2 rows", "Leave the column out")),
    ],
)
def test_unreadable_files(write, text, words):
    message = refusal(write(text), time="t")
    for word in (*words, "data.csv"):
        assert word in message


def test_a_file_that_is_not_there(tmp_path):
    assert "nothing of that name" in refusal(tmp_path / "none.csv")
    assert "a folder" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (["2024-01-01", "soon", "2024-01-03"], ("dates", "'soon'", "row 2")),
        (["1", "two", "3"], ("step numbers", "'two'", "row 2")),
        (["1", "2.5", "3"], ("step numbers", "'2.5'", "row 2")),
        (["True", "False"], ("dates", "row 1")),
        (["1", "", "3"], ("a time in every row", "1 rows", "row 2")),
        (["2024-01-01", "2024-01-01"], ("1 repeated", "--series", "--resample")),
        (["2024-01-01", "2024-01-02", "2024-01-01"], ("1 repeated", "2024-01-01 (row 3)")),
        (
            ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-06"],
            ("1 day", "3 days", "2024-01-03 (row 3)", "--resample D"),
        ),
        (["2024-01", "2024-02", "2024-03", "2024-05"], ("--resample MS",)),
        (["2024-01-01 00:00", "2024-01-01 00:15", "2024-01-01 01:00"], ("--resample 15min",)),
        ([1, 2, 3, 5], ("1 being the usual", "step of 2", "--time")),
        (["2024-01-01"], ("two rows",)),
        (["2024-01-01 00:00:00.5", "2024-01-01 00:00:01.0"], ("whole seconds",)),
    ],
)
def test_times_that_cannot_be_used(write, times, words):
    message = refusal(write(csv_of(times)), time="t")
    for word in words:
        assert word in message


def test_rows_in_any_order_are_sorted_by_time(write):
    reference = read_series(write(DAYS), time="t", targets=("y",))
    header, *rows = DAYS.splitlines()
    for order, words in (
        (rows[::-1], "the newest came first"),
        (rows[1:] + rows[:1], "1 were out"),
    ):
        series = read_series(write("\n".join([header, *order])), time="t", targets=("y",))
        assert series.values.tolist() == reference.values.tolist()
        assert any(f"sorted by time: {words}" in note for note in series.notes)


def test_business_days_may_lack_holidays(write):
    days = pd.bdate_range("2024-01-01", periods=60)
    some = days.drop(days[[20, 37]])
    series = read_series(write(csv_of(some.date)), time="t", targets=("y",), future=1)
    assert series.future_times[0, 0] == days[-1].to_datetime64() + np.timedelta64(3, "D")
    assert "2 days from Monday to Friday" in " ".join(series.notes)
    lacking = csv_of(days.drop(days[10:30:2]).date)
    message = refusal(write(lacking), time="t")
    assert "1 business day" in message
    assert "--resample B" in message
    series = read_series(write(lacking), time="t", targets=("y",), resample="B")
    assert len(series) == 60


def test_steps_that_rows_cover_in_part_are_left_out_or_kept(write):
    days = pd.date_range("2024-01-15", "2024-04-10")
    text = "t,y\n" + "".join(f"{day.date()},1\n" for day in days)
    for alias, whole in (("MS", [29, 31]), ("ME", [29, 31]), ("W", [7] * 12)):
        asked = {"time": "t", "targets": ("y",), "resample": alias, "resample_rule": "sum"}
        series = read_series(write(text), **asked)
        assert series.values.ravel().tolist() == whole
        assert "--partial keep keeps it" in " ".join(series.notes)
        kept = read_series(write(text), **asked, partial="keep")
        assert kept.values.sum() == len(days)
    message = refusal(write(csv_of(days.date)), time="t", resample="ns")
    assert "--resample ns would make " in message
    message = refusal(write(csv_of(days.date)), time="t", resample="YS")
    assert "--partial keep" in message
    yearly = {"time": "t", "targets": ("y",), "resample": "YS", "partial": "keep"}
    assert len(read_series(write(csv_of(days.date)), **yearly)) == 1


def test_years_that_months_cover_in_part_are_left_out(write):
    months = pd.date_range("2000-03-01", periods=36, freq="MS").date
    text = "t,y\n" + "".join(f"{month},1\n" for month in months)
    for alias in ("YS", "YE"):
        asked = {"time": "t", "targets": ("y",), "resample": alias, "resample_rule": "sum"}
        assert read_series(write(text), **asked).values.ravel().tolist() == [12, 12]


def test_columns_of_numbers_called_like_times(write):
    newest = "year,y\n" + "".join(f"{year},{year - 1949}\n" for year in range(1960, 1949, -1))
    file = open_table(write(newest))
    assert guess_columns(file, targets=("y",)) == ("year", ["y"])
    repeated = "year,month,y\n" + "".join(f"2024,{m},{m / 3}\n" for m in range(1, 13))
    assert guess_columns(open_table(write(repeated)), targets=("y",))[0] == "year,month"


@pytest.mark.parametrize("digits", [2, 3, 11])
@pytest.mark.parametrize("steps", [12, 4])
def test_parts_of_years_are_months(write, steps, digits):
    """As R writes its series, which also counts the rows."""
    rows = [f"{n + 1},{1949 + n / steps:.{digits}f},{n % 7}\n" for n in range(40)]
    file = open_table(write("rownames,time,value\n" + "".join(rows)))
    assert guess_columns(file) == ("time", ["value"])
    series = read_series(file.source, time="time", targets=("value",))
    months = np.arange(0, 480 // steps, 12 // steps)
    np.testing.assert_array_equal(series.times, np.datetime64("1949-01") + months)
    assert "time: parts of years are read as months, 1949 as 1949-01" in series.notes[1]


def test_years_with_months_as_decimals_are_not_parts_of_years(write):
    text = "time,y\n" + "".join(f"2024.{month:02},1\n" for month in range(1, 13))
    assert "Received: '2024.01'" in refusal(write(text), time="time")


def test_series_below_each_other_without_times_are_asked_about(write):
    path = write("city,sales\n" + "".join(f"{c},{n}.5\n" for c in "abc" for n in range(5)))
    with pytest.raises(UserError, match=r"3 values of .city.*--series city if so, or --time none"):
        guess_columns(open_table(path))
    assert guess_columns(open_table(path), time="none") == (None, ["sales"])
    assert guess_columns(open_table(path), series="city", taken={"city"}) == (None, ["sales"])
    weather = write("sky,y\n" + "".join(f"{'rain' if n % 3 else 'sun'},{n}.5\n" for n in range(20)))
    assert guess_columns(open_table(weather)) == (None, ["y"])


def test_a_zone_in_one_file_and_none_in_the_other_is_refused(write):
    zoned = write("t,p\n" + "".join(f"2024-01-0{d}T01:00Z,1\n" for d in (1, 2, 3)), "known.csv")
    message = refusal(write(DAYS), time="t", future_covariates=zoned)
    assert "Expected dates without their distance to UTC" in message


def test_each_series_keeps_its_own_time(write):
    text = "t,s,y\n1,a,1\n2,a,1\n1,b,1\n1,b,1\n"
    assert "series 'b'" in refusal(write(text), time="t", series="s")
    assert "2 rows" in refusal(write("s,y\na,1\n,1\n,1\n"), series="s")
    empty = write("s,y\na,1\nb,\nc,2\nc,3\n")
    series = read_series(empty, series="s", targets=("y",))
    assert (series.ids, series.values.ravel().tolist()) == (("a", "c"), [1, 2, 3])
    assert "'b' left out: a column has no value there" in series.notes
    assert "Received: 1 missing" in refusal(empty, series="s", missing="error")
    filled = read_series(empty, series="s", targets=("y",), missing="zero")
    assert filled.values.ravel().tolist() == [1, 0, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"targets": ()}, ("--target",)),
        ({"targets": ("y",), "past_covariates": ("y",)}, ("once", "'y'", "--past_covariates")),
        ({"resample": "D"}, ("--resample", "--time")),
        ({"time": "t", "resample": "nonsense"}, ("--resample", "15min", "'nonsense'")),
        ({"time": "t", "resample": "-1D"}, ("--resample", "'-1D'")),
        ({"time": "x", "resample": "D"}, ("dates", "step numbers")),
        ({"datetime_features": ("month",)}, ("--datetime_features", "--time")),
        ({"time": "x", "datetime_features": ("month",)}, ("--datetime_features", "step numbers")),
        ({"time": "t", "datetime_features": ("moon",)}, ("dayofweek, dayofyear", "moon")),
        ({"future_covariates": "known.csv"}, ("--future_covariates needs", "--time")),
    ],
)
def test_arguments_that_cannot_be(write, arguments, words):
    message = refusal(write(DAYS), **arguments)
    for word in words:
        assert word in message


# The dataclass


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"values": np.zeros((3, 2), np.float32)}, "values"),
        ({"values": np.zeros((3, 1))}, "float32"),
        ({"values": np.full((3, 1), np.nan, np.float32)}, "finite"),
        ({"times": np.zeros(3)}, "times"),
        ({"offsets": np.array([0, 3, 3])}, "offsets"),
        ({"offsets": np.array([0, 1, 2])}, "offsets"),
        ({"ids": ("a", "a")}, "ids"),
        ({"future": 1}, "future_covariates"),
        ({"targets": (), "past_covariates": ("y",)}, "target"),
    ],
)
def test_arrays_that_contradict_each_other_are_refused(change, word):
    arguments = {
        "values": np.zeros((3, 1), np.float32),
        "targets": ("y",),
        "past_covariates": (),
        "times": np.array([0, 1, 0]),
        "offsets": np.array([0, 2, 3]),
        "ids": ("a", "b"),
        "future_covariates": np.zeros((3, 0), np.float32),
        "future_names": (),
        "future": 0,
        "future_times": np.zeros((2, 0), np.int64),
    }
    TimeSeries(**arguments)
    with pytest.raises(ValueError, match=word):
        TimeSeries(**(arguments | change))


def test_real_files_are_read(zoo_data):
    folder = zoo_data / "timeseries"
    months = read_series(
        folder / "airline-passengers.csv.gz", time="Month", targets=("Passengers",), future=1
    )
    assert len(months) == 144
    assert months.future_times[0, 0] == np.datetime64("1961-01-01")
    path = folder / "daily-min-temperatures.csv.gz"
    assert "1984-12-30" in refusal(path, time="Date", targets=("Temp",))  # Leap days are left out.
    days = read_series(path, time="Date", targets=("Temp",), resample="D")
    assert len(days) == 3652
