"""The embedded Reber grammar: its strings, corrupted ones, and the data set of both."""

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.text_classification.data.reber import (
    LETTERS,
    SIZES,
    TRICKY,
    corrupted,
    embedded_reber,
    is_embedded_reber,
    reber_dataset,
)


def accepts(string):
    """The grammar once more, as a pattern."""
    # After T: S*X; after X one is where P leads to. There T*V, then P and X again, or V; or S.
    loop = "T*V(?:PXT*V)*"
    inner = f"B(?:TS*X(?:X{loop}(?:PS|V)|S)|P{loop}(?:PS|V))E"
    return bool(re.fullmatch(f"B(?:T{inner}T|P{inner}P)E", string))


def test_strings_of_the_grammar():
    generator = np.random.default_rng(0)
    strings = [embedded_reber(generator) for _ in range(3000)]
    assert all(accepts(string) and is_embedded_reber(string) for string in strings)
    assert len(set(strings)) > 300  # so few: the shortest ones are the likeliest
    assert {len(string) for string in strings} >= set(range(9, 25))
    assert abs(np.mean([string[1] == "T" for string in strings]) - 0.5) < 0.04
    assert set("".join(strings)) == set(LETTERS)


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_corrupted_strings_differ_in_one_letter_and_are_never_valid(seed):
    generator = np.random.default_rng(seed)
    string = embedded_reber(generator)
    other = corrupted(string, generator)
    assert sum(a != b for a, b in zip(string, other, strict=True)) == 1
    assert set(other) <= set(LETTERS)
    assert not is_embedded_reber(other)
    assert not accepts(other)


@given(st.text(alphabet=LETTERS, max_size=14))
def test_other_strings_are_refused(string):
    assert is_embedded_reber(string) == accepts(string)


def test_the_tricky_strings_differ_in_what_must_be_remembered():
    bad, good = TRICKY
    assert (is_embedded_reber(bad), is_embedded_reber(good)) == (False, True)
    assert (bad[:-2], bad[-1]) == (good[:-2], good[-1])
    assert (bad[-2], good[-2]) == ("T", "P")


def test_half_of_each_part_is_valid():
    data = reber_dataset()
    assert data.target.labels == ("corrupted", "valid")
    assert {name: len(rows) for name, rows in data.rows.items()} == SIZES
    assert np.concatenate(list(data.rows.values())).tolist() == list(range(14_000))
    for rows in data.rows.values():
        assert data.target.values[rows].mean() == 0.5
        assert 0.4 < data.target.values[rows[: len(rows) // 2]].mean() < 0.6  # in random order
    valid = [is_embedded_reber(string) for string in data.texts]
    np.testing.assert_array_equal(valid, data.target.values == 1)
    assert reber_dataset().texts.tolist() == data.texts.tolist()
    assert reber_dataset(seed=1).texts.tolist() != data.texts.tolist()
