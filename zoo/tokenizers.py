"""Finds the tokenizer of a model."""

import keras

from zoo.layers import Tokenizer


def tokenizer(model: keras.Model, name: str | None = None) -> Tokenizer:
    """The layer of a model that turns texts into the ids that it was trained on, and back.

    Args:
        model: A Keras model, such as `zoo.load` returns.
        name: Which one, where there are several: `"source"` or `"target"` of a translator. For
            those in layers of other names, the name of the layer.

    Returns:
        A `zoo.layers.Tokenizer`, with `encode`, `decode`, `vocabulary_size` and special ids.

    Raises:
        ValueError: If there is none of that name, or none at all, or several and no name.

    >>> inputs = keras.Input((None,), dtype="int32")
    >>> ids = zoo.layers.CharacterTokenizer("abc")(inputs)
    >>> model = keras.Model(inputs, keras.layers.Embedding(3, 2)(ids))
    >>> zoo.tokenizer(model).decode([2, 0, 1])
    'cab'
    """
    layers = [layer for layer in all_layers(model) if isinstance(layer, Tokenizer)]
    found = {layer.name.removesuffix("_tokenizer"): layer for layer in layers}
    if not found:
        raise ValueError(
            "Expected a model with a tokenizer, such as CharacterTokenizer. "
            f"Received: the model {model.name!r}, which has none"
        )
    if name is None and len(found) == 1:
        name = next(iter(found))
    if name not in found:
        names = ", ".join(map(repr, found))
        raise ValueError(f"Expected the name of a tokenizer, one of {names}. Received: {name!r}")
    return found[name]


def all_layers(model: keras.Model):
    """The layers of a model and of the models in it, one after the other."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from all_layers(layer)
