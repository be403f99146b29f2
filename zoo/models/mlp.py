"""The multilayer perceptron, with chapter 11's menu of activations, norms and regularisers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import layers
from keras.initializers import Initializer

from zoo.checks import (
    check_above_zero,
    check_choice,
    check_dense_input,
    check_fractions,
    check_head,
    check_numbers,
    check_sizes,
)
from zoo.layers import RandomizedLeakyReLU
from zoo.registry import register_model

PRESETS = ("default", "self_normalizing")
NORMALIZATIONS = ("before", "after", "none")
OUTPUT_ACTIVATIONS = ("exponential", "relu", "sigmoid", "softmax", "softplus", "tanh")

#: The activations of hidden layers, each with the initializer that keeps its signals' variance.
INITIALIZERS = {
    "elu": "he_normal", "gelu": "he_normal", "leaky_relu": "he_normal", "linear": "glorot_uniform",
    "prelu": "he_normal", "relu": "he_normal", "rrelu": "he_normal", "selu": "lecun_normal",
    "sigmoid": "glorot_uniform", "silu": "he_normal", "swish": "he_normal",
    "tanh": "glorot_uniform",
}  # fmt: skip

#: From this many hidden layers on, the default preset normalises.
DEEP = 5


@register_model
def mlp(
    input_shape: Sequence[int],
    outputs: int = 1,
    head: str = "regression",
    units: int | Sequence[int] = (300, 100),
    preset: str = "default",
    activation: str | None = None,
    kernel_initializer: str | Initializer | None = None,
    batch_normalization: str | None = None,
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    max_norm: float | None = None,
    output_activation: str | None = None,
    name: str = "mlp",
) -> keras.Model:
    """Dense layers, one after the other, on the flattened input.

    Hidden layer `i` is a dense layer `hidden_i` with its activation, and dropout behind it where
    asked for. The last layer, `head`, is linear: a classifier answers in logits, to be trained
    with `zoo.objective(head)`. Inputs should be scaled first (pixels to [0, 1], or each feature
    to mean 0 and standard deviation 1, which the self-normalizing preset relies on).

    Args:
        input_shape: Shape of one input, of any rank, all known: `(8,)`, `(28, 28)`.
        outputs: Number of targets, labels or classes; 1 for a binary head. Defaults to 1.
        head: `"regression"`, `"binary"`, `"multilabel"` or `"multiclass"`.
        units: Size of each hidden layer, or of one; `()` for none. Defaults to `(300, 100)`.
        preset: `"default"` (ELU; batch normalisation before the activation from 5 hidden layers
            on, unless the activation is SELU) or `"self_normalizing"` (SELU, LeCun initialisation,
            no batch normalisation). Defaults to `"default"`.
        activation: `"relu"`, `"elu"`, `"selu"`, `"gelu"`, `"silu"` (or `"swish"`), `"tanh"`,
            `"sigmoid"`, `"linear"`, `"leaky_relu"` (slope 0.3, as in the book), `"prelu"` (a
            learned slope for each unit) or `"rrelu"` (a random slope). Defaults to the preset's.
        kernel_initializer: Initializer of the hidden layers. Defaults to the one that fits the
            activation: He for ReLU and its variants, LeCun for SELU, Glorot for the others.
        batch_normalization: `"before"` or `"after"` the activation (no bias in the dense layer
            if before), or `"none"`. Defaults to the preset's choice.
        dropout: Fraction of each hidden layer's outputs that is dropped, in [0, 1); alpha dropout
            if the activation is SELU. Defaults to 0.
        l1: Factor of the L1 penalty on all kernels, the head's included. Defaults to 0.
        l2: Factor of the L2 penalty on all kernels, the head's included. Defaults to 0.
        max_norm: Largest norm of the weights into each hidden unit. Defaults to no bound.
        output_activation: Activation of the head, for bounded or positive targets or for
            probabilities instead of logits: `"exponential"`, `"relu"`, `"sigmoid"`, `"softmax"`,
            `"softplus"` or `"tanh"`. Defaults to none.

    Returns:
        Uncompiled model: `(batch, *input_shape)` to `(batch, outputs)`, float32; logits from a
        classifier, unless there is an `output_activation`.

    >>> zoo.mlp((28, 28), outputs=10, head="multiclass").count_params()  # the book's
    266610
    >>> deep = zoo.mlp((8,), units=[100] * 20, preset="self_normalizing", dropout=0.1)
    >>> deep.output_shape, deep.get_layer("dropout_19").__class__.__name__
    ((None, 1), 'AlphaDropout')

    Reference: Book, chapter 10, 2nd edition cells 57 and 73; chapter 11, 2nd edition cells 23
    (leaky ReLU), 27 (PReLU), 48 (SELU), 61 and 65 (batch normalisation), 155 (L2), 161 (alpha
    dropout) and 184 (max norm).
    """
    units = check_sizes(units=units)
    hidden = HiddenLayers(
        len(units), preset, activation, kernel_initializer, batch_normalization, dropout, l1, l2,
        max_norm,
    )  # fmt: skip
    inputs = keras.Input(check_dense_input(input_shape), name="inputs")
    x = hidden(flatten(inputs), units)
    outputs = dense_head(x, outputs, head, output_activation, hidden.regularizer())
    return keras.Model(inputs, outputs, name=name)


@dataclass
class HiddenLayers:
    """The hidden layers of a dense network: arguments as in `mlp`, checked and resolved once.

    The number of them, `depth`, decides what the default preset normalises.
    """

    depth: int
    preset: str = "default"
    activation: str | None = None
    kernel_initializer: str | Initializer | None = None
    batch_normalization: str | None = None
    dropout: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    max_norm: float | None = None

    def __post_init__(self):
        check_choice(PRESETS, preset=self.preset)
        self_normalizing = self.preset == "self_normalizing"
        if self.activation is None:
            self.activation = "selu" if self_normalizing else "elu"
        check_choice(INITIALIZERS, activation=self.activation)
        if self.batch_normalization is None:
            deep = self.depth >= DEEP and self.activation != "selu"
            self.batch_normalization = "before" if deep and not self_normalizing else "none"
        check_choice(NORMALIZATIONS, batch_normalization=self.batch_normalization)
        if self_normalizing and (self.activation, self.batch_normalization) != ("selu", "none"):
            raise ValueError(
                'preset="self_normalizing" means SELU without batch normalisation. Use '
                f'preset="default" for others. Received: activation={self.activation!r} '
                f"batch_normalization={self.batch_normalization!r}"
            )
        check_numbers(dropout=self.dropout, l1=self.l1, l2=self.l2)
        check_fractions(dropout=self.dropout)
        if self.max_norm is not None:
            check_above_zero(max_norm=self.max_norm)
        fitting = INITIALIZERS[self.activation]
        self.initializer = check_initializer(self.kernel_initializer or fitting)

    def __call__(self, x, units, prefix="", kind=layers.Dense):
        """Stacks layers of these sizes, named after the prefix, on a `(batch, features)` tensor."""
        for index, size in enumerate(units):
            x = self._dense(size, f"{prefix}hidden_{index}", kind)(x)
            if self.batch_normalization == "before":
                x = layers.BatchNormalization(name=f"{prefix}batch_norm_{index}")(x)
            if self.activation != "linear":
                x = self._activation(f"{prefix}activation_{index}")(x)
            if self.batch_normalization == "after":
                x = layers.BatchNormalization(name=f"{prefix}batch_norm_{index}")(x)
            if self.dropout:
                drop = layers.AlphaDropout if self.activation == "selu" else layers.Dropout
                x = drop(self.dropout, name=f"{prefix}dropout_{index}")(x)
        return x

    def regularizer(self):
        """The penalty on a kernel, or None."""
        return keras.regularizers.L1L2(self.l1, self.l2) if self.l1 or self.l2 else None

    def _dense(self, size, name, kind=layers.Dense):
        return kind(
            size,
            use_bias=self.batch_normalization != "before",  # the normalisation has its own
            # One object in several layers would draw equal weights wherever the shapes are equal.
            kernel_initializer=self.initializer.clone(),
            kernel_regularizer=self.regularizer(),
            kernel_constraint=self.max_norm and keras.constraints.MaxNorm(self.max_norm, axis=0),
            name=name,
        )

    def _activation(self, name):
        if self.activation == "leaky_relu":
            return layers.LeakyReLU(negative_slope=0.3, name=name)
        kinds = {"prelu": layers.PReLU, "rrelu": RandomizedLeakyReLU}
        if self.activation in kinds:
            return kinds[self.activation](name=name)
        return layers.Activation(self.activation, name=name)


def dense_head(x, outputs=1, head="regression", output_activation=None, regularizer=None):
    """The last layer of a dense network, `head`: linear and float32, for stable losses.

    It makes `(batch, outputs)` of `(batch, features)`. The regularizer is a penalty on its kernel;
    for the other arguments see `mlp`.
    """
    check_head(head, outputs)
    check_choice((None, *OUTPUT_ACTIVATIONS), output_activation=output_activation)
    own = {"kernel_regularizer": regularizer, "dtype": "float32", "name": "head"}
    return layers.Dense(outputs, activation=output_activation, **own)(x)


def dropped(x, dropout, name):
    """A tensor behind `Dropout` of a fraction in [0, 1), which is left out where it is 0."""
    check_fractions(dropout=dropout)
    return layers.Dropout(dropout, name=name)(x) if dropout else x


def flatten(x):
    """A tensor `(batch, ...)` as `(batch, features)`, in the order of the data."""
    if len(x.shape) == 2:
        return x
    return layers.Reshape((math.prod(x.shape[1:]),), name="flatten")(x)


def check_initializer(initializer):
    """Returns a Keras initializer by its name, or itself, or raises a `ValueError`."""
    try:
        found = keras.initializers.get(initializer)
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, keras.initializers.Initializer):
        raise ValueError(
            "kernel_initializer must be a Keras initializer or the name of one, such as "
            f"'he_normal'. Received: {initializer!r}"
        )
    return found
