"""What the layers are made from."""

import keras

from zoo.configured import Configured


class Layer(Configured, keras.layers.Layer):
    """A layer whose configuration is the arguments of its constructor."""


class SameShapeLayer(Layer):
    """One whose outputs have the shape of its (first) inputs."""

    def compute_output_shape(self, input_shape, *others, **kwargs):
        """The shape of the inputs."""
        return input_shape
