"""Captions of generated pictures: a small task that shows `zoo.captioner` at work.

python -m scripts.benchmarks.captions captions.png     trains it, and draws where it looks
"""

import sys

import keras
import numpy as np
from keras import layers
from matplotlib.figure import Figure

import zoo

#: Height of the pictures, and width of each of their three parts.
SIZE = 16
COLORS = {"red": (1.0, 0.2, 0.2), "green": (0.2, 0.9, 0.2), "blue": (0.3, 0.4, 1.0)}
SHAPES = ("square", "cross", "diamond")
#: Ids of a caption at most: three colours and shapes, two times "and", and the end.
MAX_LENGTH = 9


def pictures_and_captions(count, seed=0):
    """Pictures of one to three coloured shapes side by side, and what is in them from the left.

    float32 `(count, 16, 48, 3)` of values in [0, 1], and a list of captions.

    >>> images, captions = pictures_and_captions(2)
    >>> images.shape, captions[1]
    ((2, 16, 48, 3), 'blue cross and blue cross and green diamond')
    """
    generator = np.random.default_rng(seed)
    images = generator.uniform(0.0, 0.25, (count, SIZE, 3 * SIZE, 3)).astype("float32")
    captions = []
    for image in images:
        parts = np.sort(generator.choice(3, generator.integers(1, 4), replace=False))
        words = []
        for part in parts:
            color, shape = generator.choice(list(COLORS)), generator.choice(SHAPES)
            top, left = generator.integers(1, SIZE - 7, 2)
            place = image[top : top + 7, part * SIZE + left : part * SIZE + left + 7]
            place[_drawn(shape)] = COLORS[color]
            words.append(f"{color} {shape}")
        captions.append(" and ".join(words))
    return images, captions


def train(images, captions, epochs=8, seed=0):
    """Trains a small captioner of images `(count, height, width, channels)`.

    Returns the model, and the `zoo.layers.TextTokenizer` of the captions.
    """
    keras.utils.set_random_seed(seed)
    special = ("padding", "start", "end")
    tokenizer = zoo.layers.TextTokenizer.fit(
        captions, max_length=MAX_LENGTH, special=special, add_ends=True
    )
    model = zoo.captioner(
        images.shape[1:],
        tokenizer.vocabulary_size,
        units=64,
        backbone=_backbone(images.shape[1:]),
        cell="gru",
        attention_layer_size=64,
        input_feeding=False,  # what it sees is lost after a word: it must look again
        embedding_dim=16,
    )
    rows = tokenizer.encode(captions)
    steps = epochs * (len(images) // 32)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, 0.0, warmup_target=0.008, warmup_steps=steps // 10
    )
    model.compile(
        keras.optimizers.Adam(rate, clipnorm=1.0),
        zoo.losses.MaskedCrossentropy(),
        metrics=[zoo.metrics.TokenAccuracy()],
    )
    inputs = {"image": images, "target": rows[:, :-1]}
    model.fit(inputs, rows[:, 1:], batch_size=32, epochs=epochs, verbose=2)
    return model, tokenizer


def describe(model, tokenizer, images):
    """Captions of images, and where the model looked.

    Returns a list of captions, and the weights of the attention to the places of the feature map at
    each word, float32 `(count, words, map_height, map_width)`.
    """
    ids, weights = zoo.decoding.decode(
        model, images, MAX_LENGTH, tokenizer.start_id, tokenizer.end_id, return_attention=True
    )
    places = model.get_layer("encoder").get_layer("places").input.shape[1:3]
    return [tokenizer.decode(row) for row in ids], weights.reshape(*weights.shape[:2], *places)


def picture(images, captions, maps) -> Figure:
    """Pictures, and behind each, bright, where a model looked for each word of its caption."""
    figure = Figure(figsize=(2.0 * MAX_LENGTH, 1.0 * len(images)), layout="constrained")
    axes = figure.subplots(len(images), MAX_LENGTH, squeeze=False)
    for row, image, caption, looked in zip(axes, images, captions, maps, strict=True):
        for axis in row:
            axis.set_axis_off()
        row[0].imshow(image)
        for axis, word, places in zip(row[1:], caption.split(), looked, strict=False):
            height, width = image.shape[:2]
            axis.imshow(image)
            dark = 0.75 * (1.0 - places / looked.max())
            box = (-0.5, width - 0.5, height - 0.5, -0.5)
            axis.imshow(np.zeros_like(dark), cmap="Greys_r", alpha=dark, extent=box)
            axis.set_title(word, fontsize=9)
    return figure


def _backbone(input_shape):
    """Maps of a quarter of the picture's size, each place of which sees most of a third of it."""
    blocks = [keras.Input(input_shape)]
    for filters in (16, 32):
        convolution = layers.Conv2D(filters, 3, padding="same", activation="relu")
        blocks += [convolution, layers.MaxPooling2D()]
    blocks.append(layers.Conv2D(32, 5, padding="same", activation="relu"))
    return keras.Sequential(blocks, name="backbone")


def _drawn(shape):
    across, down = np.abs(np.mgrid[-3:4, -3:4])
    if shape == "cross":
        return (across <= 1) | (down <= 1)
    return across + down <= 3 if shape == "diamond" else across <= 3


def main(path):
    """Trains on 3,000 pictures, draws some of 500 others, and says how many captions are right."""
    model, tokenizer = train(*pictures_and_captions(3000))
    images, captions = pictures_and_captions(500, seed=1)
    found, maps = describe(model, tokenizer, images)
    right = np.mean([one == other for one, other in zip(found, captions, strict=True)])
    picture(images[:6], found[:6], maps[:6]).savefig(path, dpi=110)
    print(f"{right:.1%} of 500 new pictures have the right caption; {path} shows where it looked")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "captions.png")
