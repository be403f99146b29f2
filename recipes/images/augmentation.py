"""Training pictures that are changed a little, anew in each step, by Keras' own layers.

The layers stand in front of the model that is trained, not of the one that is saved.
"""

import keras
from keras import layers

from recipes.images.config import PHOTO

#: The fraction of a side that `light` moves by: two pixels of 28.
SHIFT = 1 / 14


def resolved(config, shape) -> tuple[bool, int, bool]:
    """Whether to mirror, by how many pixels to move, and whether to change pictures strongly.

    >>> from recipes.images import default_config
    >>> from recipes.images.augmentation import resolved
    >>> resolved(default_config(), (8, 8)), resolved(default_config(own_data=True), (96, 96, 3))
    ((False, 1, False), (True, 7, True))
    """
    level = config.augment
    if level == "auto":
        level = "strong" if min(shape[:2]) >= PHOTO else "light"
    colour = len(shape) == 3
    mirror = colour and level != "none" if config.mirror is None else config.mirror
    shift = 0 if level == "none" else round(SHIFT * min(shape[:2]))
    return mirror, config.shift or shift, level == "strong"


def augmented(inputs, config):
    """A Keras tensor of pictures as they are shown to the model in training."""
    shape = inputs.shape[1:]
    chosen = _layers(config, shape)
    if not chosen:
        return inputs
    x = layers.Rescaling(1.0, dtype="float32", name="pixels")(inputs)
    x = x if len(shape) == 3 else layers.Reshape((*shape, 1), name="as_photo")(x)
    for layer in chosen:
        if keras.backend.backend() == "jax":  # only TensorFlow's XLA cannot compile them
            layer.supports_jit = True
        x = layer(x)
    return x if len(shape) == 3 else layers.Reshape(shape, name="as_picture")(x)


def _layers(config, shape):
    mirror, shift, strong = resolved(config, shape)
    found = []
    common = {"dtype": "float32"}
    if mirror:
        found.append(layers.RandomFlip("horizontal", **common))
    if shift:
        moves = (shift / shape[0], shift / shape[1])
        empty = {"fill_mode": "constant", "interpolation": "nearest", **common}
        found.append(layers.RandomTranslation(*moves, **empty))
    if strong:
        found += [
            layers.RandomZoom((-0.5, 0.1), fill_mode="reflect", **common),
            layers.RandomRotation(0.04, fill_mode="reflect", **common),
            layers.RandomBrightness(0.2, **common),
            layers.RandomContrast(0.3, value_range=(0, 255), **common),
        ]
    if config.erase:
        found.append(layers.RandomErasing(config.erase, scale=(0.02, 0.2), **common))
    return found


def words(config, shape) -> str:
    """What is done to training pictures, for the report."""
    mirror, shift, strong = resolved(config, shape)
    found = ["mirrored"] * mirror + [f"moved by up to {shift} pixels"] * bool(shift)
    found += ["zoomed, turned, made brighter and darker"] * strong
    found += ["partly erased"] * bool(config.erase)
    return f"training images are {', '.join(found)} at random (--augment)" if found else ""
