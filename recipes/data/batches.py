"""Training batches whose content depends on the seed, the epoch and the step alone.

Nothing else is remembered, so a run can be taken up at any step, and every backend sees the same
data in the same order.
"""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np


def spread(count: int, most: int) -> np.ndarray:
    """Positions of at most so many of `count` things, evenly spaced, int64.

    >>> spread(5, 3).tolist()
    [0, 2, 4]
    """
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def epochs_of(count: int, least: int, epochs: int) -> "Passes":
    """Epochs of at least so many of `count` examples, in all of which each of them is read.

    >>> len(epochs_of(1_000_000, least=100, epochs=30))
    33334
    """
    return Passes(count, min(count, max(least, -(-count // epochs))))


class Passes:
    """The examples of epochs where not even the order of all fits into memory.

    An epoch reads some and the next one goes on behind them, pass after pass over all. A pass
    shuffles stretches of neighbors, and the examples of so many stretches as are then side by side.

    Args:
        count: How many there are.
        size: How many an epoch reads.

    >>> passes = Passes(5, size=3)
    >>> np.bincount(np.concatenate([passes.order(1, epoch) for epoch in range(5)])).tolist()
    [3, 3, 3, 3, 3]
    """

    STRETCH, GROUP = 1024, 256

    def __init__(self, count, size):
        self.count, self.size = count, size

    def __len__(self):
        return self.size

    def __getitem__(self, key):
        return np.arange(self.size)[key]

    def order(self, seed, epoch) -> np.ndarray:
        """Numbers of the examples of an epoch, int64."""
        place, end, found = epoch * self.size, (epoch + 1) * self.size, []
        while place < end:
            turn, inside = divmod(place, self.count)
            starts = np.arange(0, self.count, self.STRETCH)
            starts = np.random.default_rng([seed, turn]).permutation(starts)
            lengths = np.minimum(self.count - starts, self.STRETCH)
            sizes = np.add.reduceat(lengths, np.arange(0, len(starts), self.GROUP))
            firsts = np.append(0, np.cumsum(sizes))
            group = np.searchsorted(firsts, inside, "right") - 1
            members = slice(group * self.GROUP, (group + 1) * self.GROUP)
            near = zip(starts[members], lengths[members], strict=True)
            rows = np.concatenate([np.arange(start, start + length) for start, length in near])
            rows = np.random.default_rng([seed, turn, group]).permutation(rows)
            found.append(rows[inside - firsts[group] :][: end - place])
            place += len(found[-1])
        return np.concatenate(found)


class Batches:
    """Shuffled or ordered batches of examples, in the form that the backend reads fastest.

    A subclass says in `assemble` what an example is made of.

    Args:
        examples: Numbers that name the examples, `(n,)` int64, or `Passes`.
        batch_size: Examples in a batch. In training, what does not fill a batch is left out of the
            epoch (another part each time), so that every step has the same shape.
        seed: Seed of the order; `None` keeps the order and the last, smaller batch.

    Attributes:
        epoch: The epoch that the next pass over the data belongs to; `EpochClock` sets it.
        drops_rest: Whether every batch is full, so that the backend may rely on its size.
    """

    def __init__(self, examples, batch_size, seed=None):
        passes = isinstance(examples, Passes)
        self.examples: Any = examples if passes else np.asarray(examples, np.int64)
        self.batch_size = min(batch_size, len(self.examples))
        self.seed = seed
        self.epoch = 0
        self.drops_rest = seed is not None

    def __len__(self):
        full, rest = divmod(len(self.examples), self.batch_size)
        return full + (1 if rest and self.seed is None else 0)

    def order(self) -> np.ndarray:
        """Numbers of the examples of this epoch, in the order in which they are seen."""
        if self.seed is None:
            return self.examples
        if isinstance(self.examples, Passes):
            order = self.examples.order(self.seed, self.epoch)
        else:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(self.examples)
        return order[: len(self) * self.batch_size]

    def assemble(self, examples, ops=np):
        """What the model is fed for some examples: inputs, targets and perhaps sample weights.

        `ops` is `numpy`, or the same functions (`take`, `reshape`, `concatenate`, `max`, `arange`,
        `where`) of another library, to gather inside its pipeline.
        """
        raise NotImplementedError

    def feed(self):
        """What to pass to `fit` or `evaluate`."""
        return _tf_dataset(self) if keras.backend.backend() == "tensorflow" else _PyFeed(self)


class ArrayBatches(Batches):
    """Batches of the rows of arrays.

    Args:
        x: Inputs: an array `(n, ...)`, or a dict of them.
        y: Targets `(n, ...)`.
        batch_size: Rows in a batch.
        seed: See `Batches`.
        weights: Weight of each row in the loss, `(n,)`. Defaults to none.
        examples: See `Batches`. Defaults to all rows.

    >>> batches = ArrayBatches(np.arange(6).reshape(3, 2), np.arange(3), batch_size=2)
    >>> len(batches), batches.assemble(batches.order()[2:])
    (2, (array([[4, 5]]), array([2])))
    """

    def __init__(self, x, y, batch_size, seed=None, weights=None, examples=None):
        super().__init__(np.arange(len(y)) if examples is None else examples, batch_size, seed)
        self.x, self.y, self.weights = x, y, weights

    def assemble(self, examples, ops=np):
        """Inputs, targets and, where there are any, weights of the rows `examples`."""
        arrays = (self.x, self.y, *[self.weights] * (self.weights is not None))
        return keras.tree.map_structure(lambda part: ops.take(part, examples, axis=0), arrays)


class SortedBatches(Batches):
    """Batches of sequences of similar lengths, so that little of a batch is padding.

    Training: each epoch shuffles the examples, sorts them by their rounded lengths (which leaves
    examples of like lengths in random order), cuts them into batches and shuffles these. Otherwise
    they are sorted once. A subclass says in `sorted` by what.
    """

    def __init__(self, count, batch_size, seed=None, examples=None):
        examples = self.sorted(np.arange(count)) if examples is None else examples
        super().__init__(examples, batch_size, seed)

    def sorted(self, examples) -> np.ndarray:
        """Numbers of examples, those of like lengths in the order in which they came."""
        raise NotImplementedError

    def order(self):
        """Numbers of the examples of this epoch, batch after batch."""
        if self.seed is None:
            return self.examples
        batches = self.sorted(super().order()).reshape(len(self), self.batch_size)
        generator = np.random.default_rng([self.seed, self.epoch, 1])
        return generator.permutation(batches, axis=0).reshape(-1)


class _PyFeed(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, step):
        size = self.batches.batch_size
        if step == 0 or not hasattr(self, "order"):
            self.order = self.batches.order()
        return self.batches.assemble(self.order[step * size : (step + 1) * size])


def _tf_dataset(batches):
    """The same batches as a native pipeline: Python runs once an epoch, to draw the order."""
    import tensorflow as tf

    count = len(batches.order())
    # Keras' own `take` checks for negative rows, which costs more than the rest of the pipeline.
    functions = {"reshape": tf.reshape, "concatenate": tf.concat, "max": tf.reduce_max}
    functions |= {"mean": tf.reduce_mean, "var": tf.math.reduce_variance, "sqrt": tf.sqrt}
    ops = SimpleNamespace(take=_take, arange=tf.range, where=tf.where, **functions)

    def epoch(_):
        order = tf.numpy_function(batches.order, [], tf.int64)
        return tf.data.Dataset.from_tensor_slices(tf.ensure_shape(order, (count,)))

    dataset = tf.data.Dataset.from_tensors(0).flat_map(epoch)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
    dataset = dataset.batch(batches.batch_size, drop_remainder=batches.drops_rest)
    dataset = dataset.map(lambda starts: batches.assemble(starts, ops)).prefetch(4)
    options = tf.data.Options()
    options.autotune.enabled = False  # its shutdown stalls `fit` on small machines
    return dataset.with_options(options)


def _take(array, indices, axis):
    """Gathers from an array that stays outside the graph, which holds no more than 2 GiB."""
    import tensorflow as tf

    if not isinstance(array, np.ndarray):  # rows of a file
        found = tf.numpy_function(array.take, [indices], array.dtype)
        return tf.ensure_shape(found, (*indices.shape, *array.shape[1:]))
    with tf.init_scope():
        tensor = tf.constant(array)
    return tf.gather(tensor, indices, axis=axis)


class EpochClock(keras.callbacks.Callback):
    """Tells the training batches which epoch is about to be read."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        """Sets the epoch."""
        self.batches.epoch = epoch
