"""Means of the targets of the nearest rows, against a slow loop."""

import numpy as np
import pytest

from tests.shared import assert_close
from zoo.layers import NearestTargets

RNG = np.random.default_rng(3)
ROWS = {
    "numeric": RNG.normal(size=(40, 2)).astype("float32"),
    "categories": RNG.integers(0, 3, (40, 1)).astype("int32"),
}
VALUES = RNG.normal(size=(40, 2)).astype("float32")
WEIGHTS = [1.0, 0.5, 2.0]


def slow(rows, index, count):
    squares = ((ROWS["numeric"] - rows["numeric"][index]) ** 2 * np.square(WEIGHTS[:2])).sum(1)
    differs = ROWS["categories"][:, 0] != rows["categories"][index, 0]
    distance = np.sqrt(squares + 2 * WEIGHTS[2] ** 2 * differs)
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


def test_fewer_candidates_than_neighbors_are_all_taken():
    layer = NearestTargets.from_data({"numeric": np.eye(2, 1)}, [[1.0], [3.0]], [1.0])
    near, far = 1 / (0.1 + 1e-3), 1 / (1 + 0.1 + 1e-3)  # at distances of 0 and 1
    found = np.asarray(layer({"numeric": np.zeros((1, 1), "float32")}))
    assert_close(found, np.full((1, 3), (3 * near + far) / (near + far)))


def test_arguments_are_counts():
    with pytest.raises(ValueError, match="neighbors"):
        NearestTargets(3, 1, 0, 1, neighbors=[0])
