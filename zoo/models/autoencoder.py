"""Autoencoders: stacked, tied, sparse, denoising, convolutional and recurrent."""

import math
from collections.abc import Sequence

import keras
from keras import layers
from keras.initializers import Initializer

from zoo.checks import (
    check_above_zero,
    check_choice,
    check_counts,
    check_dense_input,
    check_numbers,
    check_sizes,
)
from zoo.layers import Bias, ReversibleDense
from zoo.models.convolutions import image_input
from zoo.models.mlp import OUTPUT_ACTIVATIONS, HiddenLayers, dense_head, flatten
from zoo.registry import register_model
from zoo.regularizers import KLSparsity

#: Kinds of noise, with the book's rate of each.
NOISES = {"none": None, "gaussian": 0.2, "dropout": 0.5}
#: Penalties on the code, with the book's factor of each.
SPARSITIES = {"none": None, "l1": 1e-4, "kl": 5e-3 / 32}


@register_model
def autoencoder(
    input_shape: Sequence[int],
    units: int | Sequence[int] = (300, 100, 30),
    preset: str = "default",
    activation: str | None = None,
    kernel_initializer: str | Initializer | None = None,
    batch_normalization: str | None = None,
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    max_norm: float | None = None,
    output_activation: str | None = None,
    noise: str = "none",
    noise_rate: float | None = None,
    tied: bool = False,
    sparsity: str = "none",
    sparsity_weight: float | None = None,
    name: str = "autoencoder",
) -> keras.Model:
    """A network that reproduces its input through ever smaller layers, and back.

    The encoder's layers are those of `zoo.mlp` with the same arguments, names included, so that
    `zoo.transfer.copy_layers(autoencoder, mlp)` starts a classifier where the autoencoder ended.
    The decoder mirrors them. Train it with the inputs as targets: `model.fit(x, x)`.

    Args:
        input_shape: Shape of one input, of any rank, all known.
        units: Size of each layer of the encoder, or of a single one; the last is the code.
            Defaults to `(300, 100, 30)`.
        preset, activation, kernel_initializer, batch_normalization: As for `mlp`. Depth counts the
            encoder's layers.
        dropout, l1, l2, max_norm, name: As for `mlp`.
        output_activation: Activation of the reconstruction: none for standardised inputs, or
            `"sigmoid"` for pixels in [0, 1]. Defaults to none.
        noise: What the network has to undo in training: `"gaussian"` noise on the inputs,
            `"dropout"` of inputs, or `"none"`. Defaults to `"none"`.
        noise_rate: Standard deviation of Gaussian noise, in the inputs' units, or fraction of the
            inputs dropped. Defaults to the book's 0.2 or 0.5.
        tied: Whether the decoder multiplies by the encoder's transposed kernels. Defaults to False.
        sparsity: What keeps most of the code near 0: `"l1"`, a penalty on its sum, `"kl"`, on how
            far the mean activity of each unit is from 0.1 (`zoo.regularizers.KLSparsity`), or
            `"none"`. The code is sigmoid then; its size may exceed the input's. Defaults to
            `"none"`.
        sparsity_weight: Factor of that penalty. Defaults to the book's: 1e-4, and 5e-3 / 32.

    Returns:
        Uncompiled model: `(batch, *input_shape)` to the same shape, float32. Its layer `"code"`
        gives the codes.

    >>> model = zoo.autoencoder((28, 28), noise="gaussian")
    >>> model.output_shape
    (None, 28, 28)
    >>> classifier = zoo.mlp((28, 28), 10, "multiclass", units=(300, 100, 30))
    >>> zoo.transfer.copy_layers(model, classifier)
    ['hidden_0', 'hidden_1', 'hidden_2']

    Reference: Book, chapter 11 (unsupervised pretraining) and chapter 17, 3rd edition cells 28
    (stacked), 44 (tied), 64 (denoising), 71 and 78 (sparse).
    """
    shape = check_dense_input(input_shape)
    units = check_sizes(units=units)
    if not units:
        raise ValueError("An autoencoder needs a hidden layer or more. Received: units=()")
    hidden = HiddenLayers(
        len(units), preset, activation, kernel_initializer, batch_normalization, dropout, l1, l2,
        max_norm,
    )  # fmt: skip
    penalty = _sparsity(sparsity, sparsity_weight)
    kind = ReversibleDense if tied else layers.Dense
    inputs = keras.Input(shape, name="inputs")
    x = _noisy(flatten(inputs), noise, noise_rate)
    x = hidden(x, units[:-1] if penalty else units, kind=kind)
    if penalty:
        last = f"hidden_{len(units) - 1}"
        x = kind(units[-1], kernel_regularizer=hidden.regularizer(), name=last)(x)
        x = layers.Activation("sigmoid", activity_regularizer=penalty, name="sparse_code")(x)
    x = layers.Identity(name="code")(x)
    if tied:
        ways_back = [layer for layer in keras.Model(inputs, x).layers if isinstance(layer, kind)]
        x = hidden(
            x, units[-2::-1], "decoder_", lambda *_, name, **__: _back(ways_back.pop(), name)
        )
        x = _back(ways_back.pop(), "head", "float32")(x)
        if output_activation is not None:
            check_choice(OUTPUT_ACTIVATIONS, output_activation=output_activation)
            x = layers.Activation(output_activation, dtype="float32", name="head_activation")(x)
    else:
        x = hidden(x, units[-2::-1], prefix="decoder_")
        x = dense_head(x, math.prod(shape), "regression", output_activation, hidden.regularizer())
    if len(shape) > 1:
        x = layers.Reshape(shape, dtype="float32", name="reconstruction")(x)
    return keras.Model(inputs, x, name=name)


def _noisy(x, noise, rate):
    check_choice(NOISES, noise=noise)
    if noise == "none":
        if rate is not None:
            raise ValueError(f"noise_rate needs a kind of noise. Received: noise_rate={rate!r}")
        return x
    rate = NOISES[noise] if rate is None else rate
    check_numbers(noise_rate=rate)
    if noise == "gaussian":
        return layers.GaussianNoise(rate, name="noise")(x)
    if rate >= 1:
        raise ValueError(f"The fraction of inputs to drop must lie in [0, 1). Received: {rate!r}")
    return layers.Dropout(rate, name="noise")(x)


def _back(layer, name, dtype=None):
    """A dense layer backwards, with a bias of its own."""
    return lambda x: Bias(dtype=dtype, name=name)(layer(x, reverse=True))


def _sparsity(sparsity, weight):
    """The penalty on the code's activity, or None."""
    check_choice(SPARSITIES, sparsity=sparsity)
    if sparsity == "none":
        if weight is not None:
            raise ValueError(f"sparsity_weight needs a kind of it. Received: {weight!r}")
        return None
    weight = SPARSITIES[sparsity] if weight is None else weight
    check_above_zero(sparsity_weight=weight)
    return KLSparsity(weight) if sparsity == "kl" else keras.regularizers.L1(weight)


@register_model
def convolutional_autoencoder(
    input_shape: Sequence[int],
    filters: int | Sequence[int] = (32, 64),
    code_size: int = 30,
    output_activation: str | None = None,
    name: str = "convolutional_autoencoder",
) -> keras.Model:
    """Convolutions that halve a picture, a dense code, and transposed ones that double it again.

    Args:
        input_shape: `(height, width)` of grey pictures, or `(height, width, channels)`; each side a
            multiple of 2 to the number of `filters`.
        filters: Filters of each layer of the encoder, or of a single one. Defaults to `(32, 64)`.
        code_size: Size of the code. Defaults to 30.
        output_activation, name: As for `autoencoder`, as is the result.

    Raises:
        ValueError: If a side cannot be halved so often, or an argument is out of range.

    >>> zoo.convolutional_autoencoder((28, 28)).get_layer("code").output.shape
    (None, 30)

    Reference: Book, chapter 17, 3rd edition cell 55, whose code is 3 x 3 maps of 64 filters.
    """
    filters = check_sizes(filters=filters)
    check_counts(code_size=code_size)
    inputs, x = image_input(input_shape)
    check_halved(x.shape[1:3], len(filters))
    channels = x.shape[-1]
    for index, count in enumerate(filters):
        x = _convolution(layers.Conv2D, count, f"conv_{index}", "relu")(x)
    maps = x.shape[1:]
    x = layers.Dense(code_size, name="code")(layers.Flatten(name="flatten")(x))
    x = layers.Dense(math.prod(maps), "relu", kernel_initializer="he_normal", name="maps")(x)
    x = layers.Reshape(maps, name="unflatten")(x)
    for index, count in enumerate(filters[-2::-1]):
        x = _convolution(layers.Conv2DTranspose, count, f"decoder_conv_{index}", "relu")(x)
    check_choice((None, *OUTPUT_ACTIVATIONS), output_activation=output_activation)
    head = _convolution(layers.Conv2DTranspose, channels, "head", output_activation, "float32")
    x = layers.Reshape(inputs.shape[1:], dtype="float32", name="reconstruction")(head(x))
    return keras.Model(inputs, x, name=name)


@register_model
def recurrent_autoencoder(
    input_shape: Sequence[int],
    units: int | Sequence[int] = (100, 30),
    output_activation: str | None = None,
    name: str = "recurrent_autoencoder",
) -> keras.Model:
    """LSTMs that read a series, or a picture by its rows, into a code and write it again.

    Args:
        input_shape: `(steps, features)`, both known.
        units: Size of each LSTM of the encoder, or of a single one; the last is the code. The
            decoder mirrors them. Defaults to `(100, 30)`.
        output_activation, name: As for `autoencoder`, as is the result.

    >>> zoo.recurrent_autoencoder((28, 28)).output_shape
    (None, 28, 28)

    Reference: Book, chapter 17, 3rd edition cell 60.
    """
    shape = check_dense_input(input_shape)
    if len(shape) != 2:
        raise ValueError(f"input_shape must be (steps, features). Received: {input_shape!r}")
    units = check_sizes(units=units)
    x = inputs = keras.Input(shape, name="inputs")
    for index, size in enumerate(units):
        x = layers.LSTM(size, return_sequences=index < len(units) - 1, name=f"lstm_{index}")(x)
    x = layers.RepeatVector(shape[0], name="repeat")(layers.Identity(name="code")(x))
    for index, size in enumerate(units[-2::-1] or units):
        x = layers.LSTM(size, return_sequences=True, name=f"decoder_lstm_{index}")(x)
    return keras.Model(inputs, dense_head(x, shape[1], "regression", output_activation), name=name)


def _convolution(kind, filters, name, activation, dtype=None):
    arguments = {"strides": 2, "padding": "same", "activation": activation, "dtype": dtype}
    return kind(filters, 3, kernel_initializer="he_normal", name=name, **arguments)


def check_halved(sides: Sequence[int | None], times: int) -> None:
    """Raises a `ValueError` unless each side of a picture can be halved so many times."""
    for side in sides:
        if side is None or side % 2**times:
            raise ValueError(
                f"Each side must be a multiple of {2**times}, to be halved {times} times. "
                f"Received: {tuple(sides)}. Resize the pictures, or give fewer filters."
            )
