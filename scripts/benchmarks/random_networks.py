"""The recipes' networks on random data of any size: what `cost` and `gpu` train and have write.

Nothing is read or downloaded, and nothing but Keras, NumPy and the zoo is imported, so that it runs
on any backend, with or without TensorFlow.
"""

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

import zoo

#: Ids of random texts; the book's Shakespeare has so many characters.
CHARACTERS = 39
#: Ids that begin and end a target of random words, as the recipe has them.
START, END = 2, 3


@dataclass
class LongRun:
    """What `recipes.engine.compiling` asks of settings: a training that pays for compiling."""

    jit_compile: str | bool = "auto"
    steps_per_execution: str | int = "auto"
    epochs: int = 100_000


@dataclass
class Example:
    """A network and a batch for it.

    Args:
        model: The network, which `fit` trains.
        x: Inputs.
        y: Targets.
        loss: Loss of `compile`; None where the model has its own.
        tokens: What the batch counts: ids, steps of series, or examples.
        attentions: Channels of each attention of a sequence to one of the same length.
    """

    model: keras.Model
    x: Any
    y: Any
    loss: Any
    tokens: int
    attentions: tuple[int, ...] = ()

    def compiled(self, **arguments) -> keras.Model:
        """The model, ready to train with Adam."""
        self.model.compile(keras.optimizers.Adam(1e-3), self.loss, **arguments)
        return self.model

    @property
    def work(self) -> float:
        """Floating-point operations of the matrix products of one call on the batch.

        Training takes three times as many: the way back costs twice the way forth.
        """
        batch, length = len(self.y), _length(self.x)
        products = 2 * sum(_products(self.model, length))
        return batch * (products + 4 * length**2 * sum(self.attentions))


def _length(x):
    """Steps of a sequence; 1 for everything else."""
    first = x["target"] if isinstance(x, dict) and "target" in x else x
    return first.shape[1] if not isinstance(first, dict) and 1 < first.ndim < 4 else 1


def _products(model, length):
    """Multiplications of one example by each matrix of a model, open axes being so long."""
    if isinstance(model, zoo.Adversarial):  # real, false, and false once more for the generator
        times = {"generator": 1, "discriminator": 3}
        for name, count in times.items():
            yield from (count * each for each in _products(model.model.get_layer(name), length))
        return
    if isinstance(model, zoo.Denoising):
        model = model.model
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _products(layer, length)
            continue
        matrices = [each for each in layer.trainable_weights if each.name.endswith("kernel")]
        if not matrices:
            continue
        read = (keras.layers.RNN, keras.layers.Bidirectional, keras.layers.Conv2DTranspose)
        where = keras.tree.flatten(layer.input if isinstance(layer, read) else layer.output)[0]
        positions = math.prod(length if size is None else size for size in where.shape[1:-1])
        yield from (positions * math.prod(each.shape) for each in matrices)


def _random():
    return np.random.default_rng(42)


def _ids(count, *shape):
    """Random ids from 4 on: what comes before has a meaning of its own."""
    return _random().integers(min(4, count - 1), count, shape).astype("int32")


def _crossentropy():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def image_classifier(name, batch, shape=(28, 28), **arguments) -> Example:
    """A classifier of random pictures of this shape in ten classes."""
    model = getattr(zoo, name)(shape, 10, "multiclass", **arguments)
    x = _random().random((batch, *shape), "float32")
    return Example(model, x, _ids(10, batch), _crossentropy(), batch)


def forecaster(name, batch, length, horizon=10, window=None, **arguments) -> Example:
    """A forecaster of one random series at every step; `window` fixes the length it reads."""
    model = getattr(zoo, name)((window, 1), horizon, **arguments)
    x = _random().normal(size=(batch, length, 1)).astype("float32")
    y = np.zeros((batch, length, *model.output_shape[2:]), "float32")
    return Example(model, x, y, "mse", batch * length)


def language_model(name, batch, length, vocabulary=CHARACTERS, **arguments) -> Example:
    """A language model on random ids."""
    model = getattr(zoo, name)(vocabulary, **arguments)
    x = _ids(vocabulary, batch, length)
    attentions = ()
    if name.startswith("transformer"):
        attentions = (arguments["embedding_dim"],) * arguments["num_layers"]
    return Example(model, x, np.roll(x, -1, 1), _crossentropy(), batch * length, attentions)


def translator(name, batch, length, source_length=None, vocabulary=1000, **arguments) -> Example:
    """A translator of random words, which never chooses to end a target."""
    model = getattr(zoo, name)(vocabulary, vocabulary, **arguments)
    target = _ids(vocabulary, batch, length)
    x = {"source": _ids(vocabulary, batch, source_length or length), "target": target}
    head = model.get_layer("decoder").head
    bias = np.zeros(vocabulary, "float32")
    bias[: END + 1] = -1e4
    head.bias.assign(bias)
    attentions = (arguments.get("units", 0),)
    if name == "transformer":  # of the encoder, and two of the decoder
        channels = arguments["num_heads"] * arguments.get("key_dim", 0)
        attentions = (channels or arguments["embedding_dim"],) * (3 * arguments["num_layers"])
    tokens = batch * length
    return Example(model, x, target, zoo.losses.MaskedCrossentropy(), tokens, attentions)


def text_classifier(batch, length, vocabulary=1000, **arguments) -> Example:
    """A classifier of random words in two classes."""
    model = zoo.text_classifier(vocabulary, **arguments)
    loss = zoo.objective("binary")["loss"]
    y = _ids(2, batch, 1).astype("float32")
    return Example(model, _ids(vocabulary, batch, length), y, loss, batch * length)


def regressor(batch, columns=8, **arguments) -> Example:
    """Wide & Deep on random columns of numbers."""
    model = zoo.wide_and_deep(columns, **arguments)
    x = {"numeric": _random().normal(size=(batch, columns)).astype("float32")}
    return Example(model, x, np.zeros((batch, 1), "float32"), "mse", batch)


def painter(name, batch, side=28, **arguments) -> Example:
    """A model that draws: two players, or one that finds noise."""
    model = getattr(zoo, name)((side, side), **arguments)
    kind = zoo.Denoising if name == "diffusion" else zoo.Adversarial
    x = 2 * _random().random((batch, side, side), "float32") - 1
    loss = "huber" if name == "diffusion" else None
    return Example(kind(model, seed=1), x, x, loss, batch)
