"""Files of several series below each other: told apart by one column or more, or asked about."""

import itertools

import numpy as np
import pandas as pd
import pytest

from recipes.cli import main
from recipes.data.files import open_table
from recipes.errors import UserError
from recipes.forecast.data.opening import guess_columns
from recipes.forecast.data.reading import read_series

SHOPS, ITEMS, YEARS = ("Rome", "Oslo"), ("tea", "rum", "ale"), range(2000, 2010)


@pytest.fixture
def panel(tmp_path):
    """Writes a panel of shops and items, sorted by the columns in the order given."""

    def write(*order, time="year", number=False):
        rows = [
            {"shop": shop, "item": ITEMS.index(item) if number else item, time: year}
            for shop, item, year in itertools.product(SHOPS, ITEMS, YEARS)
        ]
        rows.sort(key=lambda row: [row[name] for name in order])
        lines = [f"{row['shop']},{row['item']},{row[time]},{n}" for n, row in enumerate(rows)]
        path = tmp_path / "panel.csv"
        path.write_text("\n".join([f"shop,item,{time},sold", *lines]) + "\n")
        return path

    return write


@pytest.mark.parametrize("order", [("shop", "item", "year"), ("year", "shop", "item")])
@pytest.mark.parametrize("number", [False, True])
@pytest.mark.parametrize("series", [None, "shop"])
def test_numbers_of_times_that_repeat_name_the_columns_of_the_series(panel, order, number, series):
    file = open_table(panel(*order, number=number))
    with pytest.raises(UserError, match=r"year.* --series shop,item "):
        guess_columns(file, None, ["sold"], {series}, series)
    assert guess_columns(file, "none", ["sold"], {series}, series) == (None, ["sold"])


def test_dates_that_repeat_name_the_columns_of_the_series(panel):
    path = panel("date", "shop", "item", time="date")
    path.write_text(path.read_text().replace(",200", ",1.1.200"))
    with pytest.raises(UserError, match="--series shop,item;"):
        read_series(open_table(path), time="date", targets=("sold",))


def test_several_columns_name_a_series(panel, tmp_path):
    file = open_table(panel("year", "shop", "item"))
    file.join("shop,item")
    assert guess_columns(file, None, [], {"shop", "item", "shop,item"}, "shop,item") == (
        "year",
        ["sold"],
    )
    known = tmp_path / "known.csv"
    rows = itertools.product(SHOPS, ITEMS, [*YEARS, 2010])
    known.write_text(
        "shop,item,year,price\n"
        + "".join(f"{shop},{item},{year},{year - 2000 + len(shop)}\n" for shop, item, year in rows)
    )
    series = read_series(
        file, time="year", targets=("sold",), series="shop,item", future_covariates=known, future=1
    )
    assert series.ids[:3] == ("Oslo / ale", "Oslo / rum", "Oslo / tea")
    np.testing.assert_array_equal(series.values.reshape(6, 10)[:, 1] - series.values[::10, 0], 6)
    assert series.future_names == ("price",)
    with pytest.raises(UserError, match="'colour'"):
        open_table(panel("year", "shop", "item")).join("shop,colour")


def test_quarters_of_years_are_one_series(tmp_path):
    path = tmp_path / "quarters.csv"
    rows = [f"{year},{quarter},{year + quarter}" for year in YEARS for quarter in (1, 2, 3, 4)]
    path.write_text("year,quarter,gdp\n" + "\n".join(rows))
    assert guess_columns(open_table(path), None, ["gdp"]) == ("year,quarter", ["gdp"])
    path.write_text("time,gdp\n" + "\n".join(f"{n % 5},{n}" for n in range(20)))
    with pytest.raises(UserError, match=r"go back.*--series COLUMN.*--time none"):
        guess_columns(open_table(path), None, ["gdp"])


def test_a_run_forecasts_series_that_two_columns_name(panel, trainer, tmp_path):
    path = panel("year", "shop", "item")
    run = trainer("forecast", epochs=1, progress="false", model="nlinear")(
        data=path, series="shop,item", target="sold", horizon=1, window=2
    )
    assert main(["predict", str(run), str(path), "-o", str(tmp_path / "found.csv")]) == 0
    found = pd.read_csv(tmp_path / "found.csv")
    assert found["shop,item"].tolist() == sorted(f"{s} / {i}" for s in SHOPS for i in ITEMS)
    assert (found["year"] == 2010).all()
