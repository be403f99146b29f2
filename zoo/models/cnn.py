"""Plain convolutional networks: the book's for Fashion-MNIST and MNIST, and LeNet-5."""

from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_choice, check_counts, check_fractions, check_sizes
from zoo.models.convolutions import batch_norm, image_input
from zoo.models.mlp import dense_head, dropped
from zoo.registry import register_model

#: LeNet-5 halves a picture twice, and its last convolution needs five places of what is left.
LENET_SIDE = 28


@register_model
def cnn(
    input_shape: Sequence[int | None],
    outputs: int = 1,
    head: str = "regression",
    filters: int | Sequence[int | Sequence[int]] = ((64,), (128, 128), (256, 256)),
    kernel_size: int = 3,
    first_kernel_size: int = 7,
    units: int | Sequence[int] = (128, 64),
    pooling: str = "flatten",
    feature_dropout: float = 0.0,
    dropout: float = 0.5,
    batch_normalization: bool = False,
    name: str = "cnn",
) -> keras.Model:
    """Convolutions, halved by max pooling after each block, and dense layers on top.

    Args:
        input_shape: `(height, width)` of grey pictures, or `(height, width, channels)`; height and
            width may be None with `pooling="average"`. Scaled first, to [0, 1] or to mean 0.
        filters: Filters of the convolutions of each block, or of the one. Defaults to the book's.
        kernel_size: Side of the kernels. Defaults to 3.
        first_kernel_size: That of the first convolution. Defaults to 7.
        units: Sizes of the dense layers; `()` for none. Defaults to `(128, 64)`.
        pooling: How the maps become features: `"flatten"` keeps each place, `"average"` makes a
            mean of each channel. Defaults to `"flatten"`.
        feature_dropout: Fraction of the features that is dropped. Defaults to 0.
        dropout: Fraction of each dense layer's outputs that is dropped. Defaults to 0.5.
        batch_normalization: Whether to normalise behind each convolution. Defaults to False.
        outputs, head, name: As for `mlp`, as is the result.

    >>> zoo.cnn((28, 28), outputs=10, head="multiclass").count_params()  # the book's
    1413834

    Reference: Book, chapter 14, 3rd edition cells 52 and 53 (Fashion-MNIST) and 102 (MNIST).
    """
    check_choice(("flatten", "average"), pooling=pooling)
    check_fractions(dropout=dropout, feature_dropout=feature_dropout)
    check_counts(kernel_size=kernel_size, first_kernel_size=first_kernel_size)
    units = check_sizes(units=units)
    inputs, x = image_input(input_shape)
    size = first_kernel_size
    blocks = filters if isinstance(filters, Sequence) else [filters]
    for block, sizes in enumerate(blocks):
        for index, count in enumerate(check_sizes(filters=sizes)):
            x = layers.Conv2D(
                count, size, padding="same", use_bias=not batch_normalization,
                kernel_initializer="he_normal", name=f"conv_{block}_{index}",
            )(x)  # fmt: skip
            if batch_normalization:
                x = batch_norm(x, f"norm_{block}_{index}")
            x = layers.Activation("relu", name=f"activation_{block}_{index}")(x)
            size = kernel_size
        if 1 in x.shape[1:3]:
            raise ValueError(
                f"Pictures of this size cannot be halved {len(blocks)} times: give fewer blocks "
                f"of filters. Received: input_shape={tuple(input_shape)}"
            )
        x = layers.MaxPooling2D(name=f"pool_{block}")(x)
    if pooling == "average":
        x = layers.GlobalAveragePooling2D(name="features")(x)
    elif None in x.shape[1:]:
        raise ValueError(
            'Maps of unknown size cannot be flattened: use pooling="average". Received: '
            f"input_shape={tuple(input_shape)}"
        )
    else:
        x = layers.Flatten(name="features")(x)
    x = dropped(x, feature_dropout, "feature_dropout")
    for index, count in enumerate(units):
        x = layers.Dense(count, "relu", kernel_initializer="he_normal", name=f"hidden_{index}")(x)
        x = dropped(x, dropout, f"dropout_{index}")
    return keras.Model(inputs, dense_head(x, outputs, head), name=name)


@register_model
def lenet5(
    input_shape: Sequence[int | None],
    outputs: int = 1,
    head: str = "regression",
    name: str = "lenet5",
) -> keras.Model:
    """LeNet-5: tanh, average pooling, and a last convolution as large as the map it reads.

    The first convolution pads pictures of 28 by 28 pixels as the paper pads them, to 32. In larger
    ones the last convolution reads several places, and their mean counts.

    Args:
        input_shape: `(height, width)` of grey pictures, or `(height, width, channels)`, 28 pixels a
            side at least; height and width may be None.
        outputs, head, name: As for `mlp`, as is the result.

    >>> zoo.lenet5((28, 28), outputs=10, head="multiclass").count_params()
    61706

    Reference: Book, chapter 14, table 14-1; LeCun et al., *Gradient-based learning applied to
    document recognition*, 1998 (here each map of the second convolution reads all of the first's).
    """
    inputs, x = image_input(input_shape)
    if any(side is not None and side < LENET_SIDE for side in x.shape[1:3]):
        raise ValueError(
            f"lenet5 needs pictures of {LENET_SIDE} pixels a side at least. Received: "
            f"input_shape={tuple(input_shape)}"
        )
    x = layers.Conv2D(6, 5, padding="same", activation="tanh", name="conv_0")(x)
    x = layers.AveragePooling2D(2, name="pool_0")(x)
    x = layers.Conv2D(16, 5, activation="tanh", name="conv_1")(x)
    x = layers.AveragePooling2D(2, name="pool_1")(x)
    x = layers.Conv2D(120, 5, activation="tanh", name="conv_2")(x)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    x = layers.Dense(84, activation="tanh", name="hidden_0")(x)
    return keras.Model(inputs, dense_head(x, outputs, head), name=name)
