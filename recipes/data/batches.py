"""Training batches whose content depends on the seed, the epoch and the step alone.

Nothing else is remembered, so a run can be taken up at any step, and every backend sees the same
data in the same order.
"""

from types import SimpleNamespace

import keras
import numpy as np


class Batches:
    """Shuffled or ordered batches of windows, in the form that the backend reads fastest.

    Args:
        windows: A `Windows`.
        split: Name of the split to read.
        batch_size: Windows in a batch. In training, what does not fill a batch is left out of the
            epoch (another part each time), so that every step has the same shape.
        positions: Input steps at which the model's outputs stand.
        mean: Subtracted from the targets, one number a target.
        scale: Divides the targets, one number a target.
        seed: Seed of the order; `None` keeps the order and the last, smaller batch.

    Attributes:
        epoch: The epoch that the next pass over the data belongs to; `EpochClock` sets it.
    """

    def __init__(self, windows, split, batch_size, positions, mean=0.0, scale=1.0, seed=None):
        self.windows = windows
        self.starts = windows.starts[split]
        self.batch_size = min(batch_size, len(self.starts))
        self.positions = positions
        self.mean = np.float32(mean)
        self.scale = np.float32(scale)
        self.seed = seed
        self.epoch = 0

    def __len__(self):
        full, rest = divmod(len(self.starts), self.batch_size)
        return full + (1 if rest and self.seed is None else 0)

    def order(self) -> np.ndarray:
        """First rows of the windows of this epoch, in the order in which they are seen."""
        if self.seed is None:
            return self.starts
        generator = np.random.default_rng([self.seed, self.epoch])
        return generator.permutation(self.starts)[: len(self) * self.batch_size]

    def assemble(self, starts, ops=np):
        """Inputs and scaled targets of the windows at `starts`."""
        targets = self.windows.targets(starts, self.positions, ops)
        return self.windows.inputs(starts, ops), (targets - self.mean) / self.scale

    def feed(self):
        """What to pass to `fit` or `evaluate`."""
        return _tf_dataset(self) if keras.backend.backend() == "tensorflow" else _PyFeed(self)


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
    # Keras' own `take` checks for negative rows, at three times the cost of the whole pipeline.
    ops = SimpleNamespace(take=tf.gather, reshape=tf.reshape, concatenate=tf.concat)

    def epoch(_):
        order = tf.numpy_function(batches.order, [], tf.int64)
        return tf.data.Dataset.from_tensor_slices(tf.ensure_shape(order, (count,)))

    dataset = tf.data.Dataset.from_tensors(0).flat_map(epoch)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
    dataset = dataset.batch(batches.batch_size, drop_remainder=batches.seed is not None)
    dataset = dataset.map(lambda starts: batches.assemble(starts, ops)).prefetch(4)
    options = tf.data.Options()
    options.autotune.enabled = False  # its shutdown stalls `fit` on small machines
    return dataset.with_options(options)


class EpochClock(keras.callbacks.Callback):
    """Tells the training batches which epoch is about to be read."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        """Sets the epoch."""
        self.batches.epoch = epoch
