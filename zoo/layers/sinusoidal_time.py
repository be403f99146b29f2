"""A moment in [0, 1] as waves."""

import numpy as np
from keras import ops

from zoo.checks import check_counts
from zoo.layers.base import TracedLayer


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
