"""Pictures of folders and of tables: what is read, and what is refused with which words."""

import io
import os
from unittest import mock

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from recipes.data.batches import ArrayBatches
from recipes.data.images import pictures
from recipes.data.images.image_files import read_folder, read_images
from recipes.data.stored import StoredArray
from recipes.errors import UserError
from recipes.images import load_data
from tests.recipes.images.sources import fill, picture, settings


@pytest.fixture
def folder(tmp_path):
    """Two classes of four grey pictures, 6 x 4."""
    fill(tmp_path, "cat")
    fill(tmp_path, "dog")
    return tmp_path


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
