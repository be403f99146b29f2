"""An ensemble inside one network: members that share their kernels."""

import math

import keras
from keras import ops
from keras.initializers import Initializer

from zoo.checks import HEADS, check_choice
from zoo.configured import Configured
from zoo.layers.base import TracedLayer


class RandomSigns(Configured, keras.initializers.Initializer):
    """Draws -1 and 1, each half of the time.

    Args:
        seed: Seed of the draw. Defaults to `None`: from `keras.utils.set_random_seed`.

    >>> sorted(set(zoo.layers.RandomSigns(seed=0)((10, 10)).numpy().ravel().tolist()))
    [-1.0, 1.0]
    """

    def __init__(self, seed: int | None = None):
        self.seed = seed

    def __call__(self, shape, dtype=None):
        """A tensor of signs."""
        half = keras.random.uniform(shape, seed=self.seed, dtype="float32") < 0.5
        return ops.cast(ops.where(half, -1.0, 1.0), dtype or keras.config.floatx())


class EnsembleDense(TracedLayer):
    """A dense layer for all members of an ensemble: one kernel, and scales and a bias for each.

    Member `m` computes `((x * r[m]) @ kernel) * s[m] + bias[m]`. What makes the members differ is
    the first layer's `r`: draw it with `RandomSigns()` (plain numbers come in) or from a normal
    distribution (embeddings come in), and leave the ones of the other layers at 1.

    Args:
        units: Size of the output.
        members: Number of members.
        input_scale_initializer: Initializer of `r`. Defaults to `"ones"`.
        kernel_initializer: Initializer of the kernel. Defaults to `"glorot_uniform"`.

    Raises:
        ValueError: If the inputs have another number of members.

    >>> first = EnsembleDense(30, members=16, input_scale_initializer=RandomSigns())
    >>> first(np.zeros((2, 1, 8))).shape  # all members read the same 8 numbers
    TensorShape([2, 16, 30])
    >>> first.count_params()  # an ensemble of dense layers would have 4,320
    1328

    Reference: Wen et al., *BatchEnsemble*, 2020; Gorishniy et al., *TabM*, 2024, section 3.
    """

    def __init__(
        self,
        units: int,
        members: int,
        input_scale_initializer: str | Initializer = "ones",
        kernel_initializer: str | Initializer = "glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units, self.members = units, members
        self.input_scale_initializer = keras.initializers.get(input_scale_initializer)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        """Creates the shared kernel and what each member has of its own."""
        _, members, size = input_shape
        if members not in (1, self.members):
            raise ValueError(
                f"EnsembleDense expects inputs (batch, {self.members} or 1, features). "
                f"Received: input_shape={tuple(input_shape)}"
            )
        self.kernel = self.add_weight(
            shape=(size, self.units), initializer=self.kernel_initializer, name="kernel"
        )
        own = (self.members, self.units)
        self.input_scale = self.add_weight(
            shape=(self.members, size), initializer=self.input_scale_initializer, name="input_scale"
        )
        self.output_scale = self.add_weight(shape=own, initializer="ones", name="output_scale")
        self.bias = self.add_weight(shape=own, initializer="zeros", name="bias")

    def call(self, inputs):
        """Maps inputs of shape `(batch, members or 1, features)`."""
        return ops.matmul(inputs * self.input_scale, self.kernel) * self.output_scale + self.bias


class EnsembleMean(TracedLayer):
    """The prediction of an ensemble: the mean of its members' outputs or probabilities.

    Classifiers come with logits and leave with logits: those of the members' mean probability,
    which is a better calibrated prediction than the mean of the logits.

    Args:
        head: `"regression"`, `"binary"`, `"multilabel"` or `"multiclass"`. Defaults to
            `"regression"`.

    >>> logits = np.log([[[0.2 / 0.8], [0.6 / 0.4]]])  # two members say 0.2 and 0.6
    >>> keras.ops.sigmoid(zoo.layers.EnsembleMean("binary")(logits)).numpy().round(4)
    array([[0.4]], dtype=float32)
    """

    def __init__(self, head: str = "regression", **kwargs):
        super().__init__(**kwargs)
        check_choice(HEADS, head=head)
        self.head = head

    def call(self, inputs):
        """Averages inputs of shape `(batch, members, outputs)`."""
        if self.head == "regression":
            return ops.mean(inputs, axis=1)
        if self.head == "multiclass":
            logs = ops.log_softmax(inputs, axis=-1)
            return ops.logsumexp(logs, axis=1) - math.log(inputs.shape[1])
        # The logarithms of both mean probabilities: neither can round to 0.
        yes, no = ops.log_sigmoid(inputs), ops.log_sigmoid(-inputs)
        return ops.logsumexp(yes, axis=1) - ops.logsumexp(no, axis=1)
