"""Files of pictures that are damaged or have odd names, and folders of them."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from recipes.data.images.depth import listed
from recipes.data.images.image_files import image_files, read_folder, read_images
from recipes.errors import UserError
from tests.recipes.data.images.encoding import (
    RANDOM,
    pixels_of,
    png,
    refusal,
    saved,
    tiff,
)


def classes(folder, count=15):
    for name in ("cat", "dog"):
        for index in range(count):
            saved(folder / name, f"{index:02}.png", np.full((4, 5), 9 * index, np.uint8))
    return folder


def test_all_broken_pictures_are_named_and_removing_them_helps(tmp_path):
    folder = classes(tmp_path)
    noise = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 255, (40, 50), np.uint8)).save(noise, "bmp")
    broken = {folder / "cat" / f"{index:02}.png": b"" for index in range(5)}
    broken |= {folder / "dog" / f"{index:02}.png": b"hello" for index in range(6)}
    broken[folder / "dog" / "09.png"] = noise.getvalue()[:-400]  # its header is whole
    for path, content in broken.items():
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_folder(folder)
    head, *lines, last = str(caught.value).splitlines()
    assert head.startswith("Cannot read 12 of 30 images. Repair or remove them, or leave them out")
    assert [line.split(": ")[0] for line in lines] == [str(path) for path in list(broken)[:10]]
    assert lines[0].endswith(": it is empty")
    assert "it is no image, or of a kind that is not read" in lines[-1]
    assert last == "and 2 more"
    for path in broken:
        path.unlink()
    assert len(read_folder(folder)) == 18


def test_pictures_that_break_off_late_are_all_named(tmp_path):
    folder = classes(tmp_path, 3)
    noise = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 255, (4, 5), np.uint8)).save(noise, "bmp")
    for name in ("cat", "dog"):
        (folder / name / "torn.bmp").write_bytes(noise.getvalue()[:-9])
    with pytest.raises(UserError) as caught:
        read_folder(folder)
    assert "Cannot read 2 of 8 images" in str(caught.value)
    assert f"{folder}/cat/torn.bmp: " in str(caught.value)
    assert f"{folder}/dog/torn.bmp: " in str(caught.value)


def encoded():
    values = RANDOM.integers(0, 255, (9, 11, 3), np.uint8)
    for suffix, flags in {
        "bmp": {}, "gif": {}, "jpeg": {}, "png": {}, "ppm": {}, "tiff": {},
        "tiff lzw": {"compression": "tiff_lzw"}, "webp": {"lossless": True},
    }.items():  # fmt: skip
        stream = io.BytesIO()
        Image.fromarray(values).save(stream, suffix.split()[0], **flags)
        yield pytest.param(stream.getvalue(), id=suffix)
    deep = RANDOM.integers(0, 65535, (9, 11, 3)).astype(np.uint16)
    yield pytest.param(png(deep, 2), id="deep png")
    yield pytest.param(tiff(deep, 2), id="deep tiff")


@pytest.mark.parametrize("whole", list(encoded()))
def test_a_file_that_is_cut_anywhere_is_refused_or_the_same(tmp_path, whole):
    expected = pixels_of(saved(tmp_path, "whole", whole)).tolist()
    for length in {*range(0, len(whole), 7), *range(max(len(whole) - 20, 0), len(whole))}:
        cut = saved(tmp_path, "cut", whole[:length])
        try:
            found = pixels_of(cut).tolist()
        except UserError as error:
            found = str(error).partition(": ")[0]
        assert found in (f"Cannot read the image {cut}", expected), length


def test_too_many_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    monkeypatch.setenv("ZOO_MAX_PIXELS", "4")
    for size in ((1, 5), (5, 5)):
        message = refusal(saved(tmp_path, "a.png", np.zeros(size, np.uint8)))
        assert "it has over 4 pixels; shrink it or set ZOO_MAX_PIXELS" in message
    pixels_of(saved(tmp_path, "a.png", np.zeros((1, 2), np.uint8)))
    monkeypatch.setenv("ZOO_MAX_PIXELS", "1e3")
    pixels_of(saved(tmp_path, "a.png", np.zeros((5, 5), np.uint8)))


def test_an_array_among_pictures_says_where_it_belongs(tmp_path):
    file = tmp_path / "a.png"
    with file.open("wb") as stream:
        np.save(stream, np.zeros((2, 3, 3), np.uint8))
    assert "np.savez('x.npz', x=np.load(FILE))" in refusal(file)


def test_other_sizes_become_the_models(tmp_path):
    files = [saved(tmp_path, f"{n}.png", np.full((6, 7), 50, np.uint8)) for n in range(2)]
    found, _, notes = read_images(files, (3, 3), shape=(4, 5))
    assert found.shape == (2, 4, 5)
    assert notes[0].startswith("2 of 2 images resized to 4 x 5 pixels")


def test_ten_names_and_a_count():
    assert listed(list(range(10))) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert listed(list(range(1234))) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, and 1,224 more"


# Folders and names


@pytest.mark.parametrize("other", ["CAT", " cat", "c\N{LATIN SMALL LETTER A}t "])
def test_class_folders_that_look_alike(tmp_path, other):
    folder = classes(tmp_path, 2)
    saved(folder / other, "more.png", np.full((4, 5), 50, np.uint8))
    if not (folder / "cat" / "more.png").exists():  # as where files know no case
        with pytest.raises(UserError) as caught:
            read_folder(folder)
        assert repr(other) in str(caught.value)
        assert "'cat'" in str(caught.value)
        renamed = shutil.copytree(folder, tmp_path.with_name(f"{tmp_path.name}-renamed"))
        (renamed / other).rename(renamed / "lion")
        assert read_folder(renamed).classes == ("cat", "dog", "lion")
        (folder / other / "more.png").rename(folder / "cat" / "more.png")
        (folder / other).rmdir()
    assert read_folder(folder).labels.tolist() == [0, 0, 0, 1, 1]


def test_suffixes_and_hidden_files(tmp_path):
    folder = classes(tmp_path, 2)
    for name, suffix in {"PNG.JPG": "png", "jpeg.png": "jpeg", "bmp.TIFF": "bmp"}.items():
        stream = io.BytesIO()
        Image.fromarray(np.full((4, 5), 70, np.uint8)).save(stream, suffix)
        saved(folder / "dog", name, stream.getvalue())
    for name in (".DS_Store", "._01.png", "Thumbs.db"):
        saved(folder / "dog", name, b"\0\0\0\1Bud1")
    found = read_folder(folder)
    assert found.labels.tolist() == [0, 0, 1, 1, 1, 1, 1]
    assert (found.images[4:] == 70).all()
    assert [Path(source).name for source in found.sources[4:]] == [
        "PNG.JPG",
        "bmp.TIFF",
        "jpeg.png",
    ]
    assert found.notes == (f"no images in class folders, and left out: {Path('dog', 'Thumbs.db')}",)
    saved(folder / "dog", "text.jpg", b"no picture")
    with pytest.raises(UserError, match=r"Cannot read the image .*text\.jpg: it is no image"):
        read_folder(folder)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=8, unique=True))
def test_files_are_in_the_natural_order_of_their_names(tmp_path_factory, numbers):
    folder = tmp_path_factory.mktemp("names")
    for number in numbers:
        (folder / f"picture {number} (copy).png").touch()
    found = [int(path.name.split()[1]) for path in image_files(folder)]
    assert found == sorted(numbers)


def test_the_order_of_folders_and_of_odd_names(tmp_path):
    names = ["1.png", "01.png", "1a.png", "a1.png", "a/2.png", "a/10.png", "b10/1.png", "b9/1.png"]
    for name in [*names, "².png"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in image_files(tmp_path)]
    assert found == [
        "01.png", "1.png", "1a.png", "a/2.png", "a/10.png", "a1.png", "b9/1.png", "b10/1.png",
        "².png",
    ]  # fmt: skip


def test_training_keeps_the_plain_order_by_which_runs_were_split(tmp_path):
    for name in ("2.png", "10.png"):
        saved(tmp_path / "a", name, np.zeros((1, 1), np.uint8))
        saved(tmp_path / "b", name, np.zeros((1, 1), np.uint8))
    sources = [Path(source).as_posix() for source in read_folder(tmp_path).sources]
    assert sources == ["a/10.png", "a/2.png", "b/10.png", "b/2.png"]
