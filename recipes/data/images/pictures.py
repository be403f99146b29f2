"""Labelled pictures in memory, and the public sets of them."""

import contextlib
import math
import shutil
import sys
import tempfile
from dataclasses import dataclass

import numpy as np

from recipes.data.images.depth import BYTES, Depth
from recipes.data.images.idx import CLOTHES, read_idx
from recipes.data.memory import memory
from recipes.data.stored import StoredArray
from recipes.errors import UserError

#: Copies of the pictures that a run holds at its peak: read, split, on the device.
COPIES = 4


@dataclass(frozen=True)
class Pictures:
    """Pictures of one size, each with its class, or with several labels.

    Args:
        images: `(n, height, width)` grey or `(n, height, width, 3)` colour, uint8.
        labels: Class of each, whole numbers, `(n,)`; or which it has, booleans `(n, classes)`.
        classes: Names of the classes, by number.
        sources: Where each comes from: the name of its file, or its number, `(n,)`.
        notes: What was done to the data, in words.
        depth: Which value was taken as white.
        given: Part that each belongs to (`"train"`, `"validation"` or `"test"`), `(n,)`, where
            somebody has split them already.
    """

    images: np.ndarray | StoredArray
    labels: np.ndarray
    classes: tuple[str, ...]
    sources: np.ndarray
    notes: tuple[str, ...] = ()
    depth: Depth = BYTES
    given: np.ndarray | None = None

    def __len__(self):
        return len(self.labels)

    @property
    def kind(self) -> str:
        """What the sources are: `"file"` or `"index"`."""
        return "index" if self.sources.dtype.kind in "iu" else "file"

    @property
    def head(self) -> str:
        """The zoo's name for what a model answers with."""
        return "multilabel" if self.labels.ndim == 2 else "multiclass"

    @property
    def names(self) -> np.ndarray:
        """Name of the class, or names of the labels, of each picture, `(n,)`."""
        names = np.array(self.classes)
        return np.array([";".join(names[own]) for own in self.has])

    @property
    def has(self) -> np.ndarray:
        """Whether each picture is of each class, `(n, classes)`."""
        several = self.labels.ndim == 2
        return self.labels if several else self.labels[:, None] == np.arange(len(self.classes))

    @property
    def strata(self) -> np.ndarray:
        """What is to be split alike, `(n,)`: the class, or the rarest label (-1 without any)."""
        if self.labels.ndim == 1:
            return self.labels
        rarest = np.where(self.labels, self.labels.sum(axis=0), np.inf).argmin(axis=1)
        return np.where(self.labels.any(axis=1), rarest, -1)

    def part(self, positions) -> "Pictures":
        """Those at some positions."""
        stored = isinstance(self.images, StoredArray)
        images = self.images.part(positions) if stored else self.images[positions]
        return Pictures(images, self.labels[positions], self.classes, self.sources[positions])


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

    A `UserError` if it cannot be downloaded, or a file is damaged.
    """
    parts = _cifar10() if name == "cifar10" else read_idx(name)
    return tuple(numbered(images, labels.ravel(), _CLASSES[name]) for images, labels in parts)


def numbered(images, labels, classes, notes=(), depth=BYTES) -> Pictures:
    """Pictures that are known by their number."""
    labels, sources = np.asarray(labels).astype(np.int64), np.arange(len(labels))
    return Pictures(np.asarray(images), labels, tuple(classes), sources, tuple(notes), depth)


def room(path, count, shape):
    """An empty array for pictures: in memory, or in a temporary file where they are many.

    A `UserError`, which names where they come from, if there is too little space on the disk, too.
    """
    available, needed = memory(), count * math.prod(shape)
    if not available or COPIES * needed <= available / 2:
        return np.empty((count, *shape), np.uint8)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if needed > 0.9 * free:
        raise UserError(
            f"{path} is too large: {count:,} images of {' x '.join(map(str, shape))} bytes take "
            f"{needed / 1e9:,.1f} GB, and {tempfile.gettempdir()} has {free / 1e9:,.1f} GB free. "
            "Make them smaller (--image_size H,W), or name another folder in TMPDIR."
        )
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.uint8, "w+", shape=(count, *shape))


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
    "fashion_mnist": CLOTHES,
    "cifar10": (
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ),
}  # fmt: skip


def _cifar10():
    import keras

    try:
        # Keras draws its progress bar on standard output, which belongs to the program's results.
        with contextlib.redirect_stdout(sys.stderr):
            return keras.datasets.cifar10.load_data()
    except Exception as error:  # Keras raises a bare Exception when the network fails
        raise UserError(
            f"Could not download cifar10 through keras.datasets: {error}. Without a network, leave "
            "--dataset out (digits needs none), or use images of your own (--data)."
        ) from error
