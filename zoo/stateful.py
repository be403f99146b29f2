"""Stateful models, whose batches continue each other, and their stateless twins."""

import keras

from zoo.checks import check_counts
from zoo.decoding.stepper import Stepper
from zoo.layers.stateful import StatefulConv1D, StatefulRNN, past_inputs
from zoo.tokenizers import all_layers


def to_stateful(model: keras.Model, batch_size: int) -> keras.Model:
    """A twin on the same weights that keeps its state from call to call.

    Row `i` of each batch continues row `i` of the batch before, so that a long series can be fed
    in pieces: the outputs are those of `model` on the whole. Recurrent layers are called through
    `zoo.layers.StatefulRNN`, causal convolutions through `zoo.layers.StatefulConv1D`; all other
    layers are the model's own, and so are all weights that are trained: training either model
    trains both. Reset the state with `zoo.reset_state(twin)` or `callbacks.ResetState`.

    Args:
        model: Functional or sequential model with recurrent layers in which no output sees its
            own future: one that `zoo.decoding.Stepper` can step. Of a model that is stateful
            already, the twin has a state of its own.
        batch_size: Number of series, fixed.

    Returns:
        The twin, for inputs `(batch_size, time, ...)`.

    Raises:
        ValueError: If the model has no recurrent layer, or a layer whose state cannot be kept, or
            the batch size is no whole number of at least 1.

    >>> model = zoo.char_rnn(vocabulary_size=5, units=8)
    >>> twin = zoo.to_stateful(model, batch_size=2)
    >>> ids = np.array([[1, 2, 3, 4], [4, 3, 2, 1]])
    >>> parts = [twin(ids[:, :3]), twin(ids[:, 3:])]
    >>> np.allclose(np.concatenate(parts, axis=1), model(ids), atol=1e-6)
    True

    Reference: Book, chapter 16, stateful RNNs.
    """
    check_counts(batch_size=batch_size)
    try:
        _check(Stepper(model).stateful_layers)
    except ValueError as error:
        raise ValueError(f"{model.name!r} has no stateful twin. {error}") from error

    def wrap(layer):
        layer = _unwrapped(layer)
        if isinstance(layer, keras.layers.RNN):
            return StatefulRNN(layer, batch_size)
        if isinstance(layer, keras.layers.Conv1D) and past_inputs(layer):
            return StatefulConv1D(layer, batch_size)
        return layer

    return _rebuilt(model, wrap, batch_size)


def to_stateless(model: keras.Model) -> keras.Model:
    """A twin on the same weights that starts every call afresh: undoes `to_stateful`.

    Args:
        model: Functional or sequential model.

    Returns:
        The twin, for inputs of any batch size.

    >>> model = zoo.char_rnn(vocabulary_size=5, units=8, stateful=True, batch_size=2)
    >>> zoo.to_stateless(model).input_shape
    (None, None)
    """
    return _rebuilt(model, _unwrapped, None)


def reset_state(model: keras.Model) -> None:
    """Forgets what a stateful model has seen: its next call starts a new series.

    Every layer with a method `reset_state` is reset, nested ones and Keras' own stateful ones, too.

    Args:
        model: A model. A stateless one stays as it is.

    >>> model = zoo.char_rnn(vocabulary_size=5, units=8, stateful=True, batch_size=1)
    >>> ids = np.array([[1, 2, 3]])
    >>> first = model(ids)
    >>> np.allclose(model(ids), first)
    False
    >>> zoo.reset_state(model)
    >>> np.allclose(model(ids), first)
    True
    """
    for layer in all_layers(model):
        if hasattr(layer, "reset_state") and getattr(layer, "stateful", True):
            layer.reset_state()


def _rebuilt(model, share, batch_size):
    def share_or_rebuild(layer):
        if isinstance(layer, keras.Model):
            return _rebuilt(layer, share, batch_size)
        return share(layer)

    def batch_of(tensor):
        shape = (batch_size, *tensor.shape[1:])
        return keras.Input(batch_shape=shape, dtype=tensor.dtype, name=tensor.name)

    inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    inputs = keras.tree.map_structure(batch_of, inputs)
    return keras.models.clone_model(model, input_tensors=inputs, clone_function=share_or_rebuild)


def _unwrapped(layer):
    return layer.layer if isinstance(layer, (StatefulRNN, StatefulConv1D)) else layer


def _check(layers):
    """Whether the layers that remember something, once for each call, can do so across batches."""
    if not any(isinstance(layer, keras.layers.RNN) for layer in layers):
        raise ValueError(
            "It has no recurrent layer, so that there is no state to keep from batch to batch. "
            "Train it on windows instead."
        )
    for index, layer in enumerate(layers):
        if not isinstance(layer, (keras.layers.RNN, keras.layers.Conv1D)):
            raise ValueError(
                f"The state of layer {layer.name!r} ({type(layer).__name__}) cannot be kept from "
                "batch to batch. Train it on windows instead."
            )
        if any(layer is other for other in layers[:index]):
            raise ValueError(
                f"It calls layer {layer.name!r} more than once, and one state cannot serve two "
                "series."
            )
