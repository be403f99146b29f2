"""What columns and targets are taken for, and what is refused."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.data import dates
from recipes.data.columns import FEW, infer_columns
from recipes.data.dialect import Dialect
from recipes.data.files import _of_series
from recipes.data.table_file import TableFile
from recipes.data.target import FEW_CLASSES, read_target
from recipes.errors import UserError

ROWS = 60


def frame(**columns):
    return pd.DataFrame(columns)


def of_frame(frame, source):
    return TableFile(source, {name: _of_series(frame[name]) for name in frame}, Dialect())


def infer(*flags, **columns):
    return infer_columns(of_frame(frame(**columns), "t.csv").frame(), "t.csv", *flags)


def numbers(seed=0):
    return np.random.default_rng(seed).normal(size=ROWS)


def cycle(*values):
    return [values[i % len(values)] for i in range(ROWS)]


NUMERIC = {
    "floats": numbers(),
    "many whole numbers": cycle(*range(FEW + 1)),
    "floats with a few values": cycle(0.5, 1.5),
    "texts of numbers": [f"{x:.3f}" for x in numbers()],
    "missing values": [*numbers()[:-5], *[None] * 5],
    "one value, or missing": cycle(1.5, None),
}
CATEGORIES = {
    "texts": cycle("a", "b"),
    "texts that are missing at times": cycle("a", None, "b"),
    "one text, or missing": cycle("a", None),
    "booleans": cycle(True, False),
    "booleans that are missing at times": cycle(True, None, False),
    "few whole numbers": cycle(*range(FEW)),
    "few whole numbers with gaps": cycle(1.0, 2.0, None),
    "pandas categories": pd.Categorical(cycle("x", "y")),
    "names of months": cycle("May", "June"),
    "20 texts": cycle(*map(str, "abcdefghijklmnopqrst")),
}
LEFT_OUT = {
    "one number": ([3.0] * ROWS, "it holds one value only"),
    "one text": (["a"] * ROWS, "it holds one value only"),
    "nothing": ([None] * ROWS, "all of its values are missing"),
    "names": ([f"name {i}" for i in range(ROWS)], "60 of its 60 texts differ"),
    "row numbers": (list(range(1, ROWS + 1)), "it numbers the rows"),
    "row numbers from the end": (list(range(ROWS, 0, -1)), "it numbers the rows"),
}


@pytest.mark.parametrize("values", NUMERIC.values(), ids=NUMERIC)
def test_numeric_columns(values):
    assert infer(x=values).numeric == ("x",)


@pytest.mark.parametrize("values", CATEGORIES.values(), ids=CATEGORIES)
def test_columns_of_categories(values):
    assert infer(x=values).categorical == ("x",)


@pytest.mark.parametrize(("values", "reason"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_columns_left_out_with_a_note(values, reason):
    found = infer(x=values, y=numbers())
    assert found.names == ("y",)
    assert [note for note in found.notes if reason in note] == list(found.notes)
    assert found.notes[0].startswith("column 'x' left out: ")


def test_flags_decide_before_the_rules():
    columns = {"few": cycle(1, 2), "text": [f"name {i}" for i in range(ROWS)]}
    found = infer_columns(frame(**columns), "t.csv", ("few",), ("text",))
    assert (found.numeric, found.categorical, found.notes) == (("few",), ("text",), ())


def test_nothing_left_is_refused_with_the_reasons():
    with pytest.raises(UserError, match=r"Received none: column 'x' left out: it holds one value"):
        infer(x=[1] * ROWS)


DATES = {
    "ISO": ["2024-01-31", "2024-02-29"],
    "with time": ["2024-01-31 10:00", "2024-02-29 11:30"],
    "American": ["1/31/2024", "2/29/2024"],
    "in words": ["31 Jan 2024", "29 Feb 2024"],
    "of pandas": pd.to_datetime(["2024-01-31", "2024-02-29"]).tolist(),
}


@pytest.mark.parametrize("days", DATES.values(), ids=DATES)
def test_dates_stay_dates(days):
    found = of_frame(frame(when=cycle(*days, None), y=numbers()), "t.csv").frame()
    assert found["when"].dt.normalize()[:3].tolist() == [*map(pd.Timestamp, DATES["ISO"]), pd.NaT]
    assert infer_columns(found, "t.csv").dates == ("when",)
    assert infer(when=cycle(*days), y=numbers()).names == ("y", "when")


def test_words_for_a_missing_date_are_said():
    file = of_frame(frame(when=cycle("31.01.2024", "n/a", " NA", "29.02.2024")), "t.csv")
    assert file.frame()["when"].isna().sum() == ROWS // 2
    assert "when: taken as missing: ' NA', 'n/a'" in file.notes


BAD_DATES = {
    "a word": (["2024-01-31", None, "soon"], "'soon' in row 3 .*--categorical when.*--drop when"),
    "a footer": ([*["2024-01-31"] * 3, "Total"], "'Total' in row 4 .*--missing_values 'Total'"),
    "two readings": (["01/02/2024", "03/04/2024"], "day first from .* month first .*--day_first"),
    "seasons": (["2020/21", "2021/22", "2022/23"], "may be seasons.*--categorical when"),
}


@pytest.mark.parametrize(("values", "message"), BAD_DATES.values(), ids=BAD_DATES)
def test_what_may_be_no_date_is_refused_with_the_cure(values, message):
    with pytest.raises(UserError, match=message):
        of_frame(frame(when=values), "t.csv").frame()


@pytest.mark.parametrize("zone", ["", "+01:00"])
def test_dates_are_read_in_the_zone_of_the_runs_data(zone):
    ends = (zone, "" if zone else "+02:00")
    first, second = ([f"2024-01-31T10:00{end}"] * 3 for end in ends)
    file = of_frame(frame(when=first), "t.csv")
    assert file.column("when")[0] == pd.Timestamp(2024, 1, 31, 9 if zone else 10)
    other = of_frame(frame(when=second), "new.csv")
    other.before = file.decided
    with pytest.raises(UserError, match=rf"dates {'with' if zone else 'without'} their distance"):
        other.dates("when")


def test_free_text_is_told_from_names():
    texts = {
        "name": [f"Mrs Ann {i}" for i in range(ROWS)],
        "body": [f"this is the text number {i}" for i in range(ROWS)],
    }
    found = infer_columns(
        frame(**texts, y=numbers()), "t.csv", of_texts=lambda name: f"; see {name}"
    )
    assert found.notes == (
        "column 'name' left out: 60 of its 60 texts differ",
        "column 'body' left out: 60 of its 60 texts differ, as in free text; see body",
    )


@pytest.mark.parametrize("texts", [["1.5"], ["NEAR BAY"], ["A/5 21171", "17-03"], ["12:30"]])
def test_other_texts_are_no_dates(texts):
    assert not dates.holds_times(pd.Series(texts))


def test_a_number_column_with_a_mistake_names_it_and_its_row():
    values = [f"{x:.3f}" for x in numbers()]
    values[40] = "12..5"
    with pytest.raises(
        UserError, match=r"numbers in column 'x' of t.csv. Received: '12..5' in row 41"
    ):
        infer(x=values)


def test_a_column_of_mostly_texts_may_hold_numbers():
    assert infer(x=cycle("12", "a", "b")).categorical == ("x",)


def test_decimal_commas_are_numbers():
    values = [f"{x:.3f}".replace(".", ",") for x in numbers()]
    assert infer(x=values).numeric == ("x",)


def test_codes_with_leading_zeros_are_categories():
    assert infer(x=cycle("02134", "33101")).categorical == ("x",)


@pytest.mark.parametrize("infinite", [np.inf, -np.inf, 1e39])
def test_numbers_that_are_not_finite_are_refused_with_their_row(infinite):
    values = numbers()
    values[7] = infinite
    with pytest.raises(UserError, match=r"Expected finite numbers in column 'x'.*in row 8"):
        infer(x=values)


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_columns_changes_no_kind(order):
    columns = {"a": numbers(), "b": cycle("x", "y"), "c": [1] * ROWS, "d": cycle(1, 2)}
    found = infer_columns(pd.DataFrame(columns)[order], "t.csv")
    assert (set(found.numeric), set(found.categorical)) == ({"a"}, {"b", "d"})


# The target


def target(values, task="auto"):
    column = of_frame(frame(y=values), "t.csv").column("y", label=True)
    return read_target(column, "t.csv", task)


@pytest.mark.parametrize(
    ("values", "head", "labels"),
    [
        (numbers(), "regression", ()),
        (cycle(*range(FEW_CLASSES + 1)), "regression", ()),
        (cycle(0.5, 1.5), "regression", ()),
        (cycle(0, 1), "binary", ("0", "1")),
        (cycle(1.0, 0.0), "binary", ("0", "1")),
        (cycle(True, False), "binary", ("False", "True")),
        (cycle("no", "yes"), "binary", ("no", "yes")),
        (cycle(10, 9, 2), "multiclass", ("2", "9", "10")),
        (cycle("b", "c", "a"), "multiclass", ("a", "b", "c")),
        ([f"{x:.3f}" for x in numbers()], "regression", ()),
    ],
)
def test_the_target_decides_the_task(values, head, labels):
    found = target(values)
    assert (found.head, found.labels) == (head, labels)


def test_classes_of_equal_numbers_have_an_order():
    labels = ("001", "01", "1", "1.0", "1.00", "01.0", "2")
    column = pd.Series(cycle(*labels), name="y", dtype=object)
    found = read_target(column, "t.csv", "classification").labels
    assert found == ("001", "01", "01.0", "1", "1.0", "1.00", "2")


def test_classes_are_numbered_in_the_order_of_their_labels():
    found = target(cycle("b", "c", "a"))
    assert found.values[:3].tolist() == [1, 2, 0]
    assert found.named(np.array([2, 0])).tolist() == ["a", "b"]


def test_the_task_flag_decides_before_the_rule():
    assert target(cycle(1, 2), "regression").head == "regression"
    assert target(cycle(0.5, 1.5), "classification").labels == ("0.5", "1.5")


BAD_TARGETS = {
    "one number": ([2.5] * ROWS, "'2.5' in every row: there is nothing to learn"),
    "one class": (["yes"] * ROWS, "'yes' in every row: there is nothing to learn"),
    "names": ([f"name {i}" for i in range(ROWS)], "60 different values in 60 rows"),
    "dates": (cycle("2024-01-31", "2024-02-29"), "The target 'y' of t.csv holds dates"),
    "a mistake": ([*map(str, numbers()[1:]), "!"], "Received: '!' in row 60"),
    "infinite": ([*numbers()[1:], np.inf], "Expected finite numbers in column 'y'"),
    "too close": (1e9 + numbers(), "deviate by at least a millionth of their size"),
    "too large": (1e20 * numbers(), "by 1e-15 to 1e15"),
}


@pytest.mark.parametrize(("values", "message"), BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_bad_targets_are_refused(values, message):
    with pytest.raises(UserError, match=re.escape(message)):
        target(values)


def test_words_in_a_regression_are_refused_with_their_row():
    with pytest.raises(UserError, match=r"Expected numbers in column 'y'.*'a' in row 1"):
        target(cycle("a", "b"), "regression")
