"""Any network of `keras.applications`, with its weights and its preprocessing, under a new head."""

import inspect
import warnings
from collections.abc import Sequence
from pathlib import Path

import keras
from keras import layers

from zoo.checks import check_choice, check_fractions
from zoo.models.convolutions import image_input
from zoo.models.mlp import dense_head, dropped
from zoo.registry import register_model

#: How the networks of a module were fed: blue first less the means of ImageNet, from -1 to 1, or by
#: mean and deviation. Those of the other modules scale pixels themselves.
PREPROCESSING = {
    **dict.fromkeys(("resnet", "vgg16", "vgg19"), "caffe"),
    **dict.fromkeys(("mobilenet", "mobilenet_v2", "inception_v3", "xception", "nasnet"), "tf"),
    **dict.fromkeys(("inception_resnet_v2", "resnet_v2"), "tf"),
    "densenet": "torch",
}
#: Of ImageNet's pictures: mean of blue, green and red; mean and deviation of red, green and blue.
BGR_MEAN = (103.939, 116.779, 123.68)
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def backbones() -> list[str]:
    """Names of the networks in `keras.applications`.

    >>> "EfficientNetV2B0" in backbones()
    True
    """
    found = vars(keras.applications).items()
    return sorted(name for name, each in found if inspect.isfunction(each) and name[0].isupper())


@register_model
def pretrained(
    input_shape: Sequence[int | None],
    outputs: int = 1,
    head: str = "regression",
    backbone: str = "EfficientNetV2B0",
    weights: str = "imagenet",
    trainable: bool = False,
    dropout: float = 0.2,
    width: float | None = None,
    name: str = "pretrained",
) -> keras.Model:
    """A network that was trained on ImageNet, pooled, under a new linear layer.

    It reads pixels from 0 to 255 and scales them as its backbone was trained. Its batch
    normalisation stays as it is, also when its other weights are trained.

    Args:
        input_shape: `(height, width)` of grey pictures, or `(height, width, channels)` with 1 or 3
            channels; most backbones need 32 pixels a side, some 71 or 75.
        backbone: Name of a function of `keras.applications`. Defaults to `"EfficientNetV2B0"`.
        weights: `"imagenet"`, which Keras downloads once; a file of the backbone's weights without
            its top; or `"random"`. Defaults to `"imagenet"`.
        trainable: Whether the backbone is trained, too: `zoo.transfer.unfreeze(model, False)`
            changes that later. Defaults to False.
        dropout: Fraction of the pooled features that is dropped. Defaults to 0.2.
        width: Share of the filters that a MobileNet has, its `alpha`. Defaults to all.
        outputs, head, name: As for `mlp`, as is the result.

    Raises:
        ValueError: If there is no such backbone, or the weights are not its own.

    >>> model = zoo.pretrained((32, 32, 3), 5, "multiclass", "MobileNet", "random", width=0.25)
    >>> len(model.trainable_weights), model.output_shape
    (2, (None, 5))

    Reference: Book, chapter 14, "Pretrained models for transfer learning", 3rd edition cells 66 to
    81.
    """
    check_choice(backbones(), backbone=backbone)
    check_fractions(dropout=dropout)
    inputs, x = image_input(input_shape)
    if x.shape[-1] not in (1, 3):
        raise ValueError(f"Expected 1 or 3 channels. Received: input_shape={tuple(input_shape)}")
    if x.shape[-1] == 1:
        x = layers.Concatenate(name="three_channels")([x, x, x])
    factory = getattr(keras.applications, backbone)
    x = _preprocessed(x, factory.__module__.rpartition(".")[2])
    body = _body(factory, x.shape[1:], weights, {} if width is None else {"alpha": width})
    body.trainable = trainable
    for layer in body.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    x = body(x)
    x = dropped(x, dropout, "dropout")
    return keras.Model(inputs, dense_head(x, outputs, head), name=name)


def _body(factory, shape, weights, arguments):
    """The backbone with its weights."""
    from_file = weights not in ("random", "imagenet")
    if from_file and not Path(weights).is_file():
        raise ValueError(
            f"There is no file {weights}. Give weights of {factory.__name__} without its top, "
            "'imagenet' to download them, or 'random'."
        )
    first = "imagenet" if weights == "imagenet" else None
    try:
        body = factory(
            include_top=False, weights=first, input_shape=shape, pooling="avg", **arguments
        )
    except TypeError as error:
        raise ValueError(f"{factory.__name__} has no width to choose: {error}") from error
    except ValueError:
        raise
    except Exception as error:  # a bare one where the network fails
        raise ValueError(
            f"The weights of {factory.__name__} cannot be downloaded: {error}. Give a file of them "
            "as weights."
        ) from error
    if from_file:
        try:
            with warnings.catch_warnings():  # which would go on with what fits
                warnings.simplefilter("error")
                body.load_weights(weights)
        except (UserWarning, ValueError, KeyError, OSError) as error:
            raise ValueError(
                f"The file {weights} does not hold the weights of {factory.__name__} without its "
                f"top, but those of another network, or none: {error}"
            ) from error
    return body


def _preprocessed(x, module):
    """Pixels as the networks of a module expect them."""
    kind = PREPROCESSING.get(module)
    if kind == "tf":
        return layers.Rescaling(1 / 127.5, -1.0, name="preprocessing")(x)
    if kind == "torch":
        scale = [1 / (255 * deviation) for deviation in DEVIATION]
        offset = [-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)]
        return layers.Rescaling(scale, offset, name="preprocessing")(x)
    if kind == "caffe":
        x = keras.ops.flip(x, axis=-1)
        return layers.Rescaling(1.0, [-mean for mean in BGR_MEAN], name="preprocessing")(x)
    return x
