"""The published MNIST and Fashion-MNIST, as their hashes and their class counts have them."""

import numpy as np
import pytest

from recipes.data.images.idx import CLOTHES, read_idx


@pytest.mark.parametrize(
    ("name", "first", "tests"),
    [
        # The first training picture is an ankle boot (book, chapter 10).
        ("fashion_mnist", CLOTHES.index("Ankle boot"), [1000] * 10),
        ("mnist", 5, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    ],
)
def test_shapes_and_classes(zoo_data, name, first, tests):
    (x, y), (x_test, y_test) = read_idx(name)
    assert (x.shape, y.shape) == ((60_000, 28, 28), (60_000,))
    assert (x_test.shape, y_test.shape) == ((10_000, 28, 28), (10_000,))
    assert x.dtype == y.dtype == np.uint8
    assert np.bincount(y_test).tolist() == tests
    assert y[0] == first
    assert x[0].max() == 255
