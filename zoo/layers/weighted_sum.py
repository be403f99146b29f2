"""Predictions of several paths, each as much as it is worth."""

from zoo.layers.base import TracedLayer


class WeightedSum(TracedLayer):
    """Adds up several inputs of one shape, each multiplied with a weight of its own.

    The weights begin as 1; they are trained, or set from what suits validation.

    Args:
        dtype: Defaults to `"float32"` under every policy: these are logits.

    >>> layer = zoo.layers.WeightedSum()
    >>> layer([np.ones((1, 2)), np.ones((1, 2))]).numpy().tolist()
    [[2.0, 2.0]]
    >>> layer.set_weights([np.array([0.25, 0.5])])
    >>> layer([np.ones((1, 2)), np.ones((1, 2))]).numpy().tolist()
    [[0.75, 0.75]]
    """

    def __init__(self, dtype: str = "float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)

    def build(self, input_shape):
        """Makes a weight for each input."""
        self.shares = self.add_weight((len(input_shape),), "ones", name="shares")

    def call(self, inputs):
        """The weighted sum of a list of tensors."""
        return sum(self.shares[index] * one for index, one in enumerate(inputs))
