"""Numbers as other countries and spreadsheets write them: read as what they are, or refused."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.data.numbers import NumberFormat, is_number, read_numbers
from recipes.errors import UserError

NAN = float("nan")


def read(*texts, **arguments):
    return read_numbers(pa.array(texts), "x", "t.csv", **arguments)


KINDS = {
    "plain": (["1", "-2.5", "1e3"], [1, -2.5, 1000]),
    "a plus": (["+1", "2"], [1, 2]),
    "a decimal comma": (["12,75", "1"], [12.75, 1]),
    "points between thousands": (["1.016,5", "950"], [1016.5, 950]),
    "commas between thousands": (["1,016.5", "950"], [1016.5, 950]),
    "commas in a file of commas": (["250,000", "300,000"], [250_000, 300_000]),
    "twice a comma": (["1,234,567", "1"], [1_234_567, 1]),
    "Indian groups": (["12,34,567.5", "1,000"], [1_234_567.5, 1000]),
    "spaces": (["1 016", "2 000,5"], [1016, 2000.5]),
    "spaces that do not break": (["1\u00a0016,5", "3"], [1016.5, 3]),
    "narrow spaces": (["1\u202f016,5", "3"], [1016.5, 3]),
    "Swiss": (["1'016.5", "2'000"], [1016.5, 2000]),
    "dollars": (["$1,234.50", "$12"], [1234.5, 12]),
    "euros behind": (["1.234,50 €", "12 €"], [1234.5, 12]),
    "percent": (["12.3 %", "4%"], [12.3, 4]),
    "parentheses": (["(1,234.5)", "12"], [-1234.5, 12]),
    "parentheses and dollars": (["($5)", "-$6", "$-7"], [-5, -6, -7]),
    "a minus behind": (["12-", "5"], [-12, 5]),
    "a typographic minus": (["\u22125", "7"], [-5, 7]),
    "missing": (["1", "", "NA", "n/a", "?", "-", "#N/A", "null"], [1] + [NAN] * 7),
    "below one": ([".5", "0.25"], [0.5, 0.25]),
}


@pytest.mark.parametrize(("texts", "values"), KINDS.values(), ids=KINDS)
def test_kinds_of_numbers(texts, values):
    found = read(*texts)
    np.testing.assert_array_equal(found.values, values)
    assert not len(found.bad)
    assert all(
        map(is_number, [text for text, value in zip(texts, values, strict=True) if value == value])
    )


@pytest.mark.parametrize(
    ("texts", "message", "flag"),
    [
        (["1.016", "2.345"], "can be read in two ways", NumberFormat(".", "")),
        (["1,016", "2,345"], "can be read in two ways", NumberFormat(",", "")),
        (["1,5", "1.5"], "decimal sign is a comma", None),
        (["1,016.5", "12,75"], "decimal sign is a comma", None),
        (["€ 5", "£ 6"], "different units", None),
        (["5 %", "6"], "different units", None),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(texts, message, flag):
    with pytest.raises(UserError, match=message):
        read(*texts, separator=";")
    if flag is not None:
        assert read(*texts, separator=";", given=flag).values[0] == 1.016


def test_numbers_beside_numbers_without_a_sign_have_thousands():
    assert read("1.016", "950", separator=";").values.tolist() == [1016, 950]
    with pytest.raises(UserError, match="two ways"):
        read("1.016", "1950", separator=";")


def test_the_format_of_the_first_texts_is_not_forced_on_the_others():
    texts = ["1.016"] * 30_000 + ["0,5"]
    assert read(*texts, separator=";").values[[0, -1]].tolist() == [1016, 0.5]


def test_codes_and_mistakes_are_said():
    assert read("02134", "33101").codes
    assert not read("0", "0.5").codes
    found = read("1", "2 kg", "3")
    assert found.bad.tolist() == [1]
    assert found.share == pytest.approx(2 / 3)


@given(
    st.lists(st.integers(-(10**9), 10**9), min_size=3, max_size=20, unique=True),
    st.sampled_from([".", ","]),
    st.sampled_from(["", ".", ",", " ", "'", "\u202f"]),
)
def test_numbers_with_two_decimals_come_back(cents, decimal, thousands):
    if decimal == thousands:
        return
    texts = []
    for cent in cents:
        text = f"{abs(cent) // 100:,}".replace(",", thousands) + f"{decimal}{abs(cent) % 100:02d}"
        texts.append(("-" if cent < 0 else "") + text)
    found = read(*texts, separator=";")
    np.testing.assert_allclose(found.values, np.array(cents) / 100, rtol=1e-15)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_that_python_writes_come_back_to_the_last_digit(values):
    assert read(*map(repr, values)).values.tolist() == values


@given(st.lists(st.text(st.sampled_from("0123456789.,-+$%() e'"), max_size=8), min_size=1))
def test_any_texts_are_read_or_refused(texts):
    try:
        found = read(*texts, separator=";")
    except UserError:
        return
    assert len(found.values) == len(texts)
    assert np.isnan(found.values[found.bad]).all()
