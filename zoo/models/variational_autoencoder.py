"""The variational autoencoder."""

import math
from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_counts, check_dense_input, check_numbers, check_sizes
from zoo.layers import Reparameterization
from zoo.models.mlp import HiddenLayers, dense_head, flatten
from zoo.registry import register_model


@register_model
def variational_autoencoder(
    input_shape: Sequence[int],
    units: int | Sequence[int] = (150, 100),
    code_size: int = 10,
    beta: float = 1.0,
    activation: str = "relu",
    batch_normalization: str = "none",
    dropout: float = 0.0,
    output_activation: str | None = None,
    seed: int | None = None,
    name: str = "variational_autoencoder",
) -> keras.Model:
    """An autoencoder whose codes are random, and alike enough to a normal distribution to draw new.

    Train it with the inputs as targets and a loss that averages over the outputs, as Keras' do; the
    divergence of the codes joins it by itself, divided by the number of outputs. With
    `"binary_crossentropy"` that is minus the bound on the log-likelihood, in nats, an output;
    with `"mse"` the same but for a constant, of a normal distribution of variance 1/2. Layers
    `"encoder"` (inputs to mean and logarithm of the variance) and `"decoder"` (codes to outputs)
    are models; `zoo.generate_images` draws from the latter.

    Args:
        input_shape: Shape of one input, of any rank, all known.
        units: Size of each hidden layer of the encoder, which the decoder mirrors. Defaults to
            `(150, 100)`.
        code_size: Size of the code. Defaults to 10.
        beta: What the divergence counts against the reconstruction. Defaults to 1.
        activation: See `zoo.mlp`, as for the next two. Defaults to ReLU.
        batch_normalization: Defaults to `"none"`.
        dropout: Defaults to 0.
        output_activation: `"sigmoid"` for pixels in [0, 1]. Defaults to none.
        seed: Seed of the codes. Defaults to None: drawn from Keras' own.

    Returns:
        Uncompiled model: `(batch, *input_shape)` to the same shape, float32; at inference from the
        mean of the code.

    >>> model = zoo.variational_autoencoder((28, 28), output_activation="sigmoid")
    >>> model.compile("nadam", "mse")  # model.fit(x, x)
    >>> zoo.generate_images(model, 3).shape
    (3, 28, 28)

    Reference: Book, chapter 17, 3rd edition cells 83 to 86; Kingma and Welling, *Auto-encoding
    variational Bayes*, 2014; Higgins et al., *beta-VAE*, 2017.
    """
    shape = check_dense_input(input_shape)
    units = check_sizes(units=units)
    check_counts(code_size=code_size)
    check_numbers(beta=beta)
    hidden = HiddenLayers(len(units), "default", activation, None, batch_normalization, dropout)
    size = math.prod(shape)
    inputs, codes = keras.Input(shape, name="inputs"), keras.Input((code_size,), name="codes")
    x = hidden(flatten(inputs), units)
    parameters = [
        # Small at first: the divergence grows with the exponential of what the second gives.
        layers.Dense(code_size, kernel_initializer=small, dtype="float32", name=part)(x)
        for part, small in (("mean", "glorot_uniform"), ("log_variance", "zeros"))
    ]
    encoder = keras.Model(inputs, parameters, name="encoder")
    x = hidden(codes, units[::-1])
    x = dense_head(x, size, "regression", output_activation)
    if len(shape) > 1:
        x = layers.Reshape(shape, dtype="float32", name="reconstruction")(x)
    decoder = keras.Model(codes, x, name="decoder")
    sampling = Reparameterization(beta / size, seed, dtype="float32", name="codes")
    return keras.Model(inputs, decoder(sampling(encoder(inputs))), name=name)
