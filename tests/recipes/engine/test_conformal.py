"""Intervals and sets that hold as often as they say."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.engine.conformal import Conformal, radius
from recipes.errors import UserError


@given(st.integers(1, 40), st.integers(1, 99))
def test_a_new_score_lies_below_as_often_as_asked(count, level):
    """Of `count + 1` equally likely ranks of a new score, at least the level lie below."""
    found = radius(np.arange(1.0, count + 1), level)
    below = found / (count + 1)  # ranks 1..found of count + 1
    assert found == count or below >= level / 100 - 1e-9
    assert (found - 1) / (count + 1) < level / 100


def test_unknown_scores_count_for_nothing():
    scores = np.array([[1.0, np.nan], [2.0, 5.0], [3.0, np.nan]])
    np.testing.assert_array_equal(radius(scores, 50), [2.0, 5.0])


def test_intervals_hold_on_new_rows():
    generator = np.random.default_rng(0)
    calibration, test = generator.normal(size=(2, 4000))
    found = Conformal.fit([80, 95], calibration, np.zeros(4000))
    columns = found.columns(np.zeros(4000))
    for level in (80, 95):
        held = (columns[f"lower_{level}"] <= test) & (test <= columns[f"upper_{level}"])
        assert abs(held.mean() - level / 100) < 0.03  # 3 deviations of both samples
    assert "80 % asked" in found.report(test, np.zeros(4000)).line


def test_sets_hold_and_are_never_empty():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(6000, 3))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    actual = np.array([generator.choice(3, p=p) for p in probabilities])
    first, second = slice(0, 3000), slice(3000, None)
    found = Conformal.fit([90], actual[first], probabilities[first], ("a", "b", "c"))
    sets = found.columns(probabilities[second])["set_90"]
    names = np.array(["a", "b", "c"])[actual[second]]
    held = [name in each.split(";") for name, each in zip(names, sets, strict=True)]
    assert all(sets)
    assert abs(np.mean(held) - 0.9) < 0.025


def test_a_calibration_is_read_back(tmp_path):
    folder = SimpleNamespace(path=tmp_path)
    assert Conformal.load(folder) is None
    Conformal({80: 1.5}, ("no", "yes")).save(folder)
    found = Conformal.load(folder)
    assert (found.radii, found.labels) == ({80: 1.5}, ("no", "yes"))
    for text in ("{}", '{"radii": {"80": 1}, "labels": ["a", null]}'):
        (tmp_path / "conformal.json").write_text(text)
        with pytest.raises(UserError, match="damaged"):
            Conformal.load(folder)
