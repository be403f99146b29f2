"""Which ids of a batch are real."""

from keras import ops

from zoo.layers.base import TracedLayer


class PaddingMask(TracedLayer):
    """True where an id is not 0, the padding.

    The first id of a sequence counts as real in any case: attention to nothing at all would be
    attention to everything, and depend on how much padding there is.

    >>> zoo.layers.PaddingMask()(np.array([[5, 2, 0], [0, 0, 0]])).numpy()
    array([[ True,  True, False],
           [ True, False, False]])
    """

    def call(self, inputs):
        """The mask of ids `(batch, time)`."""
        first = ops.arange(ops.shape(inputs)[1], dtype="int32") == 0
        return ops.logical_or(ops.not_equal(inputs, 0), first)
