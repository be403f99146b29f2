"""What networks for pictures share: their input, normalised convolutions, the last layers."""

from collections.abc import Sequence

import keras
from keras import layers

from zoo.models.mlp import dense_head, dropped

#: Decay of the moving statistics of batch normalisation: runs on few pictures have few steps, which
#: Keras' 0.99 would remember the first of.
MOMENTUM = 0.9


def image_input(input_shape: Sequence[int | None], name: str = "inputs"):
    """The input of a network for pictures, and the same with an axis of channels.

    Shapes are `(height, width)` of grey pictures or `(height, width, channels)`, in which height
    and width may be None.
    """
    shape = tuple(input_shape) if isinstance(input_shape, tuple | list) else ()
    sizes = [n for n in shape if n is not None]
    fixed = len(shape) == 2 or (len(shape) == 3 and shape[2] is not None)
    known = len(shape) == 3 or len(sizes) == 2
    wrong = any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes)
    if wrong or not (fixed and known):
        raise ValueError(
            "input_shape must be (height, width) of grey pictures or (height, width, channels), "
            f"without the batch. Received: {input_shape!r}"
        )
    x = inputs = keras.Input(shape, name=name)
    if len(shape) == 2:
        x = layers.Reshape((*shape, 1), name="channels")(x)
    return inputs, x


def conv_norm(x, filters, kernel_size=3, strides=1, name="", activation="relu", zero=False):
    """A convolution without bias, batch normalisation and, where asked for, an activation.

    The names of the latter end in `_norm` and `_activation`. With `zero` the normalisation starts
    at a scale of 0, so that a residual unit starts as the identity.
    """
    x = layers.Conv2D(
        filters, kernel_size, strides=strides, padding="same", use_bias=False,
        kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip
    x = batch_norm(x, f"{name}_norm", zero)
    return layers.Activation(activation, name=f"{name}_activation")(x) if activation else x


def batch_norm(x, name, zero=False):
    """Batch normalisation with these networks' momentum."""
    gamma = "zeros" if zero else "ones"
    return layers.BatchNormalization(momentum=MOMENTUM, gamma_initializer=gamma, name=name)(x)


def pooled_head(x, outputs=1, head="regression", dropout=0.0):
    """Global average pooling, dropout where asked for, and the linear layer `head`.

    The channels are pooled in single precision: a mean of many places would lose digits in half.
    """
    x = layers.GlobalAveragePooling2D(dtype="float32", name="pool")(x)
    return dense_head(dropped(x, dropout, "dropout"), outputs, head)
