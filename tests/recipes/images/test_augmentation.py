"""What is done to training pictures: in training only, by a stated rule."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from recipes.images import default_config
from recipes.images.augmentation import augmented, resolved, words

CONFIG = default_config("digits")


@pytest.mark.parametrize(
    ("shape", "flags", "expected"),
    [
        ((28, 28), {}, (False, 2, False)),  # grey: it may be writing
        ((32, 32, 3), {}, (True, 2, False)),
        ((96, 64, 3), {}, (True, 5, True)),  # a photo
        ((28, 28), {"mirror": True, "shift": 1}, (True, 1, False)),
        ((32, 32, 3), {"mirror": False, "augment": "strong"}, (False, 2, True)),
        ((96, 96, 3), {"augment": "none"}, (False, 0, False)),
        ((96, 96, 3), {"augment": "none", "mirror": True}, (True, 0, False)),
    ],
)
def test_the_rule(shape, flags, expected):
    assert resolved(replace(CONFIG, **flags), shape) == expected


def changed(x, **flags):
    config = replace(CONFIG, **{"augment": "none", **flags})
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, augmented(inputs, config))
    np.testing.assert_array_equal(model(x, training=False), x)
    return np.asarray(model(x, training=True))


def test_pictures_are_mirrored_and_moved():
    x = np.tile(np.arange(1, 21, dtype=np.uint8).reshape(1, 4, 5), (60, 1, 1))
    mirrored = changed(x, mirror=True)
    ways = {picture.tobytes() for picture in mirrored}
    assert ways == {picture.astype("float32").tobytes() for picture in (x[0], x[0, :, ::-1])}
    moved = changed(x, shift=1)
    assert {(p == 0).all(axis=1).sum() for p in moved} == {0, 1}  # rows that came in black
    assert {(p == 0).all(axis=0).sum() for p in moved} == {0, 1}
    assert set(np.unique(moved)) <= set(range(21))


def test_strong_changes_keep_to_bytes():
    x = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype(np.uint8)
    found = changed(x, augment="strong", erase=0.5)
    assert found.shape == x.shape
    assert found.min() >= 0
    assert found.max() <= 255
    assert not np.array_equal(found, x)
    assert words(replace(CONFIG, augment="strong", erase=0.5), (8, 8, 3)) == (
        "training images are mirrored, moved by up to 1 pixels, zoomed, turned, made brighter and "
        "darker, partly erased at random (--augment)"
    )
    assert words(replace(CONFIG, augment="none"), (8, 8)) == ""
