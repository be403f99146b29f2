"""Tables as programs write them: each is read right, or refused with a cure that works."""

import numpy as np
import openpyxl
import pandas as pd
import pytest

from recipes.data.dialect import Dialect
from recipes.data.files import open_table
from recipes.errors import UserError
from recipes.forecast.data.opening import guess_columns
from recipes.forecast.data.steps import is_regular
from recipes.forecast.data.table import find_key


@pytest.fixture
def table(tmp_path):
    def table(content, name="t.csv", **dialect):
        (tmp_path / name).write_text(content, encoding="utf-8")
        return open_table(tmp_path / name, Dialect(**dialect))

    return table


def test_three_letters_in_front_of_a_number_are_a_currency_only_if_there_is_one(table):
    rows = "".join(f"PRJ-{n},UPI {n},EUR {n}.5,{n} MIN\n" for n in range(1, 30))
    found = table("key,text,price,time\n" + rows)
    assert found.column("key").tolist()[:2] == ["PRJ-1", "PRJ-2"]  # as Jira writes them
    assert found.column("text")[0] == "UPI 1"
    assert found.column("price").sum() == sum(range(1, 30)) + 14.5
    assert found.column("time").sum() == sum(range(1, 30))


PRICES = "".join(f"2024-01-{day:02},{day}.5,{10 * day}\n" for day in range(1, 20))


def test_headers_of_several_levels_and_the_name_of_an_index(table, tmp_path):
    found = table("Price,Close,Volume\nTicker,AAPL,AAPL\nDate,,\n" + PRICES)  # as yfinance does
    assert len(found.dates("Price")) == 19
    assert found.column("Close").tolist() == [day + 0.5 for day in range(1, 20)]
    names = pd.MultiIndex.from_product([["size", "age"], ["mean", "std"]])
    values = np.arange(24.0).reshape(6, 4)
    frame = pd.DataFrame(values, pd.Index(list("uvwxyz"), name="group"), names)
    frame.to_excel(tmp_path / "t.xlsx")
    for found in (table(frame.to_csv()), open_table(tmp_path / "t.xlsx")):
        assert len(found) == 6
        columns = [found.column(name) for name in found.names[1:]]
        assert np.array_equal(np.stack(columns, axis=1), values)
        assert sum("the row below the header left out" in note for note in found.notes) >= 1
    levels = "".join(f"{'abc'[n % 3]}\t{'xyz'[n % 3]}\n" for n in range(20))
    found = table(f"size\tsort\nd\td\n\tclass\n{levels}")
    assert {*found.labels("sort")} == {"x", "y", "z"}
    assert len(table(f"size\tsort\nstring\ttext\n{levels}")) == 20
    assert len(table(f"size\tsort\nd\td\n{levels}")) == 21  # letters without what Orange adds
    rows = "".join(f"{n / 4}\t{n / 2}\t{'ab'[n % 2]}\n" for n in range(20))
    for kinds in ("c\tc\td", "continuous\tcontinuous\ta b"):  # as Orange does
        assert {*table(f"x\ty\tiris\n{kinds}\n\t\tclass\n{rows}").labels("iris")} == {"a", "b"}


def test_a_row_of_missing_values_is_no_name_of_an_index(table):
    rows = "".join(f"r{n},{n}.5,{n}\n" for n in range(9))
    found = table(f"station,size,age\n,cm,years\nr,,\ns,,\n{rows}")
    assert found.labels("station").tolist()[:3] == ["r", "s", "r0"]
    found = table(f"station,size,age\n,cm,\nr,,broken\n{rows}")
    assert found.labels("station").tolist()[:2] == ["r", "r0"]


def test_what_mysql_draws_around_a_table(table):
    rule = "+----+-------+------+\n"
    rows = "".join(f"| {n} | Bob {n % 3} | {n}.5 |\n" for n in range(10, 30))
    found = table(f"{rule}| id | name  | v    |\n{rule}{rows}{rule}20 rows in set (0.00 sec)\n")
    assert found.column("id").tolist() == [*range(10, 30)]
    assert found.column("v").sum() == sum(range(10, 30)) + 10


def test_merged_cells_of_a_workbook_hold_for_all_of_their_rows(tmp_path):
    keys = pd.MultiIndex.from_product([["north", "south"], range(6)], names=["shop", "day"])
    pd.DataFrame({"sold": np.arange(12.0)}, keys).to_excel(tmp_path / "t.xlsx")
    found = open_table(tmp_path / "t.xlsx")
    assert found.labels("shop").tolist() == ["north"] * 6 + ["south"] * 6
    assert found.column("sold").tolist() == [*range(12)]
    assert "cells merged over several rows hold for each of them" in found.notes


def write(rows, path):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


@pytest.mark.parametrize("behind", [["Source: office"], ["Source: office", "Status: draft"]])
def test_a_total_and_a_source_below_the_rows_of_a_workbook(tmp_path, behind):
    rows = [["Report"], [], ["shop", "sold", "cost"], *([f"s{n}", n, 2.5 * n] for n in range(9))]
    rows += [["Sum", 36, 90], [], *([line] for line in behind)]
    write(rows, tmp_path / "t.xlsx")
    found = open_table(tmp_path / "t.xlsx")
    assert found.column("sold").tolist() == [*range(9)]
    assert any(f"left out at the end: {'; '.join(behind)!r}" in note for note in found.notes)
    rows[-len(behind) :] = [["s9", 1, 2]]
    write(rows, tmp_path / "t.xlsx")
    assert len(open_table(tmp_path / "t.xlsx")) == 11


def test_rows_of_sums_and_means_without_the_word_total(table):
    days = "".join(
        f"{day.date()},{900 + n}\n" for n, day in enumerate(pd.date_range("2024", periods=9))
    )
    found = table(f"day,users\n{days},{9 * 900 + 36}\n")  # as analytics of websites do
    assert len(found) == 9
    assert any("last row left out, a total" in note for note in found.notes)
    marks = "".join(f"A{n},{n % 5}\n" for n in range(20))
    assert len(table(f"name,mark\n{marks}Overall average,2.0\n")) == 20
    assert len(table(f"name,mark\n{marks}Overall average,4.0\n")) == 21
    assert len(table("name,mark\na,1\nb,2\n,3\n")) == 3  # too few to tell


def test_a_small_table_above_a_large_one(table):
    hours = "".join(f"2024-01-01T{hour:02}:00,{hour}.5,0\n" for hour in range(24))
    above = "latitude,longitude,elevation,timezone\n52.5,13.4,38.0,Europe/Berlin\n\n"
    found = table(f"{above}time,temperature (°C),rain (mm)\n{hours}")  # as Open-Meteo does
    assert found.names == ["time", "temperature (°C)", "rain (mm)"]
    assert len(found) == 24
    assert any("3 lines above the header left out" in note for note in found.notes)


def test_dates_of_sas_and_of_logs(table):
    found = table("a,b,c\n02JAN2024,02JAN2024:13:00:00,05/Jan/2024:13:00:00 +0100\n" * 3)
    wanted = ["2024-01-02", "2024-01-02T13:00", "2024-01-05T12:00"]
    for name, value in zip("abc", wanted, strict=True):
        assert found.column(name)[0] == pd.Timestamp(value)


def test_a_time_may_say_when_it_ends(table):
    starts = pd.date_range("2023-03-01", periods=192, freq="15min")
    cells = [f"{at:%d.%m.%Y %H:%M} - {at + pd.Timedelta('15min'):%d.%m.%Y %H:%M}" for at in starts]
    found = table("MTU,load\n" + "".join(f"{cell},{n}\n" for n, cell in enumerate(cells)))
    assert guess_columns(found) == ("MTU", ["load"])  # as ENTSO-E writes them
    assert (found.times("MTU", is_regular).values == starts.to_numpy("datetime64[us]")).all()


def test_other_formats_are_refused_with_a_cure_that_works(table):
    for text in ("<html>\n<table>\n<tr>\n</table>\n", '<?xml version="1.0"?>\n<Workbook>\n</a>\n'):
        with pytest.raises(UserError, match="is HTML or XML"):
            table(text, "t.xls")
    rows = "".join(f"{n}.5,{'ab'[n % 2]}\n" for n in range(9))
    weka = f"% made up\n@RELATION r\n\n@ATTRIBUTE x REAL\n@ATTRIBUTE y {{a,b}}\n@DATA\n{rows}"
    with pytest.raises(UserError, match="--skip_rows 6 --header none"):
        table(weka)
    found = table(weka, skip_rows=6, header="none")
    assert found.column("column_1").tolist() == [n + 0.5 for n in range(9)]
    with pytest.raises(UserError, match="JSON object"):
        table("".join(f'[{n}, "x", {n}.5]\n' for n in range(9)), "t.jsonl")


def test_a_class_as_a_number_in_the_first_row_is_no_name(table):
    rows = "".join(f'"{n % 4 + 1}","title {n}","a text {n}"\n' for n in range(40))
    with pytest.raises(UserError, match="--header none"):
        table(rows)
    assert len(table(rows, header="none")) == 40
    assert len(table(pd.Series([0, 1] * 20).to_csv())) == 40
    assert len(table(pd.Series([0, 1] * 20, pd.Index(range(40), name="t")).to_csv())) == 40
    marks = "".join(f"s{n},{n % 5 + 1},{n % 4 + 1},{n % 3 + 1}\n" for n in range(40))
    assert table("pupil,1,2,3\n" + marks).names == ["pupil", "1", "2", "3"]


def test_the_time_of_an_export_is_no_time_of_series(table):
    rows = "".join(
        f"2024-05-11,{place},2023-{month:02},{month}.5\n"
        for place in ("AT", "DE") for month in range(1, 13)
    )  # fmt: skip
    found = table("LAST UPDATE,geo,TIME_PERIOD,OBS_VALUE\n" + rows)
    assert guess_columns(found, None, [], {"geo"}, "geo") == ("TIME_PERIOD", ["OBS_VALUE"])


def test_numbers_that_are_all_days_are_times_whatever_they_are_called(table):
    for form, what in (("%Y%m%d", "D"), ("%Y%m%d%H", "h")):
        times = pd.date_range("2024-01-25", periods=40, freq=what).strftime(form)
        rows = "".join(f"{433};{time};{n}.5;eor\n" for n, time in enumerate(times))
        found = table("STATIONS_ID;MESS_DATUM;TT;eor\n" + rows)
        assert guess_columns(found, None, ["TT"]) == ("MESS_DATUM", ["TT"])
        assert found.times("MESS_DATUM").values.dtype.kind == "M"
    ids = "".join(f"{20240190 + n},{n}.5\n" for n in range(20))
    assert guess_columns(table("number,y\n" + ids), None, ["y"])[0] is None


def test_hours_are_not_proposed_as_series(table):
    rows = "".join(f"2024-01-{n // 24 + 1:02},{n % 24:02}00 UTC,{n}.5\n" for n in range(72))
    found = table("date,Hora UTC,y\n" + rows)
    assert find_key(found, ["Hora UTC", "y"], "date") is None


def test_where_no_flag_says_how_a_file_is_written_the_advice_is_another(tmp_path):
    text = "file,label\n" + "".join(f"{n}.png,café¤\n" for n in range(9))
    (tmp_path / "t.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match="Without flags here: save it as CSV in UTF-8"):
        open_table(tmp_path / "t.csv")  # as for lists of pictures
    with pytest.raises(UserError, match=r"--encoding(?!.*Without)"):
        open_table(tmp_path / "t.csv", Dialect())
    assert open_table(tmp_path / "t.csv", Dialect(encoding="latin-1")).labels("label")[0] == "café¤"
