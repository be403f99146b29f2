"""Which ids of a batch are real."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class PaddingMask(keras.layers.Layer):
    """True where an id is not 0, the padding.

    The first id of a sequence counts as real in any case: attention to nothing at all would be
    attention to everything, and depend on how much padding there is.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Example:
        >>> zoo.layers.PaddingMask()(np.array([[5, 2, 0], [0, 0, 0]])).numpy()
        array([[ True,  True, False],
               [ True, False, False]])
    """

    def call(self, inputs):
        """The mask of ids `(batch, time)`."""
        first = ops.arange(ops.shape(inputs)[1], dtype="int32") == 0
        return ops.logical_or(ops.not_equal(inputs, 0), first)

    def compute_output_spec(self, inputs):
        """A bool for each id."""
        return keras.KerasTensor(inputs.shape, dtype="bool")
