"""One vector for a whole sequence, of its real steps only."""

from keras import layers, ops

from zoo.checks import check_choice
from zoo.layers.base import TracedLayer

KINDS = ("last", "mean", "max")


class MaskedPooling(TracedLayer):
    """The last, the mean or the maximum of the real steps of a sequence.

    Steps where the mask is False change nothing, and get a gradient of exactly zero. A sequence
    without a real step becomes zeros.

    Args:
        kind: `"last"`, `"mean"` or `"max"` (of each channel).

    >>> x = np.array([[[1.0, 4.0], [3.0, 2.0], [9.0, 9.0]]])
    >>> mask = np.array([[True, True, False]])
    >>> [MaskedPooling(kind)(x, mask=mask).numpy().tolist() for kind in ("last", "mean", "max")]
    [[[3.0, 2.0]], [[2.0, 3.0]], [[3.0, 4.0]]]
    """

    def __init__(self, kind: str, **kwargs):
        super().__init__(**kwargs)
        check_choice(KINDS, kind=kind)
        self.kind = kind
        self.supports_masking = True

    def compute_mask(self, inputs, previous_mask=None):
        """None: no steps are left."""
        return None

    def call(self, inputs, mask=None):
        """Vectors `(batch, channels)` of inputs `(batch, time, channels)`.

        The mask `(batch, time)` says which steps are real. Defaults to None: all.
        """
        if mask is None:
            mask = ops.ones(ops.shape(inputs)[:2], "bool")
        if self.kind == "max":
            lowest = ops.where(ops.expand_dims(mask, -1), inputs, -float("inf"))
            some = ops.any(mask, axis=1, keepdims=True)
            return ops.where(some, ops.max(lowest, axis=1), ops.zeros((), inputs.dtype))
        real = ops.cast(mask, "float32")
        if self.kind == "mean":
            count = ops.maximum(ops.sum(real, axis=1, keepdims=True), 1.0)
            return weighted_sum(real / count, inputs)
        behind = ops.flip(ops.cumsum(ops.flip(real, 1), axis=1), 1)  # real steps from here on
        return weighted_sum(real * ops.cast(behind == 1, "float32"), inputs)


class AttentionPooling(TracedLayer):
    """A weighted mean of the real steps of a sequence, with weights it learns to give.

    The weights are a softmax of `v . tanh(W x + b)`. Steps where the mask is False have the weight
    0; a sequence without a real step becomes zeros.

    Args:
        units: Size of the vector that is scored. Defaults to None: the number of channels.

    >>> zoo.layers.AttentionPooling()(np.zeros((2, 5, 8)), mask=np.ones((2, 5), bool)).shape
    TensorShape([2, 8])

    Reference: Yang et al., *Hierarchical attention networks for document classification*, 2016,
    section 2.2.
    """

    def __init__(self, units: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.supports_masking = True

    compute_mask = MaskedPooling.compute_mask

    def build(self, inputs_shape):
        """Makes the weights."""
        units = inputs_shape[-1] if self.units is None else self.units
        shared = {"dtype": self.dtype_policy}
        self.hidden = layers.Dense(units, "tanh", name="hidden", **shared)
        self.hidden.build(inputs_shape)
        # A bias would change all scores alike, and no weight.
        self.score = layers.Dense(1, use_bias=False, name="score", **shared)
        self.score.build((*inputs_shape[:-1], units))

    def call(self, inputs, mask=None):
        """Vectors `(batch, channels)`, with inputs and a mask as for `MaskedPooling`."""
        return weighted_sum(self.weights_of(inputs, mask), inputs)

    def weights_of(self, inputs, mask=None):
        """The weights of the steps, float32 `(batch, time)`."""
        scores = ops.cast(ops.squeeze(self.score(self.hidden(inputs)), -1), "float32")
        if mask is not None:
            scores = ops.where(mask, scores, -1e30)
        # Not `ops.softmax`, which warns of texts of one id.
        weights = ops.exp(scores - ops.logsumexp(scores, axis=1, keepdims=True))
        return weights if mask is None else ops.where(mask, weights, 0.0)


def weighted_sum(weights, x):
    """Sum over the time: weights `(batch, time)`, `x` `(batch, time, channels)`.

    A product of matrices needs no second tensor as large as `x`.
    """
    weights = ops.expand_dims(ops.cast(weights, x.dtype), 1)
    return ops.squeeze(ops.matmul(weights, x), 1)
