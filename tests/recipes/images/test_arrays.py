"""Pictures in arrays: what is read, and what is refused with which words."""

import zipfile

import numpy as np
import pytest

from recipes.data.images import pictures
from recipes.data.images.arrays import read_arrays, read_unlabelled
from recipes.errors import UserError
from tests.recipes.images.sources import X, Y, arrays


def test_arrays_become_pictures(tmp_path):
    found, test = read_arrays(arrays(tmp_path / "a.npz", x=X, y=np.array([7, 7, 3, 3, 3, 12])))
    assert test is None
    assert found.classes == ("3", "7", "12")
    assert found.labels.tolist() == [1, 1, 0, 0, 0, 2]
    assert (found.images.shape, found.kind) == ((6, 5, 4), "index")


def test_arrays_that_are_split(tmp_path):
    path = arrays(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:2], y_test=Y[1:3])
    train, test = read_arrays(path)
    assert (len(train), len(test)) == (6, 2)
    assert test.names.tolist() == ["1", "2"]


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.array(["b", "a", "c"] * 2), ("a", "b", "c")),
        (np.array([b"b", b"a", b"c"] * 2), ("a", "b", "c")),
        (np.array([[0.0], [1.0], [2.0]] * 2), ("0", "1", "2")),
        (np.array([True, False, True] * 2), ("False", "True")),
    ],
)
def test_labels_of_several_types(tmp_path, y, classes):
    assert read_arrays(arrays(tmp_path / "a.npz", x=X, y=y))[0].classes == classes


@pytest.mark.parametrize(
    ("x", "first"),
    [
        (X + np.int64(9), 9),
        (np.full((6, 5, 4), 0.2), 51),
        (np.full((6, 5, 4, 1), 7, np.uint8), 7),
    ],
)
def test_pixels_of_several_types(tmp_path, x, first):
    found = read_arrays(arrays(tmp_path / "a.npz", x=x, y=Y))[0]
    assert found.images.shape == (6, 5, 4)
    assert found.images.dtype == np.uint8
    assert (found.images == first).all()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"x": X}, "Received: x"),
        ({}, "Received: nothing"),
        ({"x": X, "y": Y[:5]}, "6 images in x and 5 labels in y"),
        ({"x": X.reshape(6, 20), "y": Y}, r"Received: an array of shape \(6, 20\)"),
        ({"x": np.zeros((6, 5, 4, 2), np.uint8), "y": Y}, r"shape \(6, 5, 4, 2\)"),
        ({"x": X[:0], "y": Y[:0]}, r"shape \(0, 5, 4\)"),
        ({"x": X + np.int64(70_000), "y": Y}, "Received: values from 70,000 to 70,000 in x of"),
        ({"x": X - np.int64(1), "y": Y}, "Received: values from -1 to -1 in x of"),
        ({"x": np.full(X.shape, 256.0), "y": Y}, "numbers from 0 to 1, or from 0 to 255"),
        ({"x": np.full(X.shape, np.nan), "y": Y}, "with NaN or infinity, in x of"),
        ({"x": np.full(X.shape, "a"), "y": Y}, "Expected numbers as x"),
        ({"x": X, "y": np.eye(6)}, "One-hot labels become numbers"),
        ({"x": X, "y": Y + 0.5}, "whole numbers or texts"),
        ({"x": X, "y": np.array([None] * 6, object)}, "Object arrays cannot be loaded"),
        ({"x": np.array([None] * 6, object), "y": Y}, r"shape \(6,\)"),
        ({"x_train": X, "y_train": Y, "x_test": X[:, 1:], "y_test": Y}, "differ in shape"),
    ],
)  # fmt: skip
def test_arrays_that_are_refused(tmp_path, parts, message):
    with pytest.raises(UserError, match=message):
        read_arrays(arrays(tmp_path / "a.npz", **parts))


def test_arrays_that_only_look_like_some(tmp_path):
    path = arrays(tmp_path / "a.npz", x=X, y=np.array(["a"] * 6).view(np.uint32) + (1 << 30))
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    text = parts["y.npy"].replace(b"'<u4'", b"'<U1'")
    for content in (text, b"no array", parts["y.npy"].replace(b"(6,)", b"(6,(")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", parts["x.npy"])
            archive.writestr("y.npy", content)
        with pytest.raises(UserError, match=r"the array y|as y in"):
            read_arrays(path)


def test_broken_archives(tmp_path):
    path = arrays(tmp_path / "a.npz", x=X, y=Y)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"Cannot read .*a\.npz"):
        read_arrays(path)
    np.save(tmp_path / "b.npy", X)
    with pytest.raises(UserError, match="a single array"):
        read_arrays(tmp_path / "b.npy")


def test_arrays_are_measured_before_they_are_read(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.zeros((2, 1000, 1000), np.uint8), y=[0, 1])
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(pictures, "memory", lambda: 1_000_000)
    monkeypatch.setattr("recipes.data.images.arrays._array", lambda *_: pytest.fail("was read"))
    with pytest.raises(UserError, match="2 images of 1000 x 1000 bytes"):
        read_arrays(path)


def test_unlabelled_arrays_must_have_the_models_shape(tmp_path):
    images, labels, _ = read_unlabelled(arrays(tmp_path / "a.npz", x=X), (5, 4))
    assert (images.shape, labels) == ((6, 5, 4), None)
    _, labels, _ = read_unlabelled(arrays(tmp_path / "b.npz", x=X, y=Y), (5, 4))
    assert labels.tolist() == ["0", "1", "2"] * 2
    with pytest.raises(UserError, match=r"Expected images of shape \(5, 5\)"):
        read_unlabelled(tmp_path / "a.npz", (5, 5))
    with pytest.raises(UserError, match="an array x"):
        read_unlabelled(arrays(tmp_path / "c.npz", z=X), (5, 4))
