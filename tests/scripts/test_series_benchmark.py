"""`scripts/benchmark series`: what it reads from reports, and the official scores of M4."""

import numpy as np
import pytest

from recipes.forecast.comparing import sentence
from scripts.benchmarks import m4_weekly, series


@pytest.mark.parametrize(
    ("ends", "expected"), [((-0.2, 0.05), "-0.100 (-0.200 to +0.050)"), (None, "-0.100")]
)
def test_the_difference_is_read_from_the_report(ends, expected):
    found = series._DIFFERENCE.search(sentence("nlinear", 1.0, "theta", 1.1, ends))
    assert series._short(*found.groups()) == expected


def test_scores_of_m4_by_hand():
    known = {"a": np.array([1.0, 2.0, 4.0]), "b": np.array([10.0, 0.0])}
    actual = {"a": np.array([5.0]), "b": np.array([10.0])}
    smape, mase = m4_weekly._scores(known, actual, {"a": [3.0], "b": [10.0]})
    assert smape == pytest.approx((200 * 2 / 8 + 0) / 2)
    assert mase == pytest.approx((2 / 1.5 + 0) / 2)
