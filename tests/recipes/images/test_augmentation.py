"""Mirrored and moved pictures, against NumPy's own."""

import itertools

import numpy as np
import pytest

from recipes.data.batches import _PyFeed
from recipes.images.augmentation import AugmentedBatches


def pictures(channels=()):
    return np.random.default_rng(1).integers(1, 255, (7, 5, 4, *channels)).astype(np.uint8)


def moved(picture, down, right, mirrored):
    picture = picture[:, ::-1] if mirrored else picture
    frame = [(2, 2), (2, 2), *[(0, 0)] * (picture.ndim - 2)]
    return np.roll(np.pad(picture, frame), (down, right), axis=(0, 1))[2:-2, 2:-2]


@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("shift", [0, 1, 2])
def test_every_way_is_a_move_of_the_picture(channels, mirror, shift):
    x = pictures(channels)
    batches = AugmentedBatches(x, np.arange(7), 4, 3, mirror=mirror, shift=shift)
    moves = range(-shift, shift + 1)
    expected = {
        moved(x[5], *way).tobytes() for way in itertools.product(moves, moves, range(1 + mirror))
    }
    count = len(batches.ways)
    found, targets = batches.assemble(5 * count + np.arange(count))
    assert found.shape == (count, *x.shape[1:])
    assert found.dtype == np.uint8
    assert {picture.tobytes() for picture in found} == expected
    assert (targets == 5).all()


def test_the_pipelines_agree_and_depend_on_the_epoch():
    x = pictures()
    batches = AugmentedBatches(x, np.arange(7), 3, 9, np.arange(7.0), mirror=True, shift=1)
    plain, feed, seen = _PyFeed(batches), batches.feed(), []
    for epoch in (0, 1, 0):
        batches.epoch = epoch
        parts = [[part.numpy() for part in batch] for batch in feed]
        for step, found in enumerate(parts):
            for one, other in zip(found, plain[step], strict=True):
                np.testing.assert_array_equal(one, other)
            np.testing.assert_array_equal(found[1], found[2])
        seen.append(np.concatenate([found[0] for found in parts]).tobytes())
    assert seen[0] == seen[2]
    assert seen[0] != seen[1]
