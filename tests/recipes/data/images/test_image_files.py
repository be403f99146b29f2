"""Files of pictures as people have them: right values, or a refusal whose advice works."""

import re
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from recipes.data.images import pixels
from recipes.data.images.depth import BITS, Depth
from recipes.data.images.image_files import read_images
from tests.recipes.data.images.encoding import (
    RANDOM,
    of_bytes,
    pixels_of,
    png,
    refusal,
    saved,
    tiff,
)


def formulas(message):
    """The formulas that a message tells to follow."""
    found = []
    for start in re.split(r"(?=np\.uint8\()", message)[1:]:
        ends = [match.end() for match in re.finditer(r"\)", start)]
        found.append(next(start[:n] for n in ends if start[:n].count("(") == start[:n].count(")")))
    return [lambda x, rule=rule: eval(rule, {"np": np, "x": x}) for rule in found]


def as_said(message, number, *files):
    """Saves files anew by a formula of a message, and returns where."""
    rule = formulas(message)[number]
    found = []
    for file in files:
        new = file.with_name(f"{file.stem}-new.png")
        Image.fromarray(rule(pixels.deep_values(file)[0])).save(new)
        found.append(new)
    return found


# Kinds of pictures, each with values worked out by hand

GREYS = np.array([[0, 100, 255]], np.uint8)


def palette(transparency=None):
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 10, 20, 30])
    image.putdata([0, 1, 2])
    if transparency is not None:
        image.info["transparency"] = transparency
    return image


@pytest.mark.parametrize(
    ("suffix", "image", "expected", "tolerance"),
    [
        ("png", Image.fromarray(GREYS > 50), [0, 255, 255], 0),
        ("tif", Image.fromarray(GREYS > 50), [0, 255, 255], 0),
        ("png", Image.fromarray(GREYS), [0, 100, 255], 0),
        # 100 of half opacity: 100 * 128 / 255 + 255 * 127 / 255 = 177.2
        ("png", of_bytes("LA", [100, 255], [100, 128], [0, 0]), [100, 177, 255], 1),
        ("tif", of_bytes("LA", [100, 255], [100, 128], [0, 0]), [100, 177, 255], 1),
        ("png", palette(), [[255, 0, 0], [0, 255, 0], [10, 20, 30]], 0),
        ("png", palette(1), [[255, 0, 0], [255, 255, 255], [10, 20, 30]], 0),
        ("gif", palette(1), [[255, 0, 0], [255, 255, 255], [10, 20, 30]], 0),
        # (0, 255, 0) of half opacity, and (10, 20, 30) of none
        (
            "png",
            palette(bytes([255, 128, 0])),
            [[255, 0, 0], [127, 255, 127], [255, 255, 255]],
            1,
        ),
        ("bmp", of_bytes("RGB", [1, 2, 3], [9, 8, 7]), [[1, 2, 3], [9, 8, 7]], 0),
        (
            "webp",
            of_bytes("RGBA", [1, 2, 3, 255], [200, 0, 0, 0]),
            [[1, 2, 3], [255, 255, 255]],
            0,
        ),
        # Cyan takes red away, black takes all
        (
            "tif",
            of_bytes("CMYK", [255, 0, 0, 0], [0, 0, 0, 255], [0, 0, 0, 0]),
            [[0, 255, 255], [0, 0, 0], [255, 255, 255]],
            0,
        ),
        # R = Y + 1.402 (Cr - 128), G = Y - 0.344 (Cb - 128) - 0.714 (Cr - 128), B = Y + 1.772 (...)
        (
            "tif",
            of_bytes("YCbCr", [76, 85, 255], [128, 128, 128]),
            [[254, 0, 0], [128, 128, 128]],
            2,
        ),
        # L* of 50 is a luminance of 18.4 %: sRGB 119; a* and b* of sRGB's red are 81 and 70
        (
            "tif",
            of_bytes("LAB", [128, 0, 0], [138, 81, 70], [255, 0, 0]),
            [[119, 119, 119], [255, 0, 0], [255, 255, 255]],
            6,
        ),
    ],
)
def test_kinds_of_pictures(tmp_path, suffix, image, expected, tolerance):
    flags = {"lossless": True, "exact": True} if suffix == "webp" else {}
    (found,) = pixels_of(saved(tmp_path, f"a.{suffix}", image, **flags))
    np.testing.assert_allclose(found[0].astype(int), expected, atol=tolerance)
    assert found.dtype == np.uint8


def test_an_inverted_jpeg_of_four_inks_is_read_right(tmp_path):
    image = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    (found,) = pixels_of(saved(tmp_path, "a.jpg", image, quality=100))
    np.testing.assert_allclose(found[4, 4].astype(int), [0, 255, 255], atol=3)


# Depth


@pytest.mark.parametrize(
    ("top", "bits"),
    [(1, 8), (255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12), (4096, 16), (65535, 16)],
)
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_bits_are_those_that_hold_the_values_of_all(tmp_path, suffix, top, bits):
    dark = np.array([[0, top // 5, top // 4]], np.uint16)
    bright = np.array([[0, top // 2, top]], np.uint16)
    files = [
        saved(tmp_path, f"{n}.{suffix}", x) for n, x in {"dark": dark, "bright": bright}.items()
    ]
    found, depth, notes = read_images(files)
    for image, values in zip(found, (dark, bright), strict=True):
        assert image.tolist() == (values.astype(int) * 256 // 2**bits).tolist()
    assert depth == Depth(bits=bits)
    assert notes == (f"images of 16 bits or more hold values up to {top:,}: read as {bits} bits",)
    # What was decided holds for a single dark one too.
    assert pixels_of(files[0], kept=depth).tolist() == found[:1].tolist()


@given(st.sampled_from(BITS), st.lists(st.integers(0, 65535), min_size=1))
def test_bytes_keep_order_and_are_fractions_of_white(bits, values):
    values = np.sort([0, *(value % 2**bits for value in values), 2**bits - 1]).astype(np.uint16)
    found = Depth(bits=bits).to_bytes(values)
    assert (found[0], found[-1]) == (0, 255)
    assert (np.diff(found.astype(int)) >= 0).all()
    assert np.abs(found - values / (2**bits - 1) * 255).max() <= 1


@given(st.lists(st.floats(0, 1, width=32), min_size=1))
def test_fractions_are_rounded_to_bytes(values):
    values = np.array(values, np.float32)
    assert np.abs(Depth(float_max=1).to_bytes(values) - values * 255).max() <= 0.5 + 1e-4
    np.testing.assert_array_equal(
        Depth(float_max=1).to_bytes(values), Depth(float_max=255).to_bytes(values * 255)
    )


def colours(top, channels):
    values = RANDOM.integers(0, top + 1, (3, 4, channels)).astype(np.uint16)
    values[0, 0] = top
    return values


@pytest.mark.parametrize(("top", "shift"), [(1023, 2), (4095, 4), (65535, 8)])
@pytest.mark.parametrize(
    "write",
    [
        lambda x: png(x, 2),
        lambda x: tiff(x, 2),
        lambda x: tiff(x, 2, order="big"),
        lambda x: tiff(x, 2, deflate=True),
        lambda x: tiff(x, 2, deflate=True, order="big"),
    ],
    ids=["png", "tiff", "big tiff", "deflated", "big deflated"],
)
def test_colours_of_sixteen_bits_keep_both_bytes(tmp_path, write, top, shift):
    values = colours(top, 3)
    found, depth, _ = read_images([saved(tmp_path, "a.png", write(values))])
    assert found[0].tolist() == (values >> shift).tolist()
    assert depth == Depth(bits=8 + shift)


@pytest.mark.parametrize("opaque", [4095, 65535])
@pytest.mark.parametrize("kind", ["grey png", "png", "tiff"])
def test_opacity_of_sixteen_bits_has_a_white_of_its_own(tmp_path, kind, opaque):
    grey = kind == "grey png"
    values = np.concatenate([colours(4095, 1 if grey else 3), np.full((3, 4, 1), opaque)], axis=-1)
    values = values.astype(np.uint16)
    values[2, 2:, -1] = (opaque + 1) // 2, 0
    values[2, 2, :-1] = 0  # black of half opacity
    write = {"grey png": lambda: png(values, 4), "png": lambda: png(values, 6)}.get(
        kind, lambda: tiff(values, 2, opacity=2)
    )
    (found,), depth, notes = read_images([saved(tmp_path, "a.png", write())])
    expected = values[..., 0 if grey else slice(3)] >> 4
    expected[2, 2], expected[2, 3] = 127, 255
    assert found.tolist() == expected.tolist()
    assert depth == Depth(bits=12)
    assert notes[-1] == "1 image has transparent pixels: laid over white"


def test_a_transparent_colour_of_sixteen_bits_is_found_exactly(tmp_path):
    grey = np.array([[1000, 1001, 4095]], np.uint16)
    (found,) = pixels_of(saved(tmp_path, "a.png", png(grey, 0, [1001])))
    assert found.tolist() == [[62, 255, 255]]
    values = np.array([[[16, 32, 48], [16, 32, 49], [4095, 0, 0]]], np.uint16)
    (found,) = pixels_of(saved(tmp_path, "b.png", png(values, 2, [16, 32, 49])))
    assert found.tolist() == [[[1, 2, 3], [255, 255, 255], [255, 0, 0]]]


def test_four_inks_of_sixteen_bits(tmp_path):
    values = np.array([[[65535, 0, 0, 0], [0, 0, 0, 65535]]], np.uint16)
    (found,) = pixels_of(saved(tmp_path, "a.tif", tiff(values, 5)))
    assert found.tolist() == [[[0, 255, 255], [0, 0, 0]]]


def test_a_white_that_the_file_declares_is_taken(tmp_path):
    dark = saved(tmp_path, "a.pgm", b"P5 2 1 4095\n" + struct.pack(">HH", 160, 200))
    assert pixels_of(dark).tolist() == [[[10, 12]]]
    colour = saved(tmp_path, "a.ppm", b"P6 1 1 4095\n" + struct.pack(">HHH", 4095, 2048, 0))
    assert pixels_of(colour).tolist() == [[[[255, 128, 0]]]]


def test_each_type_has_a_range_of_its_own(tmp_path):
    files = [
        saved(tmp_path, "a.png", np.array([[0, 200]], np.uint8)),
        saved(tmp_path, "b.png", np.array([[0, 4031]], np.uint16)),
        saved(tmp_path, "c.tif", np.array([[0, 0.5]], np.float32)),
        saved(tmp_path, "d.tif", np.array([[16, 2048]], np.int32)),
    ]
    found, depth, notes = read_images(files)
    assert found[:, 0].tolist() == [[0, 200], [0, 251], [0, 128], [1, 128]]
    assert depth == Depth(bits=12, float_max=1)
    assert notes == (
        "2 of 4 images of 16 bits or more hold values up to 4,031: read as 12 bits",
        "1 of 4 images of floating-point numbers: pixels from 0 to 1 taken as 0 to 255",
    )


def test_floating_point_numbers_up_to_255(tmp_path):
    files = [
        saved(tmp_path, "a.tif", np.array([[0, 254.6]], np.float32)),
        saved(tmp_path, "b.tif", np.array([[0, 2.4]], np.float32)),
    ]
    found, depth, notes = read_images(files)
    assert found[:, 0].tolist() == [[0, 255], [0, 2]]
    assert depth == Depth(float_max=255)
    assert notes == ("images of floating-point numbers: pixels from 0 to 255 rounded",)
    dark = saved(tmp_path, "c.tif", np.array([[0, 0.9]], np.float32))
    assert pixels_of(dark, kept=depth).tolist() == [[[0, 1]]]
    black = saved(tmp_path, "d.tif", np.zeros((1, 2), np.float32))
    assert read_images([files[0], black])[1] == depth


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[-1024, 0, 3071]], np.int32), [0, 63, 255]),
        (np.array([[0, 35000, 70000]], np.int32), [0, 127, 255]),
        (np.array([[-(2**31), 0, 2**31 - 1]], np.int32), [0, 127, 255]),
        (np.array([[-1, 0, 1]], np.float32), [0, 127, 255]),
        (np.array([[20, 270, 520]], np.float32), [0, 127, 255]),
        (np.array([[np.nan, 0.5, 1]], np.float32), [0, 0, 255]),
        (np.array([[np.inf, 0, 7]], np.float32), [0, 0, 255]),
        (np.array([[np.nan, np.nan, np.nan]], np.float32), [0, 0, 0]),
    ],
)
def test_other_numbers_are_refused_with_one_rule_for_all(tmp_path, values, expected):
    good = saved(tmp_path, "good.tif", np.full((1, 3), values.max(), values.dtype))
    bad = saved(tmp_path, "bad.tif", values)
    message = refusal(bad)
    assert str(bad) in message
    (found,) = pixels_of(*as_said(message, 0, bad))
    np.testing.assert_allclose(found[0].astype(int), expected, atol=1)
    if np.isfinite(values).all():  # the rule is that of both files
        found = pixels_of(*as_said(refusal(good, bad), 0, good, bad))
        np.testing.assert_allclose(found[1, 0].astype(int), expected, atol=1)
        np.testing.assert_allclose(found[0].astype(int), 255, atol=1)


def test_two_scales_of_floating_point_numbers_are_refused(tmp_path):
    small = saved(tmp_path, "small.tif", np.array([[0, 0.6]], np.float32))
    large = saved(tmp_path, "large.tif", np.array([[0, 200]], np.float32))
    message = refusal(small, large)
    for number, value in [(0, 153), (1, 1)]:
        (new,) = as_said(message, number, small)
        assert pixels_of(new, large)[:, 0].tolist() == [[0, value], [0, 200]]


def test_a_white_that_is_zero_is_refused(tmp_path):
    for values in (np.array([[0, 65535]], np.uint16), np.array([[0, 1]], np.float32)):
        file = saved(tmp_path, "a.tif", tiff(values, 0))
        message = refusal(file)
        assert "its white is 0 (PhotometricInterpretation); save it inverted" in message
    with Image.open(saved(tmp_path, "a.tif", tiff(np.array([[0, 65535]], np.uint16), 0))) as image:
        inverted = Image.fromarray(65535 - np.asarray(image))
    assert pixels_of(saved(tmp_path, "b.tif", inverted)).tolist() == [[[255, 0]]]


def test_colours_that_are_multiplied_by_their_opacity_are_refused(tmp_path):
    message = refusal(saved(tmp_path, "a.tif", tiff(colours(4095, 4), 2, opacity=1)))
    assert "multiplied by its opacity; save it with 8" in message
    eight = np.array([[[100, 50, 0, 255], [50, 25, 0, 128]]], np.uint8)
    (found,) = pixels_of(saved(tmp_path, "b.tif", tiff(eight, 2, opacity=1)))
    np.testing.assert_allclose(found[0].astype(int), [[100, 50, 0], [177, 152, 127]], atol=2)


# Depth, of a trained model


def test_values_beyond_those_of_training_are_refused(tmp_path):
    bright = np.array([[0, 2**15, 65535]], np.uint16)
    file = saved(tmp_path, "a.png", bright)
    kept = Depth(bits=12)
    message = refusal(file, kept=kept)
    assert "trained on images of 12 bits, values up to 4,095" in message
    assert pixels_of(*as_said(message, 0, file), kept=kept).tolist() == [[[0, 128, 255]]]
    dark = saved(tmp_path, "b.png", np.array([[0, 16, 300]], np.uint16))
    assert pixels_of(dark, kept=kept).tolist() == [[[0, 1, 18]]]


@pytest.mark.parametrize("colour", [False, True])
def test_a_model_of_bytes_does_not_guess_at_white(tmp_path, colour):
    values = np.array([[0, 16, 3000]], np.uint16)
    values = np.stack([values] * 3, axis=-1) if colour else values
    file = saved(tmp_path, "a.png", png(values, 2 if colour else 0))
    message = refusal(file, kept=Depth())
    assert "np.uint8(x >> 4) if white is 4,095, np.uint8(x >> 8) if it is 65,535" in message
    for number, expected in [(0, values >> 4), (1, values >> 8)]:
        assert pixels_of(*as_said(message, number, file), kept=Depth()).tolist() == [
            expected.tolist()
        ]
    full = saved(tmp_path, "b.png", np.array([[0, 16, 30000]], np.uint16))
    assert pixels_of(full, kept=Depth()).tolist() == [[[0, 0, 117]]]
    black = saved(tmp_path, "c.png", np.zeros((1, 3), np.uint16))
    assert not pixels_of(black, kept=Depth()).any()


def test_floating_point_numbers_beyond_those_of_training(tmp_path):
    file = saved(tmp_path, "a.tif", np.array([[0, 127.6]], np.float32))
    kept = Depth(float_max=1)
    message = refusal(file, kept=kept)
    assert "trained on pixels from 0 to 1" in message
    assert pixels_of(*as_said(message, 0, file), kept=kept).tolist() == [[[0, 128]]]
    assert pixels_of(file, kept=Depth()).tolist() == [[[0, 128]]]


def test_coloured_pictures_for_a_grey_model(tmp_path):
    files = [saved(tmp_path, f"{n}.png", np.full((1, 2, 3), 90, np.uint8)) for n in range(12)]
    message = refusal(*files, shape=(1, 2))
    assert f"{files[9]}, and 2 more" in message
    assert "PIL.Image.open(FILE).convert('L')" in message
    with Image.open(files[0]) as image:
        grey = saved(tmp_path, "grey.png", image.convert("L"))
    assert pixels_of(grey, shape=(1, 2)).tolist() == [[[90, 90]]]
    deep = saved(tmp_path, "deep.png", png(np.full((1, 2, 3), 1600, np.uint16), 2))
    rule = re.search(r"PIL\.Image\.fromarray\(.*\)\)", refusal(deep, shape=(1, 2)))[0]
    import PIL

    import recipes

    names = {"np": np, "PIL": PIL, "recipes": recipes, "FILE": deep}
    grey = saved(tmp_path, "grey16.png", eval(rule, names))
    assert pixels_of(grey, shape=(1, 2), kept=Depth(bits=12)).tolist() == [[[100, 100]]]


# Orientation, frames, transparency


@pytest.mark.parametrize(
    ("suffix", "flags"),
    [("png", {}), ("tif", {}), ("tif", {"compression": "tiff_lzw"}), ("webp", {"lossless": True})],
)
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("tag", range(10))
def test_every_orientation(tmp_path, suffix, flags, deep, tag):
    if (deep and suffix == "webp") or (flags.get("compression") and tag in (0, 9)):
        return  # cannot be written
    values = np.arange(6).reshape(2, 3) * 40
    turned = [
        values, values, values[:, ::-1], values[::-1, ::-1], values[::-1], values.T,
        np.rot90(values, -1), values[::-1, ::-1].T, np.rot90(values), values,
    ][tag]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = tag
    array = (values * 256).astype(np.uint16) if deep else values.astype(np.uint8)
    (found,) = pixels_of(saved(tmp_path, f"a.{suffix}", array, exif=exif, **flags))
    assert (found if found.ndim == 2 else found[..., 0]).tolist() == turned.tolist()


@pytest.mark.parametrize("suffix", ["gif", "tif", "png", "webp"])
def test_the_first_frame_is_read_and_said(tmp_path, suffix):
    frames = [Image.fromarray(np.full((2, 3, 3), value, np.uint8)) for value in (10, 90, 200)]
    flags = {"lossless": True} if suffix == "webp" else {}
    file = saved(
        tmp_path, f"a.{suffix}", frames[0], save_all=True, append_images=frames[1:], **flags
    )
    single = saved(tmp_path, f"b.{suffix}", frames[1], **flags)
    found, _, notes = read_images([file, single])
    assert np.unique(found[0]).tolist() == [10]
    assert notes == ("1 image has several frames or pages: the first is read",)
    assert read_images([file, file])[2][0].startswith("2 images have several frames")


def test_transparency_is_counted_where_it_is_seen(tmp_path):
    files = [saved(tmp_path, f"{alpha}.png", of_bytes("LA", [7, alpha])) for alpha in (0, 100, 255)]
    found, _, notes = read_images(files)
    np.testing.assert_allclose(found.ravel().astype(int), [255, 158, 7], atol=1)
    assert notes == ("2 images have transparent pixels: laid over white",)
