"""The sampling layer of a variational autoencoder."""

import keras
from keras import ops

from zoo.checks import check_numbers
from zoo.layers.base import Layer


class Reparameterization(Layer):
    """Draws a code from a normal distribution in training, and gives its mean otherwise.

    It adds to the model's loss what the codes tell about their inputs: the Kullback-Leibler
    divergence from the standard normal distribution, summed over the code, averaged over the batch.

    Args:
        weight: Factor of the divergence in the loss: for the exact bound on the likelihood, 1 where
            the rest of the loss is summed over the outputs, and 1 / outputs where it is averaged.
            Defaults to 1.
        seed: Seed of the draws. Defaults to None: drawn from Keras' own.

    >>> layer = Reparameterization()
    >>> mean, log_variance = np.array([[1.0, -1.0]]), np.zeros((1, 2))
    >>> layer([mean, log_variance]).numpy(), float(layer.losses[0])
    (array([[ 1., -1.]], dtype=float32), 1.0)

    Reference: Book, chapter 17, 3rd edition cell 83; Kingma and Welling, *Auto-encoding variational
    Bayes*, 2014, appendix B.
    """

    def __init__(self, weight: float = 1.0, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        check_numbers(weight=weight)
        self.weight = weight
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """A code `(batch, size)` for `[mean, log_variance]`, each of that shape."""
        mean, log_variance = inputs
        self.add_loss(self.weight * ops.mean(divergence(mean, log_variance)))
        if not training:
            return mean
        noise = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.seed_generator)
        return mean + ops.exp(log_variance / 2) * noise

    def compute_output_shape(self, input_shape):
        """The shape of the mean."""
        return input_shape[0]


def divergence(mean, log_variance):
    """Divergence in nats, `(batch,)`, of normal distributions from the standard one."""
    mean, log_variance = ops.cast(mean, "float32"), ops.cast(log_variance, "float32")
    return ops.sum(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance, axis=-1) / 2
