"""Means of the targets of the nearest rows, against a slow loop."""

import numpy as np
import pytest

from tests.shared import assert_close
from zoo.layers import NearestTargets, nearest_targets

RNG = np.random.default_rng(3)
ROWS = {
    "numeric": RNG.normal(size=(40, 2)).astype("float32"),
    "categories": RNG.integers(0, 3, (40, 1)).astype("int32"),
}
VALUES = RNG.normal(size=(40, 2)).astype("float32")
WEIGHTS = [1.0, 0.5, 2.0]


def slow(rows, index, count, left_out=None):
    squares = ((ROWS["numeric"] - rows["numeric"][index]) ** 2 * np.square(WEIGHTS[:2])).sum(1)
    differs = ROWS["categories"][:, 0] != rows["categories"][index, 0]
    distance = np.sqrt(squares + 2 * WEIGHTS[2] ** 2 * differs)
    if left_out is not None:
        distance[left_out] = np.inf
    near = np.argsort(distance)[:count]
    share = 1 / (distance[near] + 0.1 * distance[near[-1]] + 1e-3)
    return (share[:, None] * VALUES[near]).sum(0) / share.sum()


@pytest.fixture(scope="module")
def layer():
    return NearestTargets.from_data(ROWS, VALUES, WEIGHTS, neighbors=(3, 8))


def test_near_is_what_the_weights_say(layer):
    rows = {"numeric": ROWS["numeric"][:5] + 0.1, "categories": ROWS["categories"][:5]}
    found = np.asarray(layer(rows))
    expected = [np.concatenate([slow(rows, i, k) for k in (3, 8)]) for i in range(5)]
    assert_close(found, np.array(expected))


def test_a_candidate_is_told_its_own_target_unless_it_is_left_out(layer):
    found = layer.leave_one_out(ROWS, np.arange(40), batch_size=7)
    expected = [np.concatenate([slow(ROWS, i, k, i) for k in (3, 8)]) for i in range(40)]
    assert_close(found, np.array(expected))
    assert_close(layer.leave_one_out(ROWS, np.full(40, -1)), np.asarray(layer(ROWS)))
    # Whatever its own target is, the features of a row stay.
    other = VALUES.copy()
    other[7] += 100
    again = NearestTargets.from_data(ROWS, other, WEIGHTS, neighbors=(3, 8))
    assert_close(again.leave_one_out(ROWS, np.arange(40))[7], found[7])
    assert np.abs(np.asarray(again(ROWS))[7] - np.asarray(layer(ROWS))[7]).max() > 10


def test_fewer_candidates_than_neighbors_are_all_taken():
    layer = NearestTargets.from_data({"numeric": np.eye(2, 1)}, [[1.0], [3.0]], [1.0])
    found = layer.leave_one_out({"numeric": np.zeros((1, 1), "float32")}, [0])
    assert_close(found, np.full((1, 3), 3.0))


def test_arguments_are_counts():
    with pytest.raises(ValueError, match="neighbors"):
        NearestTargets(3, 1, 0, 1, neighbors=[0])


def test_many_rows_are_compiled_and_say_the_same(layer, monkeypatch):
    found = layer.leave_one_out(ROWS, np.arange(40), batch_size=16)
    made, loop = [], nearest_targets._LeaveOneOut

    def make(*given):
        made.append(loop(*given))
        return made[-1]

    monkeypatch.setattr(nearest_targets, "_LeaveOneOut", make)
    monkeypatch.setattr(nearest_targets, "MANY", 40)
    assert_close(layer.leave_one_out(ROWS, np.arange(40), batch_size=16), found)
    assert len(made) == 1
