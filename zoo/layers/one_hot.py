"""Ids as one-hot vectors."""

from keras import ops

from zoo.layers.base import TracedLayer


class OneHot(TracedLayer):
    """Turns ids `(batch, time)` into one-hot vectors `(batch, time, num_classes)`.

    Keras' `CategoryEncoding` drops the time axis of a series of one step.

    Args:
        num_classes: Number of ids. Others become a vector of zeros.

    >>> zoo.layers.OneHot(3)(np.array([[2, 0]])).numpy()
    array([[[0., 0., 1.],
            [1., 0., 0.]]], dtype=float32)

    Reference: Book, chapter 16, 2nd edition cell 25.
    """

    def __init__(self, num_classes: int, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def call(self, inputs):
        """One-hot vectors of ids of any shape."""
        return ops.one_hot(ops.cast(inputs, "int32"), self.num_classes, dtype=self.compute_dtype)
