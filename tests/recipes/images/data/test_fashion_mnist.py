"""The published Fashion-MNIST, as its hashes and its class counts have it."""

import numpy as np

from recipes.images.data.fashion_mnist import CLASSES, fashion_mnist


def test_shapes_and_classes(zoo_data):
    (x, y), (x_test, y_test) = fashion_mnist()
    assert (x.shape, y.shape) == ((60_000, 28, 28), (60_000,))
    assert (x_test.shape, y_test.shape) == ((10_000, 28, 28), (10_000,))
    assert x.dtype == y.dtype == np.uint8
    assert np.bincount(y).tolist() == [6000] * len(CLASSES)
    assert np.bincount(y_test).tolist() == [1000] * len(CLASSES)
    # The first training picture is an ankle boot (book, chapter 10).
    assert CLASSES[y[0]] == "Ankle boot"
    assert x[0].max() == 255
