"""Generative adversarial networks: the dense one, and the convolutional DCGAN."""

import math
from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_choice, check_counts, check_dense_input, check_fractions, check_sizes
from zoo.models.autoencoder import check_halved
from zoo.models.convolutions import image_input
from zoo.models.mlp import OUTPUT_ACTIVATIONS, dense_head, flatten
from zoo.registry import register_model


@register_model
def gan(
    input_shape: Sequence[int],
    units: int | Sequence[int] = (100, 150),
    code_size: int = 30,
    output_activation: str = "tanh",
    name: str = "gan",
) -> keras.Model:
    """A generator that turns noise into pictures, and a discriminator that tells them from real.

    `zoo.Adversarial(model)` trains both; `zoo.generate_images(model, 64)` draws from it. Layers
    `"generator"` and `"discriminator"` are models.

    Args:
        input_shape: Shape of one picture, or of anything else, all known.
        units: Size of each hidden layer of the generator, which the discriminator mirrors. Defaults
            to `(100, 150)`.
        code_size: Numbers of noise a picture is made of. Defaults to 30.
        output_activation: Of the generator: `"tanh"` for pixels in [-1, 1], `"sigmoid"` in [0, 1].
            Defaults to `"tanh"`.

    Returns:
        Uncompiled model: a dict of `codes` `(batch, code_size)` and `images` `(batch,
        *input_shape)` to one of `generated` pictures, `generated_logits` and `logits` `(batch, 1)`,
        those of the discriminator that a picture is real.

    >>> model = zoo.gan((28, 28))
    >>> training = zoo.Adversarial(model)
    >>> training.compile("adam")  # training.fit(x)
    >>> zoo.generate_images(model, 3).shape
    (3, 28, 28)

    Reference: Book, chapter 17, 3rd edition cells 98 to 100; Goodfellow et al., *Generative
    adversarial nets*, 2014.
    """
    shape = check_dense_input(input_shape)
    units = check_sizes(units=units)
    check_choice(OUTPUT_ACTIVATIONS, output_activation=output_activation)
    check_counts(code_size=code_size)
    x = codes = keras.Input((code_size,), name="codes")
    for index, size in enumerate(units):
        x = layers.Dense(size, "relu", kernel_initializer="he_normal", name=f"hidden_{index}")(x)
    x = dense_head(x, math.prod(shape), "regression", output_activation)
    pictures = layers.Reshape(shape, dtype="float32", name="generated")(x)
    inputs = keras.Input(shape, name="images")
    x = flatten(inputs)
    for index, size in enumerate(units[::-1]):
        x = layers.Dense(size, "relu", kernel_initializer="he_normal", name=f"hidden_{index}")(x)
    return _players(codes, pictures, inputs, x, name)


@register_model
def dcgan(
    input_shape: Sequence[int],
    filters: int | Sequence[int] = (64, 128),
    code_size: int = 100,
    dropout: float = 0.4,
    output_activation: str = "tanh",
    name: str = "dcgan",
) -> keras.Model:
    """A `gan` of convolutions: each layer halves or doubles the picture.

    The generator normalises by batches and uses SELU, the discriminator uses leaky ReLU and
    dropout, as in the book.

    Args:
        input_shape: `(height, width)` of grey pictures, or `(height, width, channels)`; each side a
            multiple of 2 to the number of `filters`.
        filters: Filters of each layer of the discriminator, which the generator mirrors. Defaults
            to `(64, 128)`.
        code_size: Numbers of noise a picture is made of. Defaults to 100.
        dropout: Fraction of the discriminator's maps that is dropped. Defaults to 0.4.
        output_activation, name: As for `gan`, as is the result.

    Raises:
        ValueError: If a side cannot be halved so often, or an argument is out of range.

    >>> sorted(zoo.dcgan((28, 28)).output)
    ['generated', 'generated_logits', 'logits']

    Reference: Book, chapter 17, 3rd edition cells 105 to 107; Radford et al., *Unsupervised
    representation learning with deep convolutional generative adversarial networks*, 2016.
    """
    filters = check_sizes(filters=filters)
    check_counts(code_size=code_size)
    check_fractions(dropout=dropout)
    check_choice(OUTPUT_ACTIVATIONS, output_activation=output_activation)
    inputs, x = image_input(input_shape, "images")
    check_halved(x.shape[1:3], len(filters))
    channels = x.shape[-1]
    for index, count in enumerate(filters):
        x = _convolution(layers.Conv2D, count, f"conv_{index}")(x)
        x = layers.LeakyReLU(0.2, name=f"activation_{index}")(x)
        x = layers.Dropout(dropout, name=f"dropout_{index}")(x)
    maps = x.shape[1:]
    features = layers.Flatten(name="flatten")(x)
    x = codes = keras.Input((code_size,), name="codes")
    x = layers.Dense(math.prod(maps), name="hidden")(x)
    x = layers.BatchNormalization(name="norm")(layers.Reshape(maps, name="unflatten")(x))
    for index, count in enumerate(filters[-2::-1]):
        x = _convolution(layers.Conv2DTranspose, count, f"conv_{index}")(x)
        x = layers.Activation("selu", name=f"activation_{index}")(x)
        x = layers.BatchNormalization(name=f"norm_{index}")(x)
    x = _convolution(layers.Conv2DTranspose, channels, "head")(x)
    x = layers.Activation(output_activation, dtype="float32", name="pixels")(x)
    pictures = layers.Reshape(inputs.shape[1:], dtype="float32", name="generated")(x)
    return _players(codes, pictures, inputs, features, name)


def _players(codes, pictures, inputs, features, name):
    """Both players in one model, from the inputs and outputs of each."""
    generator = keras.Model(codes, pictures, name="generator")
    discriminator = keras.Model(inputs, dense_head(features), name="discriminator")
    images = keras.Input(inputs.shape[1:], name="images")
    codes = keras.Input(codes.shape[1:], name="codes")
    generated = generator(codes)
    judged = discriminator(generated)
    outputs = {"generated": generated, "generated_logits": judged, "logits": discriminator(images)}
    return keras.Model({"codes": codes, "images": images}, outputs, name=name)


def _convolution(kind, filters, name):
    return kind(filters, 5, strides=2, padding="same", name=name)
