"""The denoising diffusion model: a small U-Net that sees what noise was added."""

import math
from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_choice, check_counts, check_sizes
from zoo.layers import SinusoidalTime
from zoo.models.autoencoder import check_halved
from zoo.models.convolutions import image_input
from zoo.registry import register_model


@register_model
def diffusion(
    input_shape: Sequence[int],
    filters: int | Sequence[int] = (48, 96),
    num_blocks: int = 1,
    patch_size: int = 2,
    time_dim: int = 32,
    name: str = "diffusion",
) -> keras.Model:
    """A U-Net from noisy pictures to the noise in them.

    On its way down it halves the maps, on its way up it doubles them and reads those of the same
    size again. Each block adds a function of time to its channels. `zoo.Denoising(model)` trains
    it, `zoo.generate_images(model, 64)` starts from noise alone.

    Args:
        input_shape: `(height, width)` of grey pictures, or `(height, width, channels)`; each side a
            multiple of 2 to the number of `filters`, or of half that without patches.
        filters: Filters at each size of the maps. Defaults to `(48, 96)`.
        num_blocks: Residual blocks at each size, each way. Defaults to 1.
        patch_size: 2 for patches of 2 x 2 pixels, at a quarter of the cost; or 1. Defaults to 2.
        time_dim: Waves that tell the time. Defaults to 32.

    Returns:
        Uncompiled model: a dict of `images` `(batch, *input_shape)`, pixels in [-1, 1] with noise,
        and `time` `(batch, 1)` in [0, 1], to the noise, `(batch, *input_shape)`.

    Raises:
        ValueError: If a side cannot be halved so often, or an argument is out of range.

    >>> model = zoo.diffusion((8, 8), filters=(8, 16))
    >>> training = zoo.Denoising(model)
    >>> training.compile("adam", "huber")  # training.fit(x)
    >>> zoo.generate_images(model, 3, steps=5).shape
    (3, 8, 8)

    Reference: Book, chapter 17, 3rd edition cells 113 to 128; Ho et al., *Denoising diffusion
    probabilistic models*, 2020; Nichol and Dhariwal, *Improved denoising diffusion probabilistic
    models*, 2021.
    """
    filters = check_sizes(filters=filters)
    check_counts(num_blocks=num_blocks)
    check_choice((1, 2), patch_size=patch_size)
    inputs, x = image_input(input_shape, "images")
    check_halved(x.shape[1:3], len(filters) - (patch_size == 1))
    channels = x.shape[-1]
    time = keras.Input((1,), name="time")
    moment = SinusoidalTime(time_dim, name="waves")(time)
    moment = layers.Dense(4 * time_dim, "swish", name="moment")(moment)
    patches = {"kernel_size": 2 + patch_size, "strides": patch_size, "padding": "same"}
    x = layers.Conv2D(filters[0], **patches, name="stem")(x)
    kept = []
    for level, count in enumerate(filters):
        if level:
            x = layers.Conv2D(count, 3, strides=2, padding="same", name=f"halved_{level}")(x)
        for block in range(num_blocks):
            x = _block(x, moment, count, f"down_{level}_{block}")
            kept.append(x)
    x = _block(x, moment, filters[-1], "middle")
    for level, count in reversed(list(enumerate(filters))):
        if level < len(filters) - 1:
            x = layers.UpSampling2D(name=f"doubled_{level}")(x)
        for block in range(num_blocks):
            unit = f"up_{level}_{block}"
            x = layers.Concatenate(name=f"{unit}_again")([x, kept.pop()])
            x = _block(x, moment, count, unit)
    x = _normed(x, "last_norm")
    zeros = {"kernel_initializer": "zeros", "dtype": "float32"}
    x = layers.Conv2DTranspose(channels, **patches, **zeros, name="head")(x)
    noise = layers.Reshape(inputs.shape[1:], dtype="float32", name="noise")(x)
    return keras.Model({"images": inputs, "time": time}, noise, name=name)


def _block(x, moment, filters, name):
    """Two convolutions with the time between them, added to what came in."""
    y = _normed(x, f"{name}_norm_0")
    y = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv_0")(y)
    shift = layers.Dense(filters, name=f"{name}_time")(moment)
    shift = layers.Reshape((1, 1, filters), name=f"{name}_shift")(shift)
    y = layers.Add(name=f"{name}_timed")([y, shift])
    y = _normed(y, f"{name}_norm_1")
    y = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv_1")(y)
    if x.shape[-1] != filters:
        x = layers.Conv2D(filters, 1, name=f"{name}_shortcut")(x)
    return layers.Add(name=f"{name}_sum")([x, y])


def _normed(x, name):
    """Normalised maps, through the activation."""
    # Of eight channels or so: alone, a channel would lose what the time adds to it.
    groups = math.gcd(x.shape[-1], max(1, x.shape[-1] // 8))
    x = layers.GroupNormalization(groups, name=name)(x)
    return layers.Activation("swish", name=f"{name}_swish")(x)
