"""The stacked autoencoder, plain or denoising, for pretraining without labels."""

import math
from collections.abc import Sequence

import keras
from keras import layers
from keras.initializers import Initializer

from zoo.checks import check_choice, check_dense_input, check_numbers, check_sizes
from zoo.models.mlp import HiddenLayers, dense_head, flatten
from zoo.registry import register_model

#: Kinds of noise, with the book's rate of each.
NOISES = {"none": None, "gaussian": 0.2, "dropout": 0.5}


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
        preset: See `zoo.mlp`, as for the next seven. Depth counts the encoder's layers.
        activation: Activation of the hidden layers. Defaults to the preset's.
        kernel_initializer: Defaults to the one that fits the activation.
        batch_normalization: `"before"`, `"after"` or `"none"`. Defaults to the preset's choice.
        dropout: Fraction of each hidden layer's outputs that is dropped, in [0, 1). Defaults to 0.
        l1: Factor of the L1 penalty on all kernels. Defaults to 0.
        l2: Factor of the L2 penalty on all kernels. Defaults to 0.
        max_norm: Largest norm of the weights into each hidden unit. Defaults to no bound.
        output_activation: Activation of the reconstruction: none for standardised inputs, or
            `"sigmoid"` for pixels in [0, 1]. Defaults to none.
        noise: What the network has to undo in training: `"gaussian"` noise on the inputs,
            `"dropout"` of inputs, or `"none"`. Defaults to `"none"`.
        noise_rate: Standard deviation of Gaussian noise, in the inputs' units, or fraction of the
            inputs dropped. Defaults to the book's 0.2 or 0.5.
        name: Name of the model.

    Returns:
        Uncompiled model: `(batch, *input_shape)` to the same shape, float32.

    Raises:
        ValueError: If an argument is out of range or two do not go together.

    Example:
        >>> import zoo
        >>> model = zoo.autoencoder((28, 28), noise="gaussian")
        >>> model.output_shape
        (None, 28, 28)
        >>> classifier = zoo.mlp((28, 28), 10, "multiclass", units=(300, 100, 30))
        >>> zoo.transfer.copy_layers(model, classifier)
        ['hidden_0', 'hidden_1', 'hidden_2']

    Reference:
        Book, chapter 11 (unsupervised pretraining) and chapter 17 (stacked and denoising
        autoencoders).
    """
    shape = check_dense_input(input_shape)
    units = check_sizes(units=units)
    if not units:
        raise ValueError("An autoencoder needs a hidden layer or more. Received: units=()")
    hidden = HiddenLayers(
        len(units),
        preset,
        activation,
        kernel_initializer,
        batch_normalization,
        dropout,
        l1,
        l2,
        max_norm,
    )
    inputs = keras.Input(shape, name="inputs")
    x = _noisy(flatten(inputs), noise, noise_rate)
    x = hidden(x, units)
    x = hidden(x, units[-2::-1], prefix="decoder_")
    size = math.prod(shape)
    x = dense_head(x, size, "regression", output_activation, hidden.regularizer())
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
