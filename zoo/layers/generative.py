"""What models that draw read and sample: moments in time, and codes."""

import keras
import numpy as np
from keras import ops

from zoo.checks import check_counts, check_numbers
from zoo.layers.base import SameShapeLayer, TracedLayer


class SinusoidalTime(TracedLayer):
    """Sines and cosines of a moment in [0, 1], from half a wave up to some hundred.

    Args:
        dim: How many, an even number: first the sines, then the cosines. Defaults to 32.

    >>> SinusoidalTime(4)(np.array([[0.0]])).numpy()
    array([[0., 0., 1., 1.]], dtype=float32)

    Reference: Book, chapter 17, 3rd edition cell 118; Ho et al., *Denoising diffusion probabilistic
    models*, 2020, appendix B, where moments are counted to 1,000.
    """

    def __init__(self, dim: int = 32, **kwargs):
        # Single precision: half has no digits for the fast waves.
        super().__init__(**{"dtype": "float32", **kwargs})
        check_counts(dim=dim)
        if dim % 2:
            raise ValueError(f"Expected an even number of waves. Received: dim={dim}")
        self.dim = dim

    def call(self, inputs):
        """Moments `(batch, 1)` to `(batch, dim)`."""
        rates = np.geomspace(np.pi, 200 * np.pi, self.dim // 2)
        angles = ops.cast(inputs, "float32") * ops.convert_to_tensor(rates, "float32")
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


class Reparameterization(SameShapeLayer):
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
        self.weight, self.seed = weight, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """A code `(batch, size)` for `[mean, log_variance]`, each of that shape."""
        mean, log_variance = inputs
        self.add_loss(self.weight * ops.mean(divergence(mean, log_variance)))
        if not training:
            return mean
        noise = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.seed_generator)
        return mean + ops.exp(log_variance / 2) * noise


def divergence(mean, log_variance):
    """Divergence in nats, `(batch,)`, of normal distributions from the standard one."""
    mean, log_variance = ops.cast(mean, "float32"), ops.cast(log_variance, "float32")
    return ops.sum(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance, axis=-1) / 2
