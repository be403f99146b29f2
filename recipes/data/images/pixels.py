"""One picture out of a file: its size and its pixels, whatever the kind of file."""

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from recipes.data.images.depth import Range
from recipes.data.memory import limit

#: Pillow's names of the kinds of pictures that hold no colour.
GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")
#: The tag for the camera's orientation.
ORIENTATION = 0x0112


class UnreadableError(Exception):
    """A file is broken, or no picture; the message says why."""


@dataclass(frozen=True)
class Header:
    """What is known of a picture before its pixels are kept.

    Args:
        size: Height and width, as it is to be seen.
        grey: Whether it holds no colour.
        animated: Whether it has several frames or pages.
        range: Its `Range` if it has more than 8 bits a pixel, else `None`.
    """

    size: tuple[int, int]
    grey: bool
    animated: bool
    range: Range | None


def read_header(file) -> Header:
    """The `Header` of a picture; an `UnreadableError` if there is none."""
    with _opened(file) as image:
        grey = image.mode in GREY or _rawmode(image).startswith("LA;")
        scaled = image.mode == "I" and image.tile and image.tile[0][0].startswith("ppm")
        top = 4095 if _rawmode(image).startswith("I;12") else 65535 if scaled else None  # white
        deep = _is_deep(image)
        size, animated = _size(image), getattr(image, "is_animated", False)  # may load it
    found = None
    if deep:
        values, mode = deep_values(file)
        found = Range.of(file, values[..., :-1] if mode.endswith("A") else values)
        if top:
            found = Range(found.name, found.dtype, found.low, top)
    return Header(size, grey, animated, found)


def check_pixels(file) -> None:
    """Raises `UnreadableError` if the pixels of a picture cannot be read to their end."""
    with _opened(file) as image:
        image.load()


def read_pixels(file, depth, grey, size, fit="crop") -> tuple[np.ndarray, bool]:
    """The pixels of a picture, its transparent ones over white, and whether any was transparent.

    uint8 `(height, width)` if it is to be read as grey, or `(height, width, 3)`, resized to a size.
    Where its form differs, `fit` says what is done: `"crop"` cuts off what is too long, `"pad"`
    lays it on black, `"squeeze"` changes its form. An `UnreadableError` if it is broken.
    """
    with _opened(file) as image:
        deep = _is_deep(image)
        if not deep:
            # A JPEG file is decoded at a half, a quarter or an eighth where that is enough.
            image.draft(None, (2 * max(size),) * 2)
            image = _upright(image)
            if image.mode == "LAB":
                profiles = [ImageCms.createProfile(space) for space in ("LAB", "sRGB")]
                image = ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
    if deep:
        values, mode = deep_values(file)
        rows = depth.to_bytes(values)
        if mode.endswith("A") and values[..., -1].max() >= 2 ** (depth.bits or 16):
            rows[..., -1] = values[..., -1] >> 8  # opaque is 65,535, whatever white is
        image = Image.frombytes(mode, rows.shape[1::-1], rows.tobytes())
    transparent = False
    if "A" in image.mode.upper() or "transparency" in image.info:
        image = image.convert("RGBA")
        transparent = image.getextrema()[3][0] < 255
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if grey else "RGB")
    return np.asarray(_fitted(image, size[::-1], fit)), transparent


def _fitted(image, size, fit):
    """A picture in another size, width first."""
    if image.size == size:
        return image
    if fit == "squeeze":
        return image.resize(size, Image.Resampling.BILINEAR)
    fitted = ImageOps.pad if fit == "pad" else ImageOps.fit
    return fitted(image, size, Image.Resampling.BILINEAR)


def deep_values(file) -> tuple[np.ndarray, str]:
    """The numbers of a picture of more than 8 bits a pixel, as they are in the file.

    `(height, width)` or `(height, width, channels)`, and Pillow's name for their bytes. An
    `UnreadableError` if it is broken, or stored in a way that does not tell them.
    """
    with _opened(file) as image:
        rawmode, key = _rawmode(image), image.info.get("transparency")
        if image.mode[0] in "IF":
            if image.format == "TIFF" and image.tag_v2.get(262) == 0:
                raise ValueError("its white is 0 (PhotometricInterpretation); save it inverted")
            values, mode = np.asarray(_upright(image)), "L"
        elif rawmode.startswith("LA;"):  # taken as bytes: both of grey, both of its opacity
            _read_as(image, "RGBA")
            found = np.asarray(_upright(image)).astype(np.uint16)
            values, mode = found[..., ::2] * 256 + found[..., 1::2], "LA"
        elif rawmode.startswith("RGBa"):
            raise ValueError("its 16 bits a colour are multiplied by its opacity; save it with 8")
        else:
            mode = image.mode
            with _opened(file) as again:  # Pillow keeps one byte of two: here it takes the other
                native = "B" if sys.byteorder == "little" else "L"
                _read_as(again, rawmode[:-1] + {"L": "B", "B": "L"}.get(rawmode[-1], native))
                low = np.asarray(_upright(again)).astype(np.uint16)
            values = np.asarray(_upright(image)).astype(np.uint16) * 256 + low
    if key is not None and mode in ("L", "RGB"):
        clear = values == np.array(key)
        clear = clear.all(axis=-1) if values.ndim == 3 else clear
        channels = values if values.ndim == 3 else values[..., None]
        opaque = np.where(clear, 0, 65535).astype(values.dtype)
        values, mode = np.concatenate([channels, opaque[..., None]], axis=-1), f"{mode}A"
    return values, mode


@contextmanager
def _opened(file):
    """A picture of a file, with each error as `UnreadableError`."""
    Image.MAX_IMAGE_PIXELS = limit("ZOO_MAX_PIXELS", 178_956_970) // 2  # refused is twice that
    try:
        # A stream, not a name: Pillow scrambles uncompressed TIFF files that lie on their side when
        # it maps them into memory.
        with open(file, "rb") as stream, Image.open(stream) as image:
            yield image
    except UnreadableError:
        raise
    except Exception as error:  # each decoder raises errors of its own
        raise UnreadableError(_reason(file, error)) from error


def _reason(file, error):
    if isinstance(error, Image.DecompressionBombError):
        return f"it has over {2 * Image.MAX_IMAGE_PIXELS:,} pixels; shrink it or set ZOO_MAX_PIXELS"
    if not isinstance(error, UnidentifiedImageError):
        return str(error) or type(error).__name__
    if not os.path.getsize(file):
        return "it is empty"
    with open(file, "rb") as stream:
        if stream.read(6) == b"\x93NUMPY":
            return "it is an array; put it into an .npz file by np.savez('x.npz', x=np.load(FILE))"
    return "it is no image, or of a kind that is not read; save it as PNG with 8 bits"


def _size(image):
    """Height and width, as the picture is to be seen."""
    width, height = image.size
    turned = image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
    if image.format == "TIFF":  # of which some versions of Pillow have turned the size already
        width, height = image.tag_v2[256], image.tag_v2[257]
    return (width, height) if turned else (height, width)


def _upright(image):
    image.load()
    return ImageOps.exif_transpose(image)


def _rawmode(image):
    """Pillow's name of how the values lie in the file, such as `"RGB;16B"`."""
    if not image.tile:
        return ""
    arguments = image.tile[0][3]
    first = arguments if isinstance(arguments, str) else (arguments or [""])[0]
    return first if isinstance(first, str) else ""


def _read_as(image, rawmode):
    """Lets a picture that was not loaded yet be read in another way."""
    tiles = []
    for tile in image.tile:
        arguments = rawmode if isinstance(tile[3], str) else (rawmode, *tile[3][1:])
        new = (*tile[:3], arguments)
        tiles.append(type(tile)(*new) if hasattr(tile, "_fields") else new)
    image.tile = tiles


def _is_deep(image):
    """Whether a picture has more than 8 bits a pixel and colour."""
    return image.mode[0] in "IF" or ";16" in _rawmode(image)
