"""MNIST and Fashion-MNIST: 70,000 grey pictures each, 28 by 28 pixels, in ten classes.

By hand, since `keras.datasets` neither checks their files nor looks into `ZOO_DATA`.

Reference: LeCun et al., 1998; Xiao et al., 2017 (Zalando Research, MIT licence); book, chapter 10.
"""

import numpy as np

from recipes.data.download import fetch, open_bytes
from recipes.errors import reading

CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
)  # fmt: skip


def read_idx(name: str) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The published 60,000 training and 10,000 test pictures, see `recipes.data.download.fetch`.

    `(images, labels)` of both parts of `"mnist"` or `"fashion_mnist"`: uint8 `(n, 28, 28)` from 0
    to 255, and uint8 `(n,)` from 0 to 9.
    """
    files = (f"{name}_{part}" for part in ("train", "test"))
    return tuple((_array(f"{file}_images"), _array(f"{file}_labels")) for file in files)


def _array(name):
    """An array of unsigned bytes in the IDX format: a header of its shape, then the values."""
    path = fetch(name)
    with reading(path, " Delete it to download it again."), open_bytes(path) as file:
        content = file.read()
    rank = content[3]
    shape = np.frombuffer(content, ">u4", count=rank, offset=4).astype(int)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)
