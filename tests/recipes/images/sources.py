"""Pictures in folders and in arrays, as the tests of data write them."""

import numpy as np
from PIL import Image

from recipes.images import default_config


def picture(value=100, size=(6, 4), mode="L"):
    """A plain picture of height and width `size`."""
    pixels = np.full((*size, 3) if mode == "RGB" else size, value, np.uint8)
    return Image.fromarray(pixels)


def fill(folder, name, count=4, **kind):
    (folder / name).mkdir(parents=True)
    for index in range(count):
        picture(20 * index, **kind).save(folder / name / f"{index}.png")


def arrays(path, **parts):
    np.savez(path, **parts)
    return path


def settings(**flags):
    config = default_config(flags.get("dataset"), "data" in flags)
    return type(config)(**{**vars(config), **flags})


X = np.zeros((6, 5, 4), np.uint8)
Y = np.array([0, 1, 2] * 2)
