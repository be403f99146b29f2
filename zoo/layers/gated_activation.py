"""The gated activation unit of WaveNet."""

from keras import ops

from zoo.layers.base import TracedLayer


class GatedActivation(TracedLayer):
    """`tanh(a) * sigmoid(b)`, where `a` and `b` are the two halves of the last axis.

    One tanh and one sigmoid, as in the paper. The convolution in front of it must be linear: the
    book's cell 88 applies tanh in the convolution and again here.

    >>> zoo.layers.GatedActivation()(np.zeros((2, 50, 64))).shape
    TensorShape([2, 50, 32])

    Reference: van den Oord et al., *WaveNet*, 2016, equation 2.
    """

    def build(self, input_shape):
        """Checks that the last axis has two halves."""
        if input_shape[-1] % 2:
            raise ValueError(
                f"GatedActivation splits the last axis in two halves, so its size must be even. "
                f"Received: input_shape={tuple(input_shape)}"
            )

    def call(self, inputs):
        """Applies the gate to inputs of shape `(..., 2 * filters)`."""
        signal, gate = ops.split(inputs, 2, axis=-1)
        return ops.tanh(signal) * ops.sigmoid(gate)
