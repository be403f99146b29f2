"""Training pictures that are mirrored and moved a little, anew in each epoch."""

import itertools

import numpy as np

from recipes.data.arrays import ArrayBatches


class AugmentedBatches(ArrayBatches):
    """Batches of pictures, each mirrored or not, and moved by up to `shift` pixels.

    What moves in at an edge is black (0). How a picture is changed depends on the seed, the epoch
    and its place in it alone, as the order does, so a resumed run sees the same.

    Args:
        x: Pictures `(n, height, width)` or `(n, height, width, channels)`.
        y: Targets `(n,)`.
        batch_size: Pictures in a batch.
        seed: See `Batches`.
        weights: Weight of each picture in the loss, `(n,)`. Defaults to none.
        mirror: Whether half of the pictures are mirrored left to right. Defaults to `False`.
        shift: Pixels to move by at most, in both directions. Defaults to 0.

    Example:
        >>> import numpy as np
        >>> from recipes.images.augmentation import AugmentedBatches
        >>> picture = np.array([[[1, 2], [3, 4]]], np.uint8)
        >>> batches = AugmentedBatches(picture, np.zeros(1), 1, seed=0, mirror=True)
        >>> sorted(batches.assemble(np.array([way]))[0].tolist() for way in range(2))
        [[[[1, 2], [3, 4]]], [[[2, 1], [4, 3]]]]
    """

    def __init__(self, x, y, batch_size, seed, weights=None, mirror=False, shift=0):
        super().__init__(x, y, batch_size, seed, weights)
        frame = [(0, 0), (shift, shift), (shift, shift), *[(0, 0)] * (x.ndim - 3)]
        padded = np.pad(x, frame)
        height, width = padded.shape[1:3]
        self.picture_shape = x.shape[1:]
        self.area = height * width
        self.pixels = padded.reshape(-1, *x.shape[3:])
        self.ways = _ways(*x.shape[1:3], width, mirror, shift)

    def order(self) -> np.ndarray:
        """Numbers that name a picture and one of the ways to change it."""
        generator = np.random.default_rng([self.seed, self.epoch, 1])
        pictures = super().order()
        ways = generator.integers(len(self.ways), size=len(pictures))
        return pictures * len(self.ways) + ways

    def assemble(self, examples, ops=np):
        """Changed pictures, targets and, where there are any, weights."""
        pictures, ways = examples // len(self.ways), examples % len(self.ways)
        _, *rest = super().assemble(pictures, ops)
        places = pictures[:, None] * self.area + ops.take(self.ways, ways, axis=0)
        changed = ops.take(self.pixels, places, axis=0)
        return ops.reshape(changed, (-1, *self.picture_shape)), *rest


def _ways(height, width, padded_width, mirror, shift):
    """Where, in a padded picture, the pixels of each changed one come from: `(ways, pixels)`."""
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    moves = range(2 * shift + 1)
    found = []
    for down, right, mirrored in itertools.product(moves, moves, range(1 + mirror)):
        across = columns[:, ::-1] if mirrored else columns
        found.append(((rows + down) * padded_width + across + right).ravel())
    return np.array(found, np.int64)
