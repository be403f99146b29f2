"""Transfer learning: take over layers of a trained network, freeze, unfreeze; pretrain them.

A dense network is counted in hidden layers: a *block* is a dense layer with what follows it up to
the next one (batch normalisation, activation, dropout). The last dense layer is the head, no block.
"""

from itertools import chain, takewhile
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from zoo.checks import check_counts, check_head, is_whole
from zoo.layers import Bias, RandomizedLeakyReLU
from zoo.tokenizers import all_layers

_ACTIVATIONS = (layers.ReLU, layers.ELU, layers.LeakyReLU, RandomizedLeakyReLU)


def copy_layers(
    source: keras.Model, target: keras.Model, num_layers: int | None = None
) -> list[str]:
    """Copies the weights of the lower hidden layers, by position.

    The target gets weights of its own: training one model never changes the other. Both must be
    fed inputs that were scaled alike, or the copied weights mean nothing.

    Args:
        source: A trained model, such as `zoo.load(run)` or an autoencoder.
        target: A model whose lower hidden layers are like the source's.
        num_layers: Number of hidden layers to copy. Defaults to all of the target's.

    Returns:
        Names of the target's dense layers that were copied to.

    Raises:
        ValueError: If a model has too few hidden layers, or one does not fit (size, activation,
            normalisation); the message names the first. Then nothing has been copied.

    >>> trained = zoo.mlp((28, 28), 8, "multiclass", units=(30, 20, 10))
    >>> model = zoo.mlp((28, 28), head="binary", units=(30, 20, 10))
    >>> zoo.transfer.copy_layers(trained, model, num_layers=2)
    ['hidden_0', 'hidden_1']

    Reference: Book, chapter 11, 2nd edition cells 86 to 88.
    """
    theirs, ours = hidden_blocks(source), hidden_blocks(target)
    num_layers = len(ours) if num_layers is None else num_layers
    _check_num_layers(num_layers, target, ours)
    _check_num_layers(num_layers, source, theirs)
    pairs = list(zip(theirs[:num_layers], ours[:num_layers], strict=True))
    for index, (old, new) in enumerate(pairs):
        expected, received = _signature(new), _signature(old)
        if expected != received:
            raise ValueError(
                f"Hidden layer {index} ({new[0].name!r}) of {target.name!r} does not fit that of "
                f"{source.name!r} ({old[0].name!r}). Expected {'; '.join(expected)}. "
                f"Received: {'; '.join(received)}. Build both with the same arguments, or copy "
                f"num_layers={index}."
            )
    for old, new in pairs:
        weighted = ([layer for layer in block if layer.weights] for block in (old, new))
        for old_layer, new_layer in zip(*weighted, strict=True):
            new_layer.set_weights(old_layer.get_weights())
    return [new[0].name for _, new in pairs]


def freeze(model: keras.Model, num_layers: int | None = None):
    """Stops the lower hidden layers, and whatever comes before them, from being trained.

    **Compile the model afterwards**: what is trained is fixed when it is compiled. If it was
    compiled before, `fit` refuses until that is done. Batch normalisation in frozen layers works
    as at inference, with its statistics kept; dropout stays on.

    Train the frozen model for a few epochs, at the usual rate: the new head starts from random
    weights, and its first large gradients would wreck the copied layers. Then `unfreeze`.

    Args:
        model: The model, changed in place.
        num_layers: Number of hidden layers to freeze. Defaults to all but the head.

    Returns:
        Names of the dense layers that are frozen.

    Raises:
        ValueError: If there are fewer hidden layers.

    >>> model = zoo.mlp((4,), head="binary", units=(3, 3))
    >>> zoo.transfer.freeze(model, num_layers=1)
    ['hidden_0']
    >>> len(model.trainable_weights), len(model.weights)
    (4, 6)
    >>> model.compile("adam", **zoo.objective("binary"))

    Reference: Book, chapter 11, 2nd edition cell 90.
    """
    blocks = hidden_blocks(model)
    num_layers = len(blocks) if num_layers is None else num_layers
    _check_num_layers(num_layers, model, blocks)
    frozen = blocks[:num_layers]
    below = takewhile(lambda layer: not isinstance(layer, layers.Dense), _leaves(model))
    for layer in chain(below if frozen else (), *frozen):
        layer.trainable = False
    model.compiled = False  # a forgotten compile would train as before, without a word
    return [block[0].name for block in frozen]


def unfreeze(model: keras.Model, batch_normalization: bool = True) -> None:
    """Lets every layer be trained again.

    **Compile the model afterwards**, as after `freeze`, with a smaller learning rate: the reused
    layers need tuning, not learning anew. A tenth of the rate so far is a good start.

    Args:
        model: The model, changed in place.
        batch_normalization: False leaves batch normalisation frozen, as in a large network that few
            examples tune: their statistics would replace those of what it was trained on. Defaults
            to True.

    >>> model = zoo.mlp((4,), head="binary", units=(3, 3))
    >>> frozen = zoo.transfer.freeze(model)
    >>> zoo.transfer.unfreeze(model)
    >>> model.compile(keras.optimizers.SGD(1e-3), **zoo.objective("binary"))  # 1e-2 so far

    Reference: Book, chapter 11, 2nd edition cell 91.
    """
    model.trainable = True
    model.compiled = False
    # Not left to Keras: on TensorFlow, setting True on a model that is True reaches no layer.
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            unfreeze(layer, batch_normalization)
        else:
            normalizes = isinstance(layer, layers.BatchNormalization)
            layer.trainable = batch_normalization or not normalizes


def classifier_on(source: keras.Model, outputs: int, head: str = "multiclass") -> keras.Model:
    """A new head on what a model of chapter 17 has learned without labels.

    Args:
        source: A trained autoencoder, whose codes the head reads (of a variational one their
            means), or a pair of players, of whose discriminator it reads the last hidden layer.
        outputs, head: As for `zoo.mlp`.

    Returns:
        Uncompiled model from what the source reads to logits, `(batch, outputs)`. Its layer
        `"encoder"` holds the source's own layers: to train them changes the source, too.

    Raises:
        ValueError: If the source has none of these layers.

    >>> model = zoo.transfer.classifier_on(zoo.dcgan((28, 28)), 10)
    >>> model.input_shape, model.output_shape, [layer.name for layer in model.layers]
    ((None, 28, 28), (None, 10), ['inputs', 'encoder', 'head'])

    Reference: Book, chapter 17, "Unsupervised pretraining using stacked autoencoders"; Radford et
    al., 2016, section 5.1 (of a discriminator).
    """
    parts = {layer.name: layer for layer in source.layers}
    if "discriminator" in parts:
        judge = parts["discriminator"]
        found = judge.input, judge.get_layer("head").input
    elif "encoder" in parts:
        found = parts["encoder"].input, parts["encoder"].outputs[0]
    elif "code" in parts:
        found = source.input, parts["code"].output
    else:
        raise ValueError(
            "Expected an autoencoder, or players such as zoo.dcgan's, with a layer 'code', "
            f"'encoder' or 'discriminator'. Received: {source.name!r}"
        )
    encoder = keras.Model(*found, name="encoder")
    inputs = keras.Input(encoder.input_shape[1:], name="inputs")
    check_head(head, outputs)
    logits = layers.Dense(outputs, dtype="float32", name="head")(encoder(inputs))
    return keras.Model(inputs, logits, name="classifier")


def pretrain_greedily(
    model: keras.Model, x: Any, epochs: int = 10, batch_size: int = 32, learning_rate: float = 1e-3
) -> list[float]:
    """Trains an autoencoder layer by layer, the outermost first: a start for training the whole.

    Each layer, with the one that mirrors it, is a shallow autoencoder of what the layers before it
    make of the inputs; Adam trains it for the squared error. Dropout and noise act as ever.

    Args:
        model: What `zoo.autoencoder` returned, changed in place.
        x: Inputs, an array `(n, *input_shape)`.
        epochs: Epochs of each layer. Defaults to 10.
        batch_size: Defaults to 32.
        learning_rate: Defaults to 0.001.

    Returns:
        The last epoch's loss of each layer, the outermost first.

    Raises:
        ValueError: If the model's layers mirror none.

    >>> model = zoo.autoencoder((4,), units=(3, 2))
    >>> len(zoo.transfer.pretrain_greedily(model, np.ones((8, 4)), epochs=1))
    2

    Reference: Book, chapter 17, "Training one autoencoder at a time"; Bengio et al., *Greedy
    layer-wise training of deep networks*, 2007.
    """
    check_counts(epochs=epochs, batch_size=batch_size)
    blocks = _blocks(model)
    if len(blocks) % 2 or "code" not in {layer.name for layer in model.layers}:
        raise ValueError(f"Expected what zoo.autoencoder returns. Received: {model.name!r}")
    losses = []
    for index, block in enumerate(blocks[: len(blocks) // 2]):
        output = block[0].input
        inputs = model.input if index == 0 else output
        for layer in [*block, *blocks[-1 - index]]:
            if isinstance(layer, Bias):  # tied: the same kernel, backwards
                output = block[0](output, reverse=True)
            output = layer(output)
        shallow = keras.Model(inputs, output)
        shallow.compile(keras.optimizers.Adam(learning_rate), "mse")
        history = shallow.fit(x, x, epochs=epochs, batch_size=batch_size, verbose=0).history
        losses.append(float(history["loss"][-1]))
        encode = keras.Model(inputs, block[-1].output)
        parts = (encode(x[first : first + 1024]) for first in range(0, len(x), 1024))
        x = np.concatenate([ops.convert_to_numpy(part) for part in parts])
    return losses


def hidden_blocks(model: keras.Model) -> list[list[keras.Layer]]:
    """The hidden layers of a dense network, lowest first, each with what follows it.

    Its dense layers form one chain, possibly with models inside. Each block begins with a dense
    layer; the last one, the head, is left out.

    >>> model = zoo.mlp((4,), units=(3, 3), dropout=0.1)
    >>> [layer.name for layer in zoo.transfer.hidden_blocks(model)[1]]
    ['hidden_1', 'activation_1', 'dropout_1']
    """
    return _blocks(model)[:-1]


def _blocks(model):
    blocks = []
    for layer in _leaves(model):
        if isinstance(layer, layers.Dense | Bias):  # this is a dense layer backwards
            blocks.append([layer])
        elif blocks:
            blocks[-1].append(layer)
    return blocks


def _leaves(model):
    """The layers of a model, and not the models in it, nor operations such as a sum."""
    found = (each for each in all_layers(model) if isinstance(each, layers.Layer))
    return [layer for layer in found if not isinstance(layer, keras.Model)]


def _signature(block):
    """What must be equal for weights to mean the same: kinds of layers, shapes, activations."""
    steps = []
    for layer in block:
        if layer.weights:
            shapes = ", ".join(str(tuple(weight.shape)) for weight in layer.weights)
            kind = "Dense" if isinstance(layer, layers.Dense) else type(layer).__name__
            steps.append(f"{kind} {shapes}")
        activation = getattr(layer, "activation", None)
        if activation is not None and activation is not keras.activations.linear:
            steps.append(getattr(activation, "__name__", str(activation)))
        elif isinstance(layer, _ACTIVATIONS):
            steps.append(type(layer).__name__)
    return steps


def _check_num_layers(num_layers, model, blocks):
    if not is_whole(num_layers) or not 0 <= num_layers <= len(blocks):
        raise ValueError(
            f"num_layers must be a whole number from 0 to {len(blocks)}, the number of hidden "
            f"layers of {model.name!r}. Received: {num_layers!r}"
        )
