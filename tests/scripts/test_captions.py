"""The captioner learns to say what is in a picture, and looks at what it names."""

import numpy as np
import pytest

from scripts.benchmarks.captions import (
    MAX_LENGTH,
    SIZE,
    describe,
    picture,
    pictures_and_captions,
    train,
)


def test_pictures_and_captions_belong_together():
    images, captions = pictures_and_captions(300)
    assert images.shape == (300, SIZE, 3 * SIZE, 3)
    assert (images.min() >= 0) & (images.max() <= 1)
    for image, caption in zip(images, captions, strict=True):
        colors = [image[:, part].reshape(-1, 3) for part in parts(image)]
        strongest = [("red", "green", "blue")[np.argmax(c[c.max(1) > 0.5].mean(0))] for c in colors]
        assert [phrase.split()[0] for phrase in caption.split(" and ")] == strongest
    again = pictures_and_captions(300)
    np.testing.assert_array_equal(again[0], images)
    assert again[1] == captions
    assert len(set(captions)) > 100


def parts(image):
    """Columns of the thirds of a picture with something in them."""
    thirds = [slice(third * SIZE, (third + 1) * SIZE) for third in range(3)]
    return [third for third in thirds if image[:, third].max() > 0.5]


@pytest.fixture(scope="module")
def trained():
    return train(*pictures_and_captions(3000))


@pytest.mark.slow
def test_it_describes_new_pictures_and_looks_at_what_it_names(trained, tmp_path):
    images, captions = pictures_and_captions(500, seed=1)
    found, maps = describe(*trained, images)
    right = [one == other for one, other in zip(found, captions, strict=True)]
    assert np.mean(right) > 0.95
    assert maps.shape == (500, MAX_LENGTH, SIZE // 4, 3 * SIZE // 4)
    looked = []
    for image, weights in zip(images, maps, strict=True):
        if len(parts(image)) > 1:
            for number, third in enumerate(parts(image)):
                there = weights[3 * number + 1, :, third.start // 4 : third.stop // 4]
                looked.append(there.sum())  # when it writes the name of the shape
    assert np.mean(looked) > 0.7  # 1 / 3 if it looked everywhere alike
    picture(images[:4], found[:4], maps[:4]).savefig(tmp_path / "captions.png")
