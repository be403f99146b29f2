"""Arrays of pictures in .npz files: right values, or a refusal whose advice works."""

import re

import numpy as np
import pytest

from recipes.data.images.arrays import read_arrays, read_unlabelled
from recipes.data.images.depth import Depth
from recipes.errors import UserError

Y = np.array([0, 1, 2] * 2)


def of(*values, dtype=np.uint8):
    """Six pictures of 1 x 3, whose values follow each other."""
    return np.resize(np.array(values, dtype), (6, 1, 3))


def written(path, **parts):
    np.savez(path / "a.npz", **parts)
    return path / "a.npz"


def read(path, kept=None, **parts):
    return read_arrays(written(path, **{"y": Y, **parts}), kept)[0]


def refusal(path, kept=None, **parts):
    with pytest.raises(UserError) as caught:
        read(path, kept, **parts)
    return str(caught.value)


@pytest.mark.parametrize(
    ("x", "expected", "depth", "notes"),
    [
        (of(0, 7, 255), [0, 7, 255], Depth(), ()),
        (of(0, 7, 255, dtype=np.int64), [0, 7, 255], Depth(), ()),
        (of(0, 7, 127, dtype=np.int8), [0, 7, 127], Depth(), ()),
        (of(0, 0, 0), [0, 0, 0], Depth(), ()),
        (of(0, 512, 1023, dtype=np.uint16), [0, 128, 255], Depth(10), ("1,023: read as 10 bits",)),
        (of(0, 2048, 4031, dtype=np.int32), [0, 128, 251], Depth(12), ("4,031: read as 12 bits",)),
        (of(0, 2**15, 65535, dtype=np.uint16), [0, 128, 255], Depth(16), ("read as 16 bits",)),
        (of(0, 1, 1), [0, 255, 255], Depth(1), ("pixels of 0 and 1 taken as 0 and 255",)),
        (of(0, 1, 1, dtype=np.int64), [0, 255, 255], Depth(1), ("0 and 1 taken as",)),
        (of(0, 1, 1, dtype=bool), [0, 255, 255], Depth(1), ("0 and 1 taken as",)),
        (
            of(0, 0.5, 1, dtype=np.float16),
            [0, 128, 255],
            Depth(float_max=1),
            ("images of floating-point numbers: pixels from 0 to 1 taken as 0 to 255",),
        ),
        (
            of(0, 99.6, 255, dtype=np.float64),
            [0, 100, 255],
            Depth(float_max=255),
            ("pixels from 0 to 255 rounded",),
        ),
    ],
)
def test_types_of_pixels(tmp_path, x, expected, depth, notes):
    found = read(tmp_path, x=x)
    assert found.images.tolist() == [[expected]] * 6
    assert found.images.dtype == np.uint8
    assert found.depth == depth
    assert len(found.notes) == len(notes)
    assert all(said in note for said, note in zip(notes, found.notes, strict=True))
    # The same values predict alike, and darker ones of them by the same factor.
    images, _, _ = read_unlabelled(tmp_path / "a.npz", (1, 3), depth)
    assert images.tolist() == found.images.tolist()
    dark = written(tmp_path, x=np.where(x == x.max(), x.dtype.type(0), x))
    images, _, _ = read_unlabelled(dark, (1, 3), depth)
    assert images.tolist() == np.where(x == x.max(), 0, found.images).tolist()


def test_both_parts_decide_together(tmp_path):
    dark, bright = of(0, 16, 300, dtype=np.uint16), of(0, 16, 4000, dtype=np.uint16)
    path = written(tmp_path, x_train=dark, y_train=Y, x_test=bright, y_test=Y)
    train, test = read_arrays(path)
    assert (train.images[0].tolist(), test.images[0].tolist()) == ([[0, 1, 18]], [[0, 1, 250]])
    path = written(tmp_path, x_train=of(0, 1, 200), y_train=Y, x_test=of(0, 1, 1), y_test=Y)
    assert [part.images[0].tolist() for part in read_arrays(path)] == [[[0, 1, 200]], [[0, 1, 1]]]


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (of(-1, 0, 1, dtype=np.float32), [0, 127, 255]),
        (of(-1, 0, 1, dtype=np.int8), [0, 127, 255]),
        (of(0, 35_000, 70_000, dtype=np.int64), [0, 127, 255]),
        (of(np.nan, 0, 9, dtype=np.float32), [0, 0, 255]),
    ],
)
def test_other_numbers_are_refused_with_a_rule(tmp_path, x, expected):
    message = refusal(tmp_path, x=x)
    rule = re.search(r"such as (np\.uint8\(.*\)) \(x: the array", message)[1]
    found = read(tmp_path, x=eval(rule, {"np": np, "x": x}))
    np.testing.assert_allclose(found.images[0, 0].astype(int), expected, atol=1)


def test_arrays_that_a_trained_model_cannot_place(tmp_path):
    x = of(0, 160, 4000, dtype=np.uint16)
    message = refusal(tmp_path, Depth(), x=x)
    assert "trained on images of 8 bits" in message
    rule = re.search(r"(np\.uint8\(.*?\)) if white is 4,095", message)[1]
    assert read(tmp_path, Depth(), x=eval(rule)).images[0].tolist() == [[0, 10, 250]]
    x = of(0, 100, 200)
    message = refusal(tmp_path, Depth(bits=1), x=x)
    assert "trained on pixels of 0 and 1" in message
    rule = re.search(r"black and white: (.*) \(x: the array", message)[1]
    assert read(tmp_path, Depth(bits=1), x=eval(rule)).images[0].tolist() == [[0, 0, 255]]


def test_runs_without_a_depth_read_arrays_as_they_did(tmp_path):
    former = Depth(bits=8)
    for x in (of(0, 1, 1), of(0, 1, 1, dtype=bool), of(0, 7, 255, dtype=np.int64)):
        found = read(tmp_path, former, x=x)
        assert found.images.tolist() == x.astype(int).tolist()
        assert found.notes == ()
    found = read(tmp_path, former, x=of(0, 0.5, 1, dtype=np.float32))
    assert found.images[0].tolist() == [[0, 128, 255]]
    assert "trained on images of 8 bits" in refusal(tmp_path, former, x=of(300, dtype=np.int64))


PICTURES = np.random.default_rng(0).integers(0, 255, (6, 4, 5, 3), np.uint8)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (PICTURES.transpose(0, 3, 1, 2), PICTURES),
        (PICTURES[..., :1].transpose(0, 3, 1, 2), PICTURES[..., 0]),
        (PICTURES.transpose(1, 2, 3, 0), PICTURES),
        (np.concatenate([PICTURES, PICTURES[..., :1]], axis=-1), PICTURES),
        (PICTURES[..., :2], PICTURES[..., 0]),
        (PICTURES[:, :4, :4, 0].reshape(6, 16), PICTURES[:, :4, :4, 0]),
        (PICTURES[..., 0].transpose(1, 2, 0), PICTURES[..., 0]),
    ],
    ids=["channels first", "one first", "number last", "opacity", "grey opacity", "flat", "grey"],
)
def test_other_orders_of_axes_are_refused_with_what_turns_them(tmp_path, x, expected):
    message = refusal(tmp_path, x=x)
    rule = re.search(r": (x[.\[].*[\])])\.$", message)[1]
    assert read(tmp_path, x=eval(rule, {"x": x})).images.tolist() == expected.tolist()


def test_flat_pictures_that_are_not_square(tmp_path):
    x = PICTURES[..., 0].reshape(6, 20)
    assert "x.reshape(-1, height, width)" in refusal(tmp_path, x=x)
    assert read(tmp_path, x=x.reshape(-1, 4, 5)).images.tolist() == PICTURES[..., 0].tolist()
    assert "It is empty" in refusal(tmp_path, x=PICTURES[:, :0])


def test_labels_that_are_texts(tmp_path):
    for y in (["é", "b", "a"], np.char.encode(["é", "b", "a"], "utf-8")):
        found = read(tmp_path, x=PICTURES, y=np.resize(y, 6))
        assert found.classes == ("a", "b", "é")
        assert found.names.tolist() == ["é", "b", "a"] * 2
    message = refusal(tmp_path, x=PICTURES, y=np.array(["a", "", "b", " ", "a", "b"]))
    assert "empty texts at 1, 3. Leave these images out" in message
    kept = [0, 2, 4, 5]
    assert len(read(tmp_path, x=PICTURES[kept], y=np.array(["a", "b", "a", "b"]))) == 4
