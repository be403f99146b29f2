"""A convolutional encoder, and a recurrent decoder that looks at parts of the image."""

from collections.abc import Callable

import keras
from keras import layers, ops

from zoo.layers import AttentionDecoder
from zoo.models.seq2seq import attention_layer
from zoo.registry import register_model


@register_model
def captioner(
    input_shape: tuple[int, int, int],
    vocabulary_size: int,
    units: int = 256,
    backbone: keras.Model | None = None,
    cell: str = "lstm",
    num_layers: int = 1,
    attention: str = "bahdanau",
    score_scale: bool = False,
    normalize: bool = False,
    attention_layer_size: int | None = None,
    input_feeding: bool = True,
    embedding_dim: int = 128,
    dropout: float = 0.0,
    sampling: str | None = None,
    sampling_probability: float | Callable = 0.0,
    name: str = "captioner",
) -> keras.Model:
    """Describes images: the decoder of `seq2seq` attends to the feature map of a CNN.

    Every place of the feature map is a position of the memory; the decoder starts from linear tanh
    layers on the mean of the map. The attention at a step, of shape `(height * width,)`, shows
    where the model looks when it writes a word.

    Args:
        input_shape: `(height, width, channels)` of the images.
        vocabulary_size: Number of ids, padding (0) and start id included.
        units: Size of each recurrent layer. Defaults to 256.
        backbone: Model from images to feature maps `(batch, height, width, channels)`, such as
            `keras.applications.MobileNetV3Small(include_top=False)`. Defaults to None: 3
            convolutions that halve the image and double their filters, from 32.
        attention: `"luong"`, `"bahdanau"` or None. Defaults to `"bahdanau"`.
        input_feeding: Whether the decoder reads the attention vector of the step before, and so
            knows what it has looked at. Defaults to True.
        embedding_dim: Size of the embedding. Defaults to 128.
        score_scale, normalize, attention_layer_size, dropout, name: As for `seq2seq`.
        sampling, sampling_probability, cell, num_layers: As for `seq2seq`.

    Returns:
        Uncompiled model: `{"image": (batch, height, width, channels), "target": (batch, time)}` to
        logits `(batch, time, vocabulary_size)`; see `zoo.seq2seq`.

    Raises:
        ValueError: If an argument is out of range, or the backbone gives no feature map.

    >>> model = zoo.captioner((16, 16, 1), vocabulary_size=12, units=8)
    >>> image, target = np.zeros((1, 16, 16, 1)), np.array([[11, 4, 9]])
    >>> model({"image": image, "target": target}).shape
    TensorShape([1, 3, 12])

    A caption, and the weights of the 2 x 2 places of the feature map at each of its words:

    >>> from zoo.decoding import decode
    >>> ids, attention = decode(model, image, 5, start_id=11, end_id=10, return_attention=True)
    >>> ids.shape, attention.reshape(1, 5, 2, 2).shape
    ((1, 5), (1, 5, 2, 2))

    `python -m scripts.benchmarks.captions captions.png`, in a checkout, trains one on generated
    images and draws where it looks.

    Reference: Book, chapter 16, visual attention; Xu et al., *Show, attend and tell*, 2015.
    """
    if len(input_shape) != 3:
        raise ValueError(
            f"input_shape must be (height, width, channels). Received: {tuple(input_shape)}"
        )
    decoder = AttentionDecoder(
        vocabulary_size, units=units, cell=cell, num_layers=num_layers,
        attention=attention_layer(attention, units, score_scale, normalize),
        attention_layer_size=attention_layer_size, input_feeding=input_feeding,
        embedding_dim=embedding_dim, dropout=dropout, sampling=sampling,
        sampling_probability=sampling_probability, name="decoder",
    )  # fmt: skip
    image = keras.Input(input_shape, name="image")
    target = keras.Input((None,), dtype="int32", name="target")
    encoder = image_encoder(input_shape, backbone, decoder.cell.cell_state_sizes)
    logits = decoder(target, encoder(image))
    return keras.Model({"image": image, "target": target}, logits, name=name)


def image_encoder(input_shape, backbone, state_sizes):
    """Images to a memory: the places of a feature map, and states made of its mean."""
    image = keras.Input(input_shape, name="image")
    features = (backbone or _convolutions(input_shape))(image)
    if len(features.shape) != 4:
        raise ValueError(
            "The backbone must give a feature map (batch, height, width, channels). "
            f"Received: an output of shape {features.shape}"
        )
    places = layers.Reshape((-1, features.shape[-1]), name="places")(features)
    mean = layers.GlobalAveragePooling2D(name="mean")(features)
    memory = {"outputs": places, "mask": ops.all(ops.ones_like(places, dtype="bool"), axis=-1)}
    for index, units in enumerate(state_sizes):
        name = f"state_{index}"
        memory[name] = layers.Dense(units, activation="tanh", name=name)(mean)
    return keras.Model(image, memory, name="encoder")


def _convolutions(input_shape):
    """A small backbone."""
    x = image = keras.Input(input_shape, name="image")
    for index, filters in enumerate((32, 64, 128)):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv_{index}")(x)
        x = layers.MaxPooling2D(padding="same", name=f"pool_{index}")(x)
    return keras.Model(image, x, name="backbone")
