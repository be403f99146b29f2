"""Times whose parts stand in several columns, such as a year and a month, or a date and a clock."""

import pandas as pd
import pytest

from recipes.data.files import open_table
from recipes.forecast.data.opening import guess_columns
from recipes.forecast.data.reading import read_series
from recipes.forecast.recipe import RECIPE, default_config


@pytest.fixture
def table(tmp_path):
    def table(text, name="t.csv"):
        (tmp_path / name).write_text(text)
        return open_table(tmp_path / name)

    return table


MONTHS = pd.date_range("2023-01-01", periods=24, freq="MS")
DAYS = pd.date_range("2024-01-30", periods=24, freq="D")
HOURS = pd.date_range("2024-03-01 20:00", periods=24, freq="h")
IN_PARTS = {
    "months": ("year,month", MONTHS, "%Y,%-m"),
    "names": ("Jahr,Monat", MONTHS, "%Y,%B"),
    "anno": ("anno,mese", MONTHS, "%Y,%m"),
    "days": ("year,month,day", DAYS, "%Y,%-m,%-d"),
    "hours": ("year,month,day,hour", HOURS, "%Y,%m,%d,%-H"),
    "clock": ("Datum,Uhrzeit", HOURS, "%d.%m.%Y,%H:%M:%S"),
    "dots": ("Date,Time", HOURS, "%d/%m/%Y,%H.%M.%S"),
    "am": ("date,clock", HOURS, "%Y-%m-%d,%-I:%M %p"),
    "hr": ("date,hr", HOURS, "%Y-%m-%d,%H"),
    "quarters": ("year,quarter", pd.date_range("2019-01-01", periods=24, freq="QS"), None),
    "weeks": ("year,kw", pd.date_range("2023-06-05", periods=60, freq="W-MON"), "%G,%V"),
}


@pytest.mark.parametrize(("names", "times", "form"), IN_PARTS.values(), ids=IN_PARTS)
def test_times_in_several_columns(table, names, times, form):
    cells = [t.strftime(form) if form else f"{t.year},{t.quarter}" for t in times]
    rows = [f"{cell},{n}.5\n" for n, cell in enumerate(cells)]
    for ordered in (rows, rows[::-1]):  # the newest first
        file = table(f"{names},y\n" + "".join(ordered))
        time, targets = guess_columns(file)
        assert (time, targets) == (names, ["y"])
        found = read_series(file, time=time, targets=targets)
        assert found.times.tolist() == times.to_numpy("M8[s]").tolist()
        assert found.values[:, 0].tolist() == [n + 0.5 for n in range(len(times))]


def test_parts_that_are_no_whole_times_are_left_alone(table):
    daily = "year,month,y\n" + "".join(f"{t.year},{t.month},{n}.5\n" for n, t in enumerate(DAYS))
    assert guess_columns(table(daily), None, ["y"])[0] is None
    dated = [f"{t:%Y-%m-%d},06:{n},{t.year},{t.month},{n}.5\n" for n, t in enumerate(DAYS, 10)]
    file = table("date,sunrise,year,month,y\n" + "".join(dated))
    assert guess_columns(file, targets=["y"])[0] == "date"
    assert "year,month" not in file.names
    panel = [f"{s},{t.year},{t.month},{n}.5\n" for s in "ab" for n, t in enumerate(MONTHS)]
    file = table("shop,year,month,y\n" + "".join(panel))
    assert guess_columns(file, None, ["y"], {"shop"}, "shop")[0] == "year,month"


def test_future_covariates_have_their_times_in_parts_too(table, tmp_path):
    text = "".join(f"{t.year},{t.month},{n}.5\n" for n, t in enumerate(MONTHS))
    table("year,month,price\n" + text + "2025,1,9.5\n", "known.csv")
    found = read_series(
        table("year,month,y\n" + text), time="year,month", targets=["y"], future=1,
        future_covariates=tmp_path / "known.csv",
    )  # fmt: skip
    assert found.future_names == ("price",)
    assert found.future_covariates[-2:].ravel().tolist() == [23.5, 9.5]


def test_predict_asks_for_no_column_of_the_joined_name():
    config = default_config(own_data=True)
    config.data, config.series = "t.csv", "shop,item"
    assert RECIPE.reads(config, {"time": "year,month", "target": ["y"]}) == ["y"]
