"""Wide tables: one row a series, one column a step."""

import numpy as np
import pytest

from recipes.data.files import open_table
from recipes.errors import UserError
from recipes.forecast.data.opening import guess_columns
from recipes.forecast.data.reading import read_series
from recipes.forecast.data.wide import VALUE, unfold


@pytest.fixture
def wide(tmp_path):
    def wide(text, series=None):
        (tmp_path / "wide.csv").write_text(text)
        return unfold(open_table(tmp_path / "wide.csv"), series)

    return wide


def test_series_of_different_lengths(wide):
    file, series, time = wide('"V1","V2","V3","V4"\n"W1",1,2,3\n"W2",5,6,\n"W3",,7.5,8\n')
    found = read_series(file, time=time, targets=("value",), series=series)
    assert found.ids == ("W1", "W2", "W3")
    assert np.diff(found.offsets).tolist() == [3, 2, 2]
    assert found.values.ravel().tolist() == [1, 2, 3, 5, 6, 7.5, 8]
    assert found.times.tolist() == [1, 2, 3, 1, 2, 2, 3]
    assert "wide: 3 series of up to 3 steps" in found.notes


def test_columns_named_by_dates_give_the_times(wide):
    file, series, time = wide("shop,2024-01-31,2024-02-29,2024-03-31\na,1,2,3\nb,4,5,6\n")
    found = read_series(file, time=time, targets=("value",), series=series)
    assert found.times[1] == np.datetime64("2024-02-29")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3\n4,5,7\n6,7,9\n", "Name it with --series"),
        ("name,1\na,5\nb,6\n", "Leave --wide out"),
        ("name,1,2\na,5,6\nb,,\n", "none in that of series 'b'"),
        ("name,1,2\na,5,6\nb,7,many\n", "Received: 'many' in row 2"),
    ],
)
def test_what_is_not_wide_is_refused(wide, text, message):
    with pytest.raises(UserError, match=message):
        wide(text)


def test_names_that_are_numbers_are_the_times_and_others_are_left_out(wide):
    text = "country,code,Total,2018,2016,2017\nA,101,6,3,1,2\nB,102,15,6,4,5\n"
    file, series, time = wide(text)
    found = read_series(file, time=time, targets=("value",), series=series)
    assert found.times[:3].tolist() == [2016, 2017, 2018]
    assert found.values.ravel().tolist() == [1, 2, 3, 4, 5, 6]
    assert "not like those of the steps: code, Total" in " ".join(found.notes)


def test_two_rows_of_one_series_are_refused(wide):
    with pytest.raises(UserError, match="one row a series"):
        wide("name,1,2\na,5,6\na,7,8\n")


def test_a_row_a_year_and_a_column_a_month_are_one_series(tmp_path):
    path = tmp_path / "rate.csv"
    names = ["Dec", *["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov"]]
    rows = [[year, *(12 * year + n for n in (11, *range(11))), 0] for year in (2000, 2001, 2002)]
    rows[0][2] = rows[2][1] = ""  # January 2000 and December 2002
    lines = [",".join(map(str, row)) for row in rows]
    path.write_text("\n".join([",".join(["Year", *names, "Annual"]), *lines]))
    with pytest.raises(UserError, match="--wide true for a row a year"):
        guess_columns(open_table(path))
    long, series, time = unfold(open_table(path), None)
    found = read_series(long, time=time, targets=(VALUE,), series=series)
    np.testing.assert_array_equal(found.values.ravel(), np.arange(24001, 24035))
    assert found.times[[0, -1]].astype("datetime64[M]").astype(str).tolist() == [
        "2000-02",
        "2002-11",
    ]
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *lines[::-1]]))  # the newest year first
    turned = read_series(unfold(open_table(path), None)[0], time=time, targets=(VALUE,))
    np.testing.assert_array_equal(turned.values, found.values)
    path.write_text(f"{header}\n2000{',' * 13}\n")
    with pytest.raises(UserError, match=r"values in the twelve months .* none"):
        unfold(open_table(path), None)
    path.write_text("\n".join([header, *lines]))
    path.write_text(path.read_text().replace("Year", "Code").replace("\n200", "\n9"))
    with pytest.raises(UserError, match=r"a column of years .* Add one"):
        unfold(open_table(path), None)
