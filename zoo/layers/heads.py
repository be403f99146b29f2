"""Last layers: of probabilistic forecasters, of saved classifiers, and of several paths."""

from collections.abc import Sequence

from keras import ops

from zoo.checks import CLASSIFIERS, check_choice
from zoo.layers.base import SameShapeLayer, TracedLayer


class SortQuantiles(SameShapeLayer):
    """Sorts the last axis, so that forecast quantiles never cross.

    Sorting never makes the pinball loss worse.

    Reference: Chernozhukov et al., *Quantile and probability curves without crossing*, 2010.
    """

    head = "quantile"

    def call(self, inputs):
        """Sorts inputs of shape `(..., quantiles)`."""
        return ops.sort(inputs, axis=-1)


class GaussianParameters(SameShapeLayer):
    """Turns two numbers into a mean and a positive standard deviation (softplus).

    Args:
        minimum_stddev: Added to the standard deviation: keeps the likelihood bounded.
            Defaults to 1e-3, in the units of the scaled target.
    """

    head = "gaussian"

    def __init__(self, minimum_stddev: float = 1e-3, **kwargs):
        super().__init__(**kwargs)
        self.minimum_stddev = minimum_stddev

    def call(self, inputs):
        """Maps `(..., 2)` to `(..., 2)`: mean, standard deviation."""
        mean, raw = ops.split(inputs, 2, axis=-1)
        return ops.concatenate([mean, ops.softplus(raw) + self.minimum_stddev], axis=-1)


class ClassProbabilities(SameShapeLayer):
    """Turns logits into probabilities, and knows the names of the classes.

    The names are part of the configuration: they travel with `model.keras`. Probabilities are
    float32 whatever the policy: half precision would round those near 1.

    Args:
        labels: Different names of the classes in the order of the outputs, kept as strings: two for
            a binary head, one an output for the others.
        head: `"binary"`, `"multilabel"` or `"multiclass"`. Defaults to `"multiclass"`.

    >>> layer = zoo.layers.ClassProbabilities(["no", "yes"], head="binary")
    >>> layer(np.array([[0.0], [100.0]])).numpy()  # of "yes"
    array([[0.5],
           [1. ]], dtype=float32)
    >>> layer.labels
    ['no', 'yes']
    """

    def __init__(self, labels: Sequence[str], head: str = "multiclass", **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        check_choice(CLASSIFIERS, head=head)
        if isinstance(labels, str):
            raise ValueError(f"labels must be a list of names. Received: labels={labels!r}")
        self.labels = [str(label) for label in labels]
        self.head = head
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels must differ from each other. Received: labels={self.labels}")
        fits = {"binary": len(self.labels) == 2, "multiclass": len(self.labels) >= 2}
        if not fits.get(head, self.labels):
            least = {"binary": "exactly 2", "multiclass": "2 or more"}.get(head, "1 or more")
            raise ValueError(f"A {head} head needs {least} labels. Received: labels={self.labels}")

    def build(self, input_shape):
        """Checks that there is a label for every logit."""
        expected = 1 if self.head == "binary" else len(self.labels)
        if input_shape[-1] != expected:
            raise ValueError(
                f"A {self.head} head with {len(self.labels)} labels needs {expected} logits. "
                f"Received: input_shape={tuple(input_shape)}"
            )

    def call(self, inputs):
        """Maps logits `(..., outputs)` to probabilities of the same shape."""
        if self.head == "multiclass":
            return ops.softmax(inputs, axis=-1)
        return ops.sigmoid(inputs)


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
