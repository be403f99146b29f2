"""A weight for each known n-gram."""

import keras
import numpy as np
import pytest

from tests.shared import run_on_jax
from zoo.layers import WideNgrams
from zoo.layers.raw_texts import padded

RNG = np.random.default_rng(5)
TEXTS = [RNG.integers(1, 9, RNG.integers(1, 12)) for _ in range(40)]
NEW = [*(RNG.integers(1, 12, RNG.integers(1, 12)) for _ in range(20)), np.zeros(0, int)]


def ngrams(ids, longest):
    ids = ids.tolist()
    return {tuple(ids[i : i + n]) for n in range(1, longest + 1) for i in range(len(ids) - n + 1)}


def of_texts(ending=0):
    """A model of two outputs of random weights of all n-grams of `TEXTS`, in shuffled order."""
    known = RNG.permutation(np.unique(WideNgrams.hashes(TEXTS, 3, ending)[0]))
    layer = WideNgrams(len(known), units=2, ngrams=3, ending=ending)
    layer.assign(known, RNG.normal(size=(len(known), 2)), [0.5, -1.0])
    ids = keras.Input((None,), dtype="int32")
    return keras.Model(ids, layer(ids))


def test_each_ngram_counts_once():
    model = of_texts()
    layer = model.layers[-1]
    hashes, _ = WideNgrams.hashes(TEXTS, 3)
    known = set().union(*(ngrams(text, 3) for text in TEXTS))
    assert layer.size == len(known) == len(set(hashes.tolist()))
    weights = {}
    for ngram in known:
        alone = np.zeros((1, 3), "int32")
        alone[0, : len(ngram)] = ngram
        place = np.array(layer.places(alone))[0].reshape(3, 3)[len(ngram) - 1, 0]
        weights[ngram] = np.array(layer.kernel)[place - 1]
    assert len({tuple(w) for w in weights.values()}) == len(known)
    for text, found in zip(NEW, model(padded(NEW, 15)).numpy(), strict=True):
        seen = [weights[n] for n in ngrams(text, 3) if n in weights]
        total = np.sum(seen, axis=0) / np.sqrt(len(seen)) if seen else np.zeros(2)
        np.testing.assert_allclose(found - [0.5, -1.0], total, atol=1e-5)


def test_ngrams_of_the_ending_are_others():
    hashes, rows = WideNgrams.hashes(TEXTS, 2, ending=3)
    for row, text in enumerate(TEXTS):
        expected = len(ngrams(text, 2)) + len(ngrams(text[-3:], 2))
        assert len(set(hashes[rows == row].tolist())) == expected
    known = np.unique(hashes)
    layer, weights = WideNgrams(len(known), ngrams=2, ending=3), RNG.normal(size=len(known))
    layer.assign(known, weights[:, None], [0.0])
    found = np.ravel(layer(padded([*TEXTS, TEXTS[0][:0]])))
    for row, total in enumerate(found[:-1]):
        own = weights[np.isin(known, hashes[rows == row])]
        assert total == pytest.approx(own.sum() / np.sqrt(len(own)), abs=1e-5)
    assert found[-1] == 0


def test_a_new_layer_knows_single_ids():
    layer = WideNgrams(5)
    places = layer(np.array([[5, 6, 1]]))
    np.testing.assert_array_equal(places, [[0.0]])
    assert (np.array(layer.places(np.array([[5, 6, 1]])))[0] > 0).tolist() == [
        True, False, True, False, False, False,
    ]  # fmt: skip


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"at least 1.*size=0"):
        WideNgrams(0)
    for known in ([7, 7], [1, 2, 3]):
        with pytest.raises(ValueError, match="Expected 2 different n-grams"):
            WideNgrams(2).assign(known, np.zeros((2, 1)), [0.0])


JAX_CHECK = """
import sys
import numpy as np
import zoo
data = np.load(sys.argv[2])
found = zoo.load(sys.argv[1])(data["ids"])
np.testing.assert_allclose(np.asarray(found), data["expected"], atol=1e-5)
"""


@pytest.mark.jax
def test_on_jax(tmp_path):
    pytest.importorskip("jax", reason="needs the jax extra")
    model = of_texts(ending=4)
    ids = padded(NEW)
    np.savez(tmp_path / "data.npz", ids=ids, expected=model(ids))
    model.save(tmp_path / "model.keras")
    run_on_jax(JAX_CHECK, tmp_path / "model.keras", tmp_path / "data.npz")
