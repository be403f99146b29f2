"""Files that were once misread: what `load_data` of a recipe makes of them now.

They lie beside the public data sets, in `cases`; each is the sample of a kind, which the tests of
`recipes.data` cover by files of their own.
"""

import numpy as np
import pytest

from recipes.engine.arguments import parse
from recipes.engine.recipe import find_recipe
from recipes.errors import UserError


@pytest.fixture(scope="module")
def load(zoo_data):
    folder = zoo_data.parent / "cases"
    if not folder.is_dir():
        pytest.skip("needs ZOO_DATA: the folder cases beside the public data sets")

    def load(recipe, file, *flags):
        if recipe == "forecast" and "--window" not in flags:
            flags = (*flags, "--window", "14", "--horizon", "7")
        config = parse(recipe, ["--data", str(folder / file), *flags])
        config.validate()
        return find_recipe(recipe).load_data(config)

    return load


SERIES = {  # file: rows, first and last time, first and last value
    "business_days_holidays/bday_hol.csv": (247, "2022-01-03", "2022-12-16", 98.72, 107.07),
    "business_days_holidays/sevenday.csv": (70, "2022-01-03", "2022-03-13", 0, 69),
    "date_dead_end/footer.csv": (200, "2022-01-01", "2022-07-19", 100.35, 202.77),
    "date_dead_end/mon-yy.csv": (200, "2005-01-01", "2021-08-01", 100.18, 104.39),
    "date_dead_end/nse.csv": (200, "2022-04-23", "2022-11-08", 100.0, 303.34),
    "date_dead_end/quarterlabel.csv": (200, "1970-01-01", "2019-10-01", 100.18, 104.39),
    "date_dead_end/us_short.csv": (200, "2022-01-01", "2022-07-19", 100.35, 202.77),
    "dayfirst_monthly/dayfirst_ms.csv": (150, "2010-01-01", "2022-06-01", 100.51, 105.37),
    "dayfirst_monthly/dayfirst_ms_dot.csv": (150, "2010-01-01", "2022-06-01", 100.42, 104.36),
    "dayfirst_time_dropped/dayfirst.csv": (200, "2022-01-01", "2022-07-19", 100.9, 103.61),
    "dayfirst_time_dropped/dayfirst_newest.csv": (200, "2022-04-23", "2022-11-08", 100, 303.34),
    "dayfirst_time_dropped/hour24.csv": (480, "2022-01-01T01", "2022-01-21", 99.64, 97.16),
    "dayfirst_time_dropped/mixed.csv": (200, "2022-01-01", "2022-07-19", 100.35, 202.77),
    "faults/dateindex.parquet": (400, "2020-01-01", "2021-02-03", 0, 4.3616476),
    "latin1_table/german_latin1.csv": (200, "2022-01-01", "2022-07-19", 100.18, 104.39),
    "latin1_table/utf16.csv": (200, "2022-01-01", "2022-07-19", 100.18, 104.39),
}


@pytest.mark.parametrize(("file", "expected"), SERIES.items(), ids=SERIES)
def test_series(load, file, expected):
    rows, first, last, *values = expected
    series = load("forecast", file).windows.series
    assert len(series) == rows
    assert series.times[[0, -1]].tolist() == np.array([first, last], "datetime64[s]").tolist()
    np.testing.assert_allclose(series.values[[0, -1], 0], values, rtol=1e-6)


def test_what_can_be_read_in_two_ways_or_in_none_is_refused_and_the_cure_works(load):
    flags = ["--series", "store", "--target", "sales", "--window", "4", "--horizon", "2"]
    panel = "dayfirst_monthly/panel_dayfirst.csv"
    with pytest.raises(UserError, match=r"Say --day_first true or false"):
        load("forecast", panel, *flags)
    series = load("forecast", panel, *flags, "--day_first", "true").windows.series
    assert series.times[11] == np.datetime64("2022-12-01")
    with pytest.raises(UserError, match=r"say --time none"):
        load("forecast", "date_dead_end/shampoo.csv")
    found = load("forecast", "date_dead_end/shampoo.csv", "--time", "none")
    assert "no time column" in " ".join(found.notes)
    with pytest.raises(UserError, match=r"let --resample D make the steps equal"):
        load("forecast", "dayfirst_time_dropped/dayfirst_gaps.csv")
    series = load("forecast", "dayfirst_time_dropped/dayfirst_gaps.csv", "--resample", "D")
    assert series.windows.series.times[-1] == np.datetime64("2022-07-19")


def test_days_without_trade_are_no_gaps(load):
    notes = " ".join(load("forecast", "business_days_holidays/bday_hol.csv").notes)
    assert "steps of business days" in notes
    assert "3 days from Monday to Friday without a row are taken as holidays" in notes


def test_short_series_are_named(load):
    flags = ["--series", "store", "--target", "sales", "--window", "14", "--horizon", "7"]
    task = load("forecast", "short_series_dropped/lengths.csv", *flags)
    assert "2 of 5 series" in " ".join(task.notes)
    assert "S03 (12), S04 (1)" in " ".join(task.notes)


@pytest.mark.parametrize(
    ("recipe", "file", "flags", "rows", "classes"),
    [
        ("tabular", "label_none/tab_none.csv", "--target severity", 400, "Mild None Severe"),
        ("text_classification", "label_none/txt_none.csv", "", 300, "Complaint None Praise"),
        ("text_classification", "label_none/txt_na.csv", "", 300, "N/A pos / happy"),
        ("text_classification", "latin1_table/spam_latin.csv", "--text v2 --target v1", 300,
         "ham spam"),
        ("text_classification", "unbalanced_quote_tsv/sms.tsv", "", 300, "ham spam"),
        ("text_classification", "unbalanced_quote_tsv/sms_one.tsv", "", 60, "ham spam"),
        ("text_classification", "unbalanced_quote_tsv/sms_small.tsv", "", 60, "ham spam"),
        ("text_classification", "faults/shuffled_index.parquet", "", 1000, "bad good"),
        ("text_classification", "faults/filtered_index.parquet", "", 500, "bad good"),
        ("tabular", "faults/markup_const.csv", "--target left", 400, "no yes"),
    ],
)  # fmt: skip
def test_classes(load, recipe, file, flags, rows, classes):
    task = load(recipe, file, *flags.split())
    data = task.table if recipe == "tabular" else task.labelled
    assert len(data.target.values) == rows
    assert " ".join(data.target.labels) == classes


def test_texts_and_labels_stay_together(load):
    labelled = load("text_classification", "faults/shuffled_index.parquet").labelled
    named = labelled.target.named(slice(None))
    assert all(label in text.split() for text, label in zip(labelled.texts, named, strict=True))


@pytest.mark.parametrize(("file", "first"), [("price_commas", 149_334), ("price_commas2", 700_000)])
def test_prices_with_commas_are_numbers(load, file, first):
    target = load("tabular", f"target_thousands_comma/{file}.csv", "--target", "price").table.target
    assert target.head == "regression"
    assert target.values[0] == first


def test_codes_keep_their_zeros(load):
    columns = load(
        "tabular", "zero_padded_codes/tab.csv", "--target", "label"
    ).preprocessing.columns
    assert "02134" in dict(columns.categories)["zip"]
