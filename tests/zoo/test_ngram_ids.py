"""Ids of runs of neighbouring ids."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.layers import NgramIds

VOCABULARY, BUCKETS = 1000, 5000


def ngram(ids):
    """The id of a run, from whole numbers without bounds."""
    hashes = []
    for base, prime in ((31013, 46337), (20011, 46327)):
        number = 0
        for item in ids:
            number = (number * base + item) % prime
        hashes.append(number)
    return VOCABULARY + (hashes[0] * 46327 + hashes[1]) % BUCKETS


def of(rows, ngrams=2, **arguments):
    layer = NgramIds(VOCABULARY, BUCKETS, ngrams, **arguments)
    return np.array(layer(np.array(rows, "int32")))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 2**31 - 1), min_size=1, max_size=8), st.integers(2, 4))
def test_ids_are_the_hashes_of_all_runs(ids, ngrams):
    runs = [
        [ngram(ids[start : start + size]) for start in range(len(ids) - size + 1)]
        for size in range(2, ngrams + 1)
    ]
    padded = [run + [0] * (len(ids) - len(run)) for run in runs]
    assert of([ids], ngrams)[0].reshape(ngrams, -1).tolist() == [ids, *padded]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 999), min_size=1, max_size=8), st.integers(0, 3))
def test_padding_adds_zeros_only(ids, more):
    narrow, wide = of([ids], 3)[0], of([ids + [0] * more], 3)[0]
    assert np.sort(narrow[narrow > 0]).tolist() == np.sort(wide[wide > 0]).tolist()


def test_buckets_are_filled_evenly():
    first, second = np.meshgrid(np.arange(1, 301), np.arange(1, 301))
    found = of(np.stack([first.ravel(), second.ravel()], axis=1))[:, 2]
    assert found.min() >= VOCABULARY
    assert found.max() < VOCABULARY + BUCKETS
    counts = np.bincount(found - VOCABULARY, minlength=BUCKETS)
    # Chance would give 18 to each bucket, with a standard deviation of 4.2.
    assert counts.std() < 6
    other_way = of(np.stack([second.ravel(), first.ravel()], axis=1))[:, 2]
    assert np.mean((found == other_way)[first.ravel() != second.ravel()]) < 0.001


def test_sizes():
    layer = NgramIds(VOCABULARY, BUCKETS, ngrams=3)
    assert layer.size == 6000
    assert layer(keras.Input((None,), dtype="int32")).shape == (None, None)
    assert layer(keras.Input((4,), dtype="int32")).shape == (None, 12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocabulary_size": 0}, "at least 1.*vocabulary_size=0"),
        ({"buckets": 1.5}, r"at least 1.*buckets=1\.5"),
        ({"ngrams": 1}, "at least 2.*ngrams=1"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        NgramIds(**{"vocabulary_size": 5, "buckets": 5, **arguments})
