"""Pictures: what is read, how it is split, and what is refused with which words."""

import io
import os
import zipfile
from dataclasses import replace
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from recipes.data.batches import ArrayBatches
from recipes.data.images import pictures
from recipes.data.images.arrays import read_arrays, read_unlabelled
from recipes.data.images.image_files import read_folder, read_images
from recipes.data.stored import StoredArray
from recipes.errors import UserError
from recipes.images import RECIPE, ImagesConfig, default_config, load_data


def picture(value=100, size=(6, 4), mode="L"):
    """A plain picture of height and width `size`."""
    pixels = np.full((*size, 3) if mode == "RGB" else size, value, np.uint8)
    return Image.fromarray(pixels)


def fill(folder, name, count=4, **kind):
    (folder / name).mkdir(parents=True)
    for index in range(count):
        picture(20 * index, **kind).save(folder / name / f"{index}.png")


@pytest.fixture
def folder(tmp_path):
    """Two classes of four grey pictures, 6 x 4."""
    fill(tmp_path, "cat")
    fill(tmp_path, "dog")
    return tmp_path


def arrays(path, **parts):
    np.savez(path, **parts)
    return path


def settings(**flags):
    config = default_config(flags.get("dataset"), "data" in flags)
    return type(config)(**{**vars(config), **flags})


# Folders


def test_a_folder_becomes_pictures(folder):
    found = read_folder(folder)
    assert found.images.shape == (8, 6, 4)
    assert found.images.dtype == np.uint8
    assert found.classes == ("cat", "dog")
    assert found.labels.tolist() == [0] * 4 + [1] * 4
    assert found.sources[1] == os.path.join("cat", "1.png")
    assert found.images[1].tolist() == np.full((6, 4), 20).tolist()
    assert found.kind == "file"
    assert found.notes == ()


def test_one_coloured_picture_makes_all_coloured(folder):
    picture(50, mode="RGB").save(folder / "dog" / "9.png")
    found = read_folder(folder)
    assert found.images.shape == (9, 6, 4, 3)
    assert (found.images[1] == 20).all()


@pytest.mark.parametrize("suffix", ["bmp", "gif", "jpg", "png", "ppm", "tiff", "webp"])
def test_formats(folder, suffix):
    picture(80).save(folder / "dog" / f"another.{suffix.upper()}")
    found = read_folder(folder)
    assert len(found) == 9
    np.testing.assert_allclose(found.images[-1].mean(), 80, atol=3)


def test_depths_and_transparency(tmp_path):
    deep = Image.fromarray(np.full((2, 2), 0x8000, np.uint16))
    clear = Image.fromarray(np.zeros((2, 2, 4), np.uint8))  # black, entirely transparent
    black = Image.fromarray(np.zeros((2, 2), np.uint8)).convert("1")
    for name, image in {"a": deep, "b": clear, "c": black}.items():
        image.save(tmp_path / f"{name}.png")
    found, *_ = read_images([tmp_path / f"{name}.png" for name in "abc"])
    assert found.shape == (3, 2, 2, 3)
    assert found[:, 0, 0, 0].tolist() == [0x80, 255, 0]


def test_the_cameras_orientation_is_followed(tmp_path):
    image = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    image.save(tmp_path / "a.png", exif=exif)
    found = read_images([tmp_path / "a.png"])[0][0]
    assert found.tolist() == np.rot90(np.arange(6).reshape(2, 3) * 40, -1).tolist()


def test_different_sizes_are_cropped_to_a_square_of_the_middle_one(folder):
    for size in ((8, 4), (5, 7)):
        fill(folder, f"of {size[0]}", size=size)
    found = read_folder(folder)
    assert found.images.shape == (16, 4, 4)
    assert found.notes == (
        "16 of 16 images resized to 4 x 4 pixels and, where their form differs, cropped "
        "(--image_size, --fit)",
    )


def test_few_of_another_size_follow_the_others(folder):
    fill(folder, "more", 12)
    fill(folder, "others", 12)
    picture(size=(5, 5)).save(folder / "dog" / "large.png")
    found = read_folder(folder)
    assert found.images.shape == (33, 6, 4)
    assert found.notes[0].startswith("1 of 33 images resized to 6 x 4 pixels")


def test_photos_become_small_squares(folder):
    (folder / "cat" / "0.png").unlink()
    for name in ("cat", "dog"):
        for index in range(9):
            picture(size=(150, 200)).save(folder / name / f"photo {index}.png")
    assert read_folder(folder).images.shape == (25, 128, 128)


@pytest.mark.parametrize("fit", ["crop", "squeeze", "pad"])
def test_what_is_done_to_another_form(tmp_path, fit):
    """A picture of twice the width, white at its ends, grey in the middle."""
    pixels = np.full((8, 16), 85, np.uint8)
    pixels[:, :4] = pixels[:, 12:] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    size = (4, 4)
    (found,), _, notes = read_images([tmp_path / "a.png"], size, fit=fit)
    assert found.shape == size
    middle, ends = found[1:3, 1:3], found[1:3, [0, -1]]
    if fit == "crop":
        assert (found[:, 1:3] == 85).all()
        assert (found < 110).all()
    else:
        assert (middle < 150).all()
        assert (ends > 200).all()
        assert (found[0] == 0).all() == (fit == "pad")
    assert "1 of 1 images resized to 4 x 4" in notes[0]


@pytest.mark.parametrize(("form", "size"), [((58, 117), (18, 57)), ((196, 116), (88, 105))])
def test_a_cut_ends_inside_of_the_picture_however_it_is_rounded(tmp_path, form, size):
    picture(size=form).save(tmp_path / "a.png")
    (found,), *_ = read_images([tmp_path / "a.png"], size)
    assert found.shape == size


def test_large_photos_are_scaled_while_they_are_decoded(tmp_path, monkeypatch):
    large = Image.fromarray(np.full((800, 1200, 3), (200, 100, 50), np.uint8))
    large.save(tmp_path / "a.jpg")
    decoded = []
    load = JpegImageFile.load
    monkeypatch.setattr(JpegImageFile, "load", lambda self: decoded.append(self.size) or load(self))
    (found,), *_ = read_images([tmp_path / "a.jpg"], (32, 32))
    assert decoded[-1] == (150, 100)  # an eighth
    np.testing.assert_allclose(found.mean(axis=(0, 1)), (200, 100, 50), atol=3)


def test_image_size_resizes(folder):
    picture(size=(50, 70)).save(folder / "dog" / "large.png")
    found = read_folder(folder, (3, 5))
    assert found.images.shape == (9, 3, 5)
    assert (found.images[-1] == 100).all()


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n broken"])
def test_a_broken_picture_is_named(folder, content):
    (folder / "dog" / "torn.png").write_bytes(content)
    with pytest.raises(UserError, match=r"Cannot read the image .*torn\.png"):
        read_folder(folder)


def test_a_picture_that_was_cut_off_is_named(folder):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (6, 4), np.uint8)
    Image.fromarray(noise).save(buffer, "png")
    (folder / "dog" / "torn.png").write_bytes(buffer.getvalue()[:-30])
    with pytest.raises(UserError, match=r"torn\.png"):
        read_folder(folder)


def test_what_is_no_picture_is_named_in_a_note(folder):
    (folder / "readme.txt").write_text("hello")
    (folder / "dog" / "Thumbs.db").write_text("x")
    (folder / "dog" / ".DS_Store").write_text("x")
    (folder / ".cache").mkdir()
    found = read_folder(folder)
    assert len(found) == 8
    assert found.notes == (
        f"no images in class folders, and left out: readme.txt, dog{os.sep}Thumbs.db",
    )


def test_too_few_classes(tmp_path):
    with pytest.raises(UserError, match="no folders"):
        read_folder(tmp_path)
    fill(tmp_path, "cat")
    with pytest.raises(UserError, match="one class only, cat"):
        read_folder(tmp_path)
    (tmp_path / "dog").mkdir()
    with pytest.raises(UserError, match="dog holds no images"):
        read_folder(tmp_path)


def test_a_tree_that_is_split_is_taken_as_it_is(tmp_path):
    for part, count in {"train": 6, "val": 2, "test": 3}.items():
        fill(tmp_path / part, "cat", count)
        fill(tmp_path / part, "dog", count)
    task = load_data(settings(data=str(tmp_path)))
    assert {name: len(part) for name, part in task.parts.items()} == {
        "train": 12, "validation": 4, "test": 6,
    }  # fmt: skip
    assert task.parts["test"].sources[0] == os.path.join("test", "cat", "0.png")
    assert "train and validation and test as the data has them" in task.notes
    with pytest.raises(UserError, match="has a validation part of its own"):
        load_data(settings(data=str(tmp_path), validation_fraction=0.2))
    (tmp_path / "val").rename(tmp_path / "dev")
    fill(tmp_path / "dev", "cow", 1)
    with pytest.raises(UserError, match="'cow' has 1 image, which leaves none for train and test"):
        load_data(settings(data=str(tmp_path)))


def test_a_tree_without_a_test_part_gets_one(tmp_path):
    for part, count in {"train": 10, "validation": 2}.items():
        fill(tmp_path / part, "cat", count)
        fill(tmp_path / part, "dog", count)
    task = load_data(settings(data=str(tmp_path)))
    assert {name: len(part) for name, part in task.parts.items()} == {
        "train": 16, "validation": 4, "test": 4,
    }  # fmt: skip
    (tmp_path / "train").rename(tmp_path / "testing")
    with pytest.raises(UserError, match="to hold the folders train"):
        read_folder(tmp_path)


def table(folder, text):
    (folder / "labels.csv").write_text(text)
    return folder / "labels.csv"


def test_a_table_names_files_and_labels(folder):
    rows = [f"cat/{i}.png,feline,{'test' if i > 2 else 'Train'}" for i in range(4)]
    rows += [f"dog/{i}.png,canine,{'test' if i > 2 else 'train'}" for i in range(4)]
    found = read_folder(table(folder, "\n".join(["Image,label,split", *rows])))
    assert found.classes == ("canine", "feline")
    assert found.labels.tolist() == [1] * 4 + [0] * 4
    assert found.given.tolist() == (["train"] * 3 + ["test"]) * 2
    assert found.sources[1] == os.path.join("cat", "1.png")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\ncat/0.png,a\ncat/9.png,b\n", r"names 1 of 2 files .*cat/9\.png"),
        ("file,label\ncat/0.png,a\ncat/1.png,\n", "Expected a label in every row .* row 2"),
        ("name,label\ncat/0.png,a\n", "one column of the files, named file or path"),
        ("file,path,label\ncat/0.png,a,b\n", "one column of the files"),
        ("file,label,part\ncat/0.png,a,best\n", "train, validation and test. Received: best"),
    ],
)
def test_tables_that_are_refused(folder, text, message):
    with pytest.raises(UserError, match=message):
        read_folder(table(folder, text))


def test_broken_pictures_can_be_left_out(folder):
    (folder / "dog" / "torn.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"dog/torn\.png: .*Repair it, or remove it"):
        read_folder(folder)
    found = read_folder(folder, skip_broken=True)
    assert (len(found), len(found.images)) == (8, 8)
    assert found.notes[0].startswith("1 of 9 images cannot be read, left out: ")
    assert "torn.png: it is no image" in found.notes[0]
    fill(folder, "cow", 0)
    (folder / "cow" / "torn.png").write_bytes(b"")
    with pytest.raises(
        UserError, match="The class 'cow' has 0 images, which leaves none for train"
    ):
        load_data(settings(data=str(folder), skip_broken=True))


def test_what_is_too_much_for_memory_lies_in_a_file(folder, monkeypatch):
    expected = read_folder(folder)
    monkeypatch.setattr(pictures, "memory", lambda: 500)
    assert isinstance(read_folder(folder, (2, 2)).images, np.ndarray)
    found = read_folder(folder)
    assert isinstance(found.images, StoredArray)
    assert found.images.shape == (8, 6, 4)
    part = found.part(np.array([5, 1]))
    np.testing.assert_array_equal(part.images[:2], expected.images[[5, 1]])
    batches = ArrayBatches(part.images, part.labels, 2)
    x, _ = next(iter(batches.feed()))
    np.testing.assert_array_equal(x, expected.images[[5, 1]])
    np.testing.assert_array_equal(batches.assemble(np.array([1]))[0], expected.images[[1]])
    monkeypatch.setattr(pictures.shutil, "disk_usage", lambda _: mock.Mock(free=100))
    with pytest.raises(UserError, match=r"8 images of 6 x 4 bytes take .* GB free"):
        read_folder(folder)


# Arrays

X = np.zeros((6, 5, 4), np.uint8)
Y = np.array([0, 1, 2] * 2)


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


# Public sets


def test_cifar10_comes_from_keras(monkeypatch, capsys):
    import keras

    labels = np.arange(10, dtype=np.uint8)[:, None]
    x = np.ones((10, 32, 32, 3), np.uint8)

    def load_data():
        print("a progress bar")
        return (x, labels), (x, labels)

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", load_data)
    train, test = pictures.published("cifar10")
    assert (train.images.shape, test.images.max()) == (x.shape, 1)
    assert train.labels.tolist() == list(range(10))
    assert train.classes[3] == "cat"
    assert capsys.readouterr().out == ""


def test_a_failed_download_says_what_to_do(monkeypatch):
    import keras

    def load_data():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", load_data)
    with pytest.raises(UserError, match=r"Could not download cifar10 .* URL fetch failure"):
        pictures.published("cifar10")


def test_digits_need_nothing():
    found = pictures.digits()
    assert (found.images.shape, found.images.max(), len(found.classes)) == ((1797, 8, 8), 255, 10)


# Splits


def test_digits_are_split_by_class():
    task = load_data(settings())
    counts = {name: np.bincount(part.labels) for name, part in task.parts.items()}
    assert {name: int(count.sum()) for name, count in counts.items()} == {
        "train": 1259,
        "validation": 269,
        "test": 269,
    }
    for name in ("validation", "test"):
        assert counts[name].max() - counts[name].min() <= 2
    sources = [set(part.sources.tolist()) for part in task.parts.values()]
    assert len(set.union(*sources)) == 1797


def test_published_parts_are_kept_and_validation_is_the_books(zoo_data):
    task = load_data(settings(dataset="fashion_mnist"))
    train, test = pictures.published("fashion_mnist")
    np.testing.assert_array_equal(task.parts["validation"].images, train.images[:5000])
    np.testing.assert_array_equal(task.parts["train"].sources, np.arange(5000, 60_000))
    np.testing.assert_array_equal(task.parts["test"].labels, test.labels)
    chosen = load_data(
        settings(dataset="fashion_mnist", labels=["Sandal", "Shirt"], train_size=200)
    )
    part = chosen.parts["train"]
    assert (len(part), part.classes) == (200, ("Sandal", "Shirt"))
    assert (train.labels[part.sources] == np.where(part.labels, 6, 5)).all()
    assert (part.sources >= 5000).all()
    assert len(chosen.unlabelled) == np.isin(train.labels[5000:], (5, 6)).sum()
    assert len(chosen.parts["test"]) == 2000


def test_fractions_are_shares_of_all_pictures():
    task = load_data(settings(validation_fraction=0.1, test_fraction=0.3))
    assert {name: round(len(part) / 1797, 2) for name, part in task.parts.items()} == {
        "train": 0.6,
        "validation": 0.1,
        "test": 0.3,
    }


def test_the_split_follows_the_seed():
    first, again, other = (load_data(settings(seed=seed)).sha256 for seed in (1, 1, 2))
    assert first == again != other


def test_a_test_part_in_the_file_is_used(tmp_path):
    path = arrays(tmp_path / "a.npz", x_train=X, y_train=Y % 2, x_test=X[:2] + 5, y_test=[0, 1])
    task = load_data(settings(data=str(path)))
    assert task.parts["test"].images.max() == 5
    with pytest.raises(UserError, match="has a test part of its own"):
        load_data(settings(data=str(path), test_fraction=0.2))
    arrays(path, x_train=X, y_train=Y % 2, x_test=X[:2], y_test=[0, 3])
    with pytest.raises(UserError, match="The class '1' has 2 images, which leaves none for test"):
        load_data(settings(data=str(path)))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"labels": ["1", "x"]}, "There is no class 'x'"),
        ({"labels": ["1"]}, "two classes or more"),
        ({"labels": ["1", "1"]}, "two classes or more"),
        ({"train_size": 9}, "between 10, the number of classes, and 1,259"),
        ({"train_size": 2000}, "Received: 2000"),
        ({"validation_fraction": 0.6, "test_fraction": 0.5}, "nothing to train on"),
        ({"data": "nowhere"}, "There is no file or folder nowhere"),
    ],
)
def test_splits_that_are_refused(flags, message):
    with pytest.raises(UserError, match=message):
        load_data(settings(**flags))


def test_a_rare_class_is_named(tmp_path):
    path = arrays(tmp_path / "a.npz", x=X, y=[0, 0, 0, 0, 1, 1])
    with pytest.raises(UserError, match="The class '1' has 2 images, which leaves none for"):
        load_data(settings(data=str(path)))
    path = arrays(tmp_path / "a.npz", x=X, y=[0, 0, 0, 0, 0, 0])
    with pytest.raises(UserError, match="All images are of one class, 0"):
        load_data(settings(data=str(path)))


def test_a_file_that_is_neither(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(UserError, match="which is neither"):
        load_data(settings(data=str(tmp_path / "a.txt")))


# Flags


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"dataset": "imagenet"}, "There is no dataset 'imagenet'"),
        ({"validation_fraction": 0.0}, "--validation_fraction must be above 0"),
        ({"test_fraction": 1.0}, "--test_fraction must be above 0 and below 1"),
        ({"image_size": [3], "data": "x"}, "a height and a width, such as 32,32. Received: 3"),
        ({"image_size": [3, 0], "data": "x"}, "Received: 3,0"),
        ({"image_size": [3, 3]}, "--image_size resizes the images of a folder"),
        ({"label_smoothing": 1.0}, "--label_smoothing must be"),
        ({"freeze": 1}, "--freeze is about layers of --transfer_from RUN, --pretrain"),
        ({"frozen_epochs": 1}, "--frozen_epochs is about"),
        ({"frozen_learning_rate": 0.0, "transfer_from": "x"}, "--frozen_learning_rate must be"),
        ({"transfer_from": "x", "pretrain": "autoencoder"}, "exclude each other"),
        ({"mc_samples": -1}, "--mc_samples must be at least 0"),
    ],
)
def test_flags_out_of_range(flags, message):
    with pytest.raises(UserError, match=message):
        ImagesConfig(model="mlp", **flags).validate()


@pytest.mark.parametrize(("size", "flags", "epochs"), [
    ((28, 28), {}, 150), ((64, 80, 3), {}, 65), ((28, 28), {"epochs": 7}, 7),
])  # fmt: skip
def test_few_images_are_read_often(size, flags, epochs):
    task = SimpleNamespace(parts={"train": range(400)}, shape=size)
    config = replace(default_config(own_data=True), **flags)
    assert RECIPE.sized(config, task).epochs == epochs
