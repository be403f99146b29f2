"""What the layers are made from."""

import keras

from zoo.configured import Configured


class Layer(Configured, keras.layers.Layer):
    """A layer whose configuration is the arguments of its constructor.

    Each takes those of `keras.layers.Layer`, too, such as `name`, `dtype` and `trainable`.
    """


class TracedLayer(Layer):
    """One whose outputs have the shape and the type that `call` gives them, found by tracing it."""

    def compute_output_spec(self, *inputs, **kwargs):
        """What `call` makes of symbols."""
        return keras.Operation.compute_output_spec(self, *inputs, **kwargs)

    def compute_output_shape(self, *shapes):
        """The shape of what `call` makes of floats of these shapes."""
        if not self.built:
            self.build(*shapes)
        symbols = keras.tree.map_shape_structure(
            lambda shape: keras.KerasTensor(shape, self.compute_dtype), shapes
        )
        outputs = self.compute_output_spec(*symbols)
        return keras.tree.map_structure(lambda output: output.shape, outputs)


class SameShapeLayer(Layer):
    """One whose outputs have the shape of its (first) inputs."""

    def compute_output_shape(self, input_shape, *others, **kwargs):
        """The shape of the inputs, or of the first in a list."""
        first = input_shape[0]
        return first if isinstance(first, tuple | list) else input_shape
