"""Xception: depthwise separable convolutions with residual connections."""

from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_counts, check_sizes
from zoo.models.convolutions import batch_norm, conv_norm, image_input, pooled_head
from zoo.registry import register_model


@register_model
def xception(
    input_shape: Sequence[int | None],
    outputs: int = 1,
    head: str = "regression",
    stem_filters: Sequence[int] = (32, 64),
    filters: Sequence[int] = (128, 256, 728),
    num_blocks: int = 8,
    exit_filters: Sequence[int] = (1024, 1536, 2048),
    dropout: float = 0.0,
    name: str = "xception",
) -> keras.Model:
    """Xception: each separable convolution looks for patterns in space, then across channels.

    Args:
        stem_filters: Filters of the plain convolutions at the bottom; the first halves the picture.
            Defaults to the paper's 32 and 64.
        filters: Filters of the blocks that halve the maps. Defaults to the paper's.
        num_blocks: Blocks in the middle, of three separable convolutions each. Defaults to 8.
        exit_filters: Filters of the last separable convolutions. Defaults to the paper's.
        input_shape, outputs, head, dropout, name: As for `small_resnet`, as is the result.

    A narrow one for small pictures:

    >>> model = zoo.xception((64, 64, 3), 10, "multiclass", (16,), (32, 64), 1, (96, 128))
    >>> model.count_params()
    61482

    Reference: Book, chapter 14, "Xception"; Chollet, *Xception: deep learning with depthwise
    separable convolutions*, 2017, figure 5.
    """
    check_counts(num_blocks=num_blocks)
    filters = check_sizes(filters=filters)
    narrow, *widths = check_sizes(exit_filters=exit_filters)
    inputs, x = image_input(input_shape)
    for index, count in enumerate(check_sizes(stem_filters=stem_filters)):
        x = conv_norm(x, count, strides=1 if index else 2, name=f"stem_{index}")
    for index, count in enumerate(filters):
        x = _halving(x, (count, count), f"entry_{index}", first=index > 0)
    for block in range(num_blocks):
        y = x
        for index in range(3):
            y = _separable(y, filters[-1], f"middle_{block}_{index}")
        x = layers.Add(name=f"middle_{block}_sum")([x, y])
    x = _halving(x, (filters[-1], narrow), "exit")
    for index, count in enumerate(widths):
        x = _separable(x, count, f"last_{index}", before=False)
        x = layers.Activation("relu", name=f"last_{index}_activation")(x)
    return keras.Model(inputs, pooled_head(x, outputs, head, dropout), name=name)


def _halving(x, filters, name, first=True):
    """Two separable convolutions and max pooling, beside a convolution with strides."""
    shortcut = conv_norm(x, filters[-1], 1, 2, f"{name}_shortcut", activation=None)
    for index, count in enumerate(filters):
        x = _separable(x, count, f"{name}_{index}", before=first or index > 0)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(x)
    return layers.Add(name=f"{name}_sum")([x, shortcut])


def _separable(x, filters, name, before=True):
    """A separable convolution and its normalisation, with the activation in front of them."""
    if before:
        x = layers.Activation("relu", name=f"{name}_activation")(x)
    x = layers.SeparableConv2D(
        filters, 3, padding="same", use_bias=False, depthwise_initializer="he_normal",
        pointwise_initializer="he_normal", name=name,
    )(x)  # fmt: skip
    return batch_norm(x, f"{name}_norm")
