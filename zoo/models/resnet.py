"""Residual networks: ResNet-18, -34 and -50, with squeeze and excitation, and a small one."""

from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_choice, check_counts, check_sizes
from zoo.models.convolutions import conv_norm, image_input, pooled_head
from zoo.registry import register_model

#: Units of each stage, by depth.
UNITS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
#: From this depth on a unit narrows its maps, convolves them, and widens them by this factor.
BOTTLENECK, EXPANSION = 50, 4
#: By what squeeze and excitation narrows, and to how many channels at least.
RATIO, NARROWEST = 16, 4
#: The small network halves a picture until a side has at most so many places, its filters go from
#: the first number to the last, and pictures above the size are halved by the stem, too.
PLACES, FEWEST, MOST, LARGE = 4, 32, 256, 64


@register_model
def small_resnet(
    input_shape: Sequence[int | None],
    outputs: int = 1,
    head: str = "regression",
    filters: int | Sequence[int] | None = None,
    num_blocks: int = 1,
    squeeze_excitation: bool = False,
    dropout: float = 0.0,
    name: str = "small_resnet",
) -> keras.Model:
    """Residual units that halve a small picture until little is left of it; the default.

    Args:
        input_shape: `(height, width)` of grey pictures, or `(height, width, channels)`; height and
            width may be None. Scaled first, to mean 0 and deviation 1.
        filters: Filters of each stage, which halves the picture. Defaults to 32, 64, 128 and so on
            (at most 256) until a side has 4 places, twice at least: three stages for 28 pixels.
        num_blocks: Residual units in each stage. Defaults to 1.
        squeeze_excitation: Whether each unit weighs its channels by what is in the whole picture.
            Defaults to False.
        dropout: Fraction of the pooled features that is dropped. Defaults to 0.
        outputs, head, name: As for `mlp`, as is the result.

    >>> zoo.small_resnet((28, 28), outputs=10, head="multiclass").count_params()
    310570
    >>> zoo.small_resnet((28, 28), 10, "multiclass", filters=(32, 64)).count_params()
    79018

    Reference: He et al., *Deep residual learning for image recognition*, 2016, section 4.2.
    """
    check_counts(num_blocks=num_blocks)
    inputs, x = image_input(input_shape)
    side = min(size or LARGE for size in x.shape[1:3])
    sizes = _stages(side) if filters is None else check_sizes(filters=filters)
    x = conv_norm(x, sizes[0], strides=2 if side > LARGE else 1, name="stem")
    for stage, count in enumerate(sizes):
        for block in range(num_blocks):
            unit = f"stage_{stage}_unit_{block}"
            x = residual_unit(x, count, 1 if block else 2, squeeze_excitation, name=unit)
    return keras.Model(inputs, pooled_head(x, outputs, head, dropout), name=name)


@register_model
def resnet(
    input_shape: Sequence[int | None],
    outputs: int = 1,
    head: str = "regression",
    depth: int = 34,
    filters: int = 64,
    squeeze_excitation: bool = False,
    dropout: float = 0.0,
    name: str = "resnet",
) -> keras.Model:
    """ResNet-18, -34 (the book's) or -50, for photos: with squeeze and excitation, SE-ResNet.

    Args:
        depth: 18, 34 or 50, whose units are bottlenecks. Defaults to 34.
        filters: Filters of the first stage, doubled by each of the three others. Defaults to 64.
        input_shape, outputs, head, squeeze_excitation, dropout, name: As for `small_resnet`,
            as is the result.

    Its features are maps of places, so that a trained one slides over larger pictures:

    >>> model = zoo.resnet((None, None, 3), outputs=10, head="multiclass", depth=18)
    >>> maps = keras.Model(model.input, model.get_layer("pool").input)
    >>> maps.compute_output_shape((1, 64, 96, 3))
    (1, 2, 3, 512)

    Reference: Book, chapter 14, 3rd edition cell 60; He et al., *Deep residual learning for image
    recognition*, 2016; Hu et al., *Squeeze-and-excitation networks*, 2018.
    """
    check_choice(UNITS, depth=depth)
    check_counts(filters=filters)
    inputs, x = image_input(input_shape)
    x = conv_norm(x, filters, 7, 2, name="stem")
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)
    for stage, blocks in enumerate(UNITS[depth]):
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            unit = f"stage_{stage}_unit_{block}"
            wide = depth >= BOTTLENECK
            x = residual_unit(x, filters * 2**stage, strides, squeeze_excitation, wide, unit)
    return keras.Model(inputs, pooled_head(x, outputs, head, dropout), name=name)


def residual_unit(x, filters, strides=1, squeeze_excitation=False, bottleneck=False, name="unit"):
    """Two convolutions (a bottleneck has three, the last of four times as many filters), added up.

    What is read is added to what comes out; with two strides the maps are halved. Names of layers
    begin with that of the unit.
    """
    wide = filters * (EXPANSION if bottleneck else 1)
    if bottleneck:
        y = conv_norm(x, filters, 1, name=f"{name}_conv_0")
        y = conv_norm(y, filters, 3, strides, name=f"{name}_conv_1")
        y = conv_norm(y, wide, 1, name=f"{name}_conv_2", activation=None, zero=True)
    else:
        y = conv_norm(x, filters, 3, strides, name=f"{name}_conv_0")
        y = conv_norm(y, wide, 3, name=f"{name}_conv_1", activation=None, zero=True)
    if squeeze_excitation:
        part = f"{name}_excitation"
        gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{part}_squeeze")(y)
        gate = layers.Dense(max(NARROWEST, wide // RATIO), "relu", name=f"{part}_hidden")(gate)
        gate = layers.Dense(wide, "sigmoid", name=f"{part}_weights")(gate)
        y = layers.Multiply(name=part)([y, gate])
    if strides > 1 or x.shape[-1] != wide:
        x = conv_norm(x, wide, 1, strides, name=f"{name}_shortcut", activation=None)
    x = layers.Add(name=f"{name}_sum")([x, y])
    return layers.Activation("relu", name=f"{name}_activation")(x)


def _stages(side):
    """Filters of each stage for the shorter side of a picture."""
    side = side // 2 if side > LARGE else side
    found: list[int] = []
    while len(found) < 2 or side > PLACES:
        found.append(min(FEWEST * 2 ** len(found), MOST))
        side = -(-side // 2)
    return tuple(found)
