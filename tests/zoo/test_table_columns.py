"""From raw tables to arrays."""

import datetime
import decimal

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.layers import TableColumns, category_strings, date_parts, known_date

CATEGORIES = {"port": ["S", "C"], "class": ["1", "2", "3"]}


def passengers():
    return pd.DataFrame(
        {
            "class": [3, 1, 2, 7],
            "age": [22.0, np.nan, np.inf, 0.5],
            "port": ["S", "Q", None, "C"],
            "fare": [7, 71, -8, 53],
        },
        index=[10, 10, 3, 4],
    )


def columns():
    return TableColumns(["fare", "age"], CATEGORIES)


NUMERIC = np.array([[7, 22], [71, np.nan], [-8, np.nan], [53, 0.5]], "float32")
CODES = np.array([[1, 3], [0, 1], [0, 2], [2, 0]], "int32")


def check(arrays, numeric=NUMERIC, codes=CODES):
    np.testing.assert_array_equal(arrays["numeric"], numeric)
    np.testing.assert_array_equal(arrays["categories"], codes)
    assert (arrays["numeric"].dtype, arrays["categories"].dtype) == (np.float32, np.int32)


def test_encode_reads_by_name():
    frame = passengers()
    check(columns().encode(frame))
    check(columns().encode(frame[["port", "fare", "age", "class"]].assign(extra="x")))
    check(columns().encode({name: frame[name].tolist() for name in frame}))
    assert columns().category_sizes == (3, 4)


@pytest.mark.parametrize(
    "types",
    [
        {"class": "float64"},
        {"class": "string"},
        {"class": "Int64", "fare": "Int64", "age": "Float64"},
        {"class": "category", "port": "category", "fare": "category"},
        {"class": object, "age": object, "fare": object, "port": object},
        {"fare": "string"},
        {"class": "int8", "fare": "int8", "age": "float32"},
    ],
)
def test_the_type_of_a_column_does_not_matter(types):
    check(columns().encode(passengers().astype(types)))


def test_a_dictionary_of_series_is_not_aligned_by_index():
    frame = passengers()
    table = {name: frame[name] for name in frame}
    table["fare"] = pd.Series([7, 71, -8, 53], index=[3, 2, 1, 0])
    check(columns().encode(table))


def test_whole_numbers_are_one_category_whatever_their_type():
    assert category_strings([1, 1.0, "1", np.int8(1), np.float32(1)]) == ["1"] * 5
    assert category_strings([True, "True", np.True_]) == ["True"] * 3
    assert category_strings([np.float32(0.1), 0.1, np.float64(0.1), "0.1"]) == ["0.1"] * 4
    assert category_strings([None, np.nan, pd.NA, pd.NaT]) == [None] * 4
    assert category_strings([-0.0, 1e20, 10**20]) == ["0", "1" + 20 * "0", "1" + 20 * "0"]
    assert category_strings([np.inf, "1.0", "", " a"]) == ["inf", "1.0", "", " a"]
    layer = TableColumns(categories={"x": [True, 2, 3.0, "4"]})
    encoded = layer.encode({"x": pd.Series(["True", "2", 3, 4.0, 1, False], dtype=object)})
    assert encoded["categories"].ravel().tolist() == [1, 2, 3, 4, 0, 0]


def test_booleans_and_decimals_are_numbers():
    layer = TableColumns(["a", "b", "c"])
    table = {
        "a": [True, False],
        "b": [decimal.Decimal("1.5"), None],
        "c": pd.array([True, pd.NA], dtype="boolean"),
    }
    expected = np.array([[1, 1.5, 1], [0, np.nan, np.nan]])
    np.testing.assert_array_equal(layer.encode(table)["numeric"], expected)
    huge = layer.encode({"a": [1e300], "b": [-1e39], "c": ["inf"]})["numeric"]
    assert np.isnan(huge).all()


def test_column_names_that_are_no_strings():
    layer = TableColumns([0, 2], {1: [5]})
    layer = TableColumns.from_config(layer.get_config())
    arrays = layer.encode(pd.DataFrame([[1.0, 5, 3.0]]))
    check(arrays, [[1, 3]], [[1]])


def test_a_missing_column_is_named():
    frame = passengers()
    with pytest.raises(ValueError, match=r"lacks the column 'age'\. Received: columns class, port"):
        columns().encode(frame.drop(columns="age"))
    with pytest.raises(ValueError, match=r"lacks the columns 'fare', 'port'"):
        columns().encode(frame[["age", "class"]])
    wide = pd.DataFrame(np.zeros((1, 30)))
    with pytest.raises(ValueError, match=r"7, 8, 9, \.\.\. \(30 in all\)"):
        columns().encode(wide)


def test_a_column_that_occurs_twice_is_named():
    frame = passengers()
    twice = pd.concat([frame, frame[["age"]]], axis=1)
    with pytest.raises(ValueError, match=r"Column 'age' occurs 2 times\. Expected once"):
        columns().encode(twice)
    check(columns().encode(pd.concat([frame, frame.assign(x=1, y=2)[["x", "y", "x"]]], axis=1)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "n/a", "x", "2"], r"'fare' must hold numbers.*'n/a' in row 1, and 1 more"),
        (["1", "2", "", "4"], "'' in row 2$"),
        (pd.to_datetime(["2020-01-01"] * 4), "'fare' must hold numbers.*datetime64"),
        (pd.to_datetime(["2020-01-01"] * 4, utc=True), "'fare' must hold numbers.*datetime64"),
        (pd.to_timedelta([1, 2, 3, 4]), "'fare' must hold numbers.*timedelta64"),
        (pd.period_range("2020", periods=4, freq="D"), "'fare' must hold numbers.*period"),
        ([datetime.date(2020, 1, 1)] * 4, r"datetime\.date\(2020, 1, 1\) in row 0, and 3 more"),
        ([1j, 2, 3, 4], "'fare' must hold numbers.*complex128"),
        ([[1], [2], [3], [4]], r"\[1\] in row 0, and 3 more"),
    ],
)
def test_a_numeric_column_of_something_else_is_named(values, message):
    frame = passengers()
    frame["fare"] = values
    with pytest.raises(ValueError, match=message):
        columns().encode(frame)


@pytest.mark.parametrize("table", [None, [1, 2], 3, {"age": [1, 2], "fare": [1]}])
def test_what_is_no_table_is_refused(table):
    with pytest.raises(ValueError, match="Expected a DataFrame, or a dictionary of columns"):
        columns().encode(table)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"needs columns .*numeric=\[\]"),
        ({"numeric": ["a", "a"]}, r"different names.*\['a', 'a'\]"),
        ({"numeric": ["a"], "categories": {"a": ["x"]}}, r"categories of \['a'\]"),
        ({"categories": {"a": ["1", 1.0]}}, r"column 'a' must differ.*\['1', '1'\]"),
        ({"categories": {"a": ["1", None]}}, r"none may be missing.*\['1', None\]"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        TableColumns(**arguments)


def test_the_graph_turns_unknown_codes_into_0():
    layer = columns()
    codes = np.array([[2, 3], [3, 4], [-1, -5], [10**9, 1]])
    outputs = layer({"numeric": NUMERIC, "categories": codes})
    expected = [[2, 3], [0, 0], [0, 0], [0, 1]]
    check({name: keras.ops.convert_to_numpy(v) for name, v in outputs.items()}, codes=expected)


def test_only_the_kinds_that_there_are():
    numeric = TableColumns(["age"])
    assert list(numeric.encode(passengers())) == ["numeric"] == list(numeric.new_inputs())
    assert numeric.category_sizes == ()
    categories = TableColumns(categories=CATEGORIES)
    assert list(categories.encode(passengers())) == ["categories"] == list(categories.new_inputs())
    inputs = columns().new_inputs()
    assert [(x.name, x.shape, x.dtype) for x in inputs.values()] == [
        ("numeric", (None, 2), "float32"),
        ("categories", (None, 2), "int32"),
    ]


def test_saving_keeps_columns_and_the_order_of_categories(tmp_path):
    layer = columns()
    inputs = layer.new_inputs()
    keras.Model(inputs, layer(inputs)).save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    (loaded,) = (found for found in model.layers if isinstance(found, TableColumns))
    assert loaded.get_config() == layer.get_config()
    assert [name for name, _ in loaded.categories] == ["port", "class"]
    arrays = loaded.encode(passengers())
    check(arrays)
    check(model.predict(arrays, verbose=0))


def test_raw_units_keep_their_digits_under_half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        outputs = TableColumns(["a"])({"numeric": np.array([[123_456.0]], "float32")})
    finally:
        keras.config.set_dtype_policy("float32")
    assert float(outputs["numeric"][0, 0]) == 123_456


values = st.one_of(st.none(), st.integers(-9, 9), st.booleans(), st.text(max_size=2), st.floats())


@settings(max_examples=50, deadline=None)
@given(st.lists(values, max_size=15), st.data())
def test_every_known_value_has_its_code_in_any_order(column, data):
    known = list(dict.fromkeys(v for v in category_strings(column) if v is not None))
    layer = TableColumns(categories={"x": known})
    order = data.draw(st.permutations(range(len(column))))
    table = pd.DataFrame({"x": pd.Series([column[i] for i in order], dtype=object)})
    codes = layer.encode(table)["categories"].ravel()
    strings = category_strings([column[i] for i in order])
    assert codes.tolist() == [0 if s is None else known.index(s) + 1 for s in strings]


# Dates

DAYS = ["2024-02-29 13:30", None, "1969-12-31", "2100-03-01T23:59"]
MOMENTS = pd.to_datetime(DAYS, format="ISO8601")


def test_the_parts_of_dates_are_those_of_pandas():
    parts = date_parts(MOMENTS, "2024-03-01")
    for name in ("year", "month", "day"):
        np.testing.assert_array_equal(parts[name], getattr(MOMENTS, name), name)
    np.testing.assert_array_equal(parts["weekday"], MOMENTS.day_of_week)
    hours = np.array([13.5, np.nan, 0, 23 + 59 / 60])
    np.testing.assert_allclose(parts["hour"], hours, rtol=1e-15)
    age = (pd.Timestamp("2024-03-01") - MOMENTS) / pd.Timedelta(days=1)
    np.testing.assert_allclose(parts["age"], age, rtol=1e-15)


def test_only_parts_that_differ_are_read():
    days = pd.date_range("2024-03-01", periods=5)
    newest = "2024-03-05T00:00:00.000000"
    assert known_date(days) == {"newest": newest, "parts": ["day", "weekday", "age"]}
    assert known_date(days[-1:])["parts"] == ["age"]
    assert known_date(["2024-01", "2024-02", "2023-07"])["parts"] == ["year", "month", "age"]
    assert known_date(pd.to_datetime([None, None]))["parts"] == ["age"]
    assert "hour" in known_date(days + pd.to_timedelta(range(5), unit="h"))["parts"]


def dated():
    return TableColumns(["fare"], CATEGORIES, dates={"day": known_date(MOMENTS)})


@pytest.mark.parametrize(
    "values",
    [
        DAYS,
        MOMENTS,
        MOMENTS.to_numpy("datetime64[s]"),
        pd.array(DAYS, dtype="string"),
        pd.Categorical(DAYS),
        [moment.to_pydatetime() for moment in MOMENTS],
        [DAYS[0], "", *DAYS[2:]],
    ],
    ids=["texts", "pandas", "seconds", "strings", "categories", "datetimes", "empty"],
)
def test_dates_of_any_type_become_their_parts(values):
    layer = TableColumns.from_config(dated().get_config())
    encoded = layer.encode(passengers().assign(day=values))
    names = ("fare", *(f"day: {name}" for name in date_parts([], "2024")))
    assert layer.numeric_names == names
    expected = np.stack([passengers()["fare"], *date_parts(MOMENTS, "2100-03-01T23:59").values()])
    np.testing.assert_array_equal(encoded["numeric"], expected.T.astype("float32"))
    np.testing.assert_array_equal(encoded["categories"], CODES)
    places = {"fare": ("numeric", [0]), "day": ("numeric", [1, 2, 3, 4, 5, 6])}
    assert layer.places == places | {"port": ("categories", [0]), "class": ("categories", [1])}


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (["29.02.2024"], "'29.02.2024' in row 0"),
        (["2024-02-29", 20240301], "20240301 in row 1"),
        ([True], "True in row 0"),
        (["2024-02-29T13:00Z"], "'2024-02-29T13:00Z' in row 0"),
        (MOMENTS.tz_localize("Europe/Berlin"), r"tz='Europe/Berlin'\) in row 0"),
    ],
)
def test_what_is_no_date_is_named_with_the_cure(values, shown):
    layer = TableColumns(dates={"day": known_date(MOMENTS)})
    with pytest.raises(ValueError, match=rf"'day' must hold dates.*{shown}.*to_datetime.*UTC"):
        layer.encode({"day": values})
