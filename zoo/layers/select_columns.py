"""Some columns of a table, or of a series."""

from collections.abc import Sequence

from keras import ops

from zoo.layers.base import TracedLayer


class SelectColumns(TracedLayer):
    """Keeps some columns, in the order asked for.

    Args:
        columns: Numbers of the columns to keep.

    >>> zoo.layers.SelectColumns([2, 0])(np.array([[1.0, 2.0, 3.0]])).numpy()
    array([[3., 1.]], dtype=float32)
    """

    def __init__(self, columns: Sequence[int], **kwargs):
        super().__init__(**kwargs)
        self.columns = [int(column) for column in columns]

    def call(self, inputs):
        """Selects from inputs of shape `(..., columns)`."""
        return ops.take(inputs, list(self.columns), axis=-1)
