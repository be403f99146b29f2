"""Labelled pictures in memory, and the public sets of them."""

import contextlib
import math
import sys
from dataclasses import dataclass

import numpy as np

from recipes.data.memory import memory
from recipes.errors import UserError
from recipes.images.data import fashion_mnist
from recipes.images.data.depth import BYTES, Depth

#: Copies of the pictures that a run holds at its peak: read, split, on the device.
COPIES = 4


@dataclass(frozen=True)
class Pictures:
    """Pictures of one size, each with its class.

    Args:
        images: `(n, height, width)` grey or `(n, height, width, 3)` colour, uint8.
        labels: Class of each, whole numbers, `(n,)`.
        classes: Names of the classes, by number.
        sources: Where each comes from: the name of its file, or its number, `(n,)`.
        notes: What was done to the data, in words.
        depth: Which value was taken as white.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    sources: np.ndarray
    notes: tuple[str, ...] = ()
    depth: Depth = BYTES

    def __len__(self):
        return len(self.labels)

    @property
    def kind(self) -> str:
        """What the sources are: `"file"` or `"index"`."""
        return "index" if self.sources.dtype.kind in "iu" else "file"

    @property
    def names(self) -> np.ndarray:
        """Name of the class of each picture, `(n,)`."""
        return np.array(self.classes)[self.labels]

    def part(self, positions) -> "Pictures":
        """Those at some positions."""
        return Pictures(
            self.images[positions], self.labels[positions], self.classes, self.sources[positions]
        )


def digits() -> Pictures:
    """1,797 grey pictures of handwritten digits, 8 by 8 pixels, inside scikit-learn.

    Reference: Alpaydin and Kaynak, UCI, 1998.
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    images = np.round(found.images * (255 / 16)).astype(np.uint8)
    return numbered(images, found.target, map(str, range(10)))


def published(name) -> tuple[Pictures, Pictures]:
    """The training and the test part of `"fashion_mnist"`, `"mnist"` or `"cifar10"`.

    Raises:
        UserError: If it cannot be downloaded, or a file is damaged.
    """
    if name == "fashion_mnist":
        parts, classes = fashion_mnist.fashion_mnist(), fashion_mnist.CLASSES
    else:
        parts, classes = _from_keras(name), _CLASSES[name]
    return tuple(numbered(images, labels.ravel(), classes) for images, labels in parts)


def numbered(images, labels, classes, notes=(), depth=BYTES) -> Pictures:
    """Pictures that are known by their number."""
    labels = np.asarray(labels).astype(np.int64)
    return Pictures(
        np.asarray(images), labels, tuple(classes), np.arange(len(labels)), tuple(notes), depth
    )


def check_memory(path, count, shape) -> None:
    """Refuses, with both sizes, so many pictures of a shape if they do not fit into memory."""
    available, needed = memory(), COPIES * count * math.prod(shape)
    if available and needed > available:
        raise UserError(
            f"{path} is too large: {count:,} images of {' x '.join(map(str, shape))} bytes take "
            f"about {needed / 1e9:,.1f} GB of memory in training, and this machine has "
            f"{available / 1e9:,.1f} GB. Make them smaller (--image_size H,W, for a folder), or "
            "leave some out."
        )


_CLASSES = {
    "mnist": tuple(map(str, range(10))),
    "cifar10": (
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ),
}  # fmt: skip


def _from_keras(name):
    import keras

    loaders = {"mnist": keras.datasets.mnist, "cifar10": keras.datasets.cifar10}
    try:
        # Keras draws its progress bar on standard output, which belongs to the program's results.
        with contextlib.redirect_stdout(sys.stderr):
            return loaders[name].load_data()
    except Exception as error:  # Keras raises a bare Exception when the network fails
        raise UserError(
            f"Could not download {name} through keras.datasets: {error}. Without a network, leave "
            "--dataset out (digits needs none), or use images of your own (--data)."
        ) from error
