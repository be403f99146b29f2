"""Pictures written byte by byte, and read again."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from recipes.data.images.image_files import read_images
from recipes.errors import UserError

RANDOM = np.random.default_rng(0)
ORDERS = {"little": "<", "big": ">"}


def png(values, kind, clear=None):
    """A PNG file of 16 bits: grey (0), colour (2), grey with opacity (4) or colour with it (6)."""

    def chunk(name, content):
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))
    head += b"" if clear is None else chunk(b"tRNS", np.array(clear, ">u2").tobytes())
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(values, photometric=1, deflate=False, order="little", opacity=None, sample_format=None):
    """A TIFF file of one strip, of any type of values."""
    e = ORDERS[order]
    height, width, channels = (*values.shape, 1)[:3]
    content = values.astype(values.dtype.newbyteorder(e)).tobytes()
    content = zlib.compress(content) if deflate else content
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    tags = {
        256: [width], 257: [height], 258: [8 * values.itemsize] * channels,
        259: [8 if deflate else 1], 262: [photometric], 273: [8], 277: [channels], 278: [height],
        279: [len(content)], 339: [sample_format or kind] * channels,
    }  # fmt: skip
    tags |= {} if opacity is None else {338: [opacity]}
    start = 8 + len(content)
    tail, entries = b"", b""
    for tag, numbers in sorted(tags.items()):
        field = struct.pack(f"{e}{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            place = start + 2 + 12 * len(tags) + 4 + len(tail)
            tail, field = tail + field, struct.pack(f"{e}I", place)
        entries += struct.pack(f"{e}HHI", tag, 4, len(numbers)) + field
    head = (b"II*\0" if order == "little" else b"MM\0*") + struct.pack(f"{e}I", start)
    return head + content + struct.pack(f"{e}H", len(tags)) + entries + b"\0" * 4 + tail


def saved(folder, name, content, **flags):
    """A file of bytes, of a Pillow image, or of an array."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        image = Image.fromarray(content) if isinstance(content, np.ndarray) else content
        image.save(path, **flags)
    return path


def pixels_of(*files, **flags):
    return read_images(list(files), **flags)[0]


def refusal(*files, **flags):
    with pytest.raises(UserError) as caught:
        read_images(list(files), **flags)
    return str(caught.value)


def of_bytes(mode, *values):
    return Image.frombytes(mode, (len(values), 1), bytes(np.array(values, np.uint8)))
