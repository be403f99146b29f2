"""Activations that Keras does not have."""

import keras
from keras import ops

from zoo.layers.base import SameShapeLayer, TracedLayer


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


class RandomizedLeakyReLU(SameShapeLayer):
    """A leaky ReLU whose slope is drawn anew for every negative value in training.

    At inference the slope is the mean of the interval. The randomness regularises, much as dropout
    does; like dropout, it has a random state of its own, and `zoo.monte_carlo` samples it.

    Args:
        lower: Smallest slope of the negative side, at least 0. Defaults to 1/8.
        upper: Largest slope of the negative side. Defaults to 1/3.
        seed: Seed of the slopes. Defaults to None: drawn from Keras' own.

    >>> zoo.layers.RandomizedLeakyReLU(lower=0.1, upper=0.3)(np.array([-10.0, 5.0])).numpy()
    array([-2.,  5.], dtype=float32)

    Reference: Book, chapter 11 (RReLU); Xu et al., *Empirical evaluation of rectified activations
    in convolutional network*, 2015, whose slopes are `1 / a` with `a` between 3 and 8. There `a` is
    uniform; here, as in other libraries, the slope itself.
    """

    def __init__(
        self, lower: float = 1 / 8, upper: float = 1 / 3, seed: int | None = None, **kwargs
    ):
        super().__init__(**kwargs)
        if not 0 <= lower <= upper:
            raise ValueError(f"Expected 0 <= lower <= upper. Received: lower={lower} upper={upper}")
        self.lower, self.upper = lower, upper
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs, training=False):
        """Keeps positive values and multiplies negative ones; any shape."""
        slope = (self.lower + self.upper) / 2
        if training:
            slope = keras.random.uniform(
                ops.shape(inputs), self.lower, self.upper, inputs.dtype, self.seed_generator
            )
        return ops.where(inputs >= 0, inputs, slope * inputs)
