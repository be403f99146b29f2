"""Stateful models, whose batches continue each other, and their stateless twins."""

import keras

from zoo.checks import check_counts
from zoo.decoding.stepper import Stepper
from zoo.layers.carried_state import CarriedInputs, CarriedState, past_inputs


def to_stateful(model, batch_size):
    """A twin on the same weights that carries its state from call to call.

    Row `i` of each batch continues row `i` of the batch before, so that a long series can be fed
    in pieces: the outputs are those of `model` on the whole. Recurrent layers are called through
    `zoo.layers.CarriedState`, causal convolutions through `zoo.layers.CarriedInputs`; all other
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
        ValueError: If the model has no recurrent layer, or a layer whose state cannot be carried,
            or the batch size is no whole number of at least 1.

    Example:
        >>> import numpy as np, zoo
        >>> model = zoo.char_rnn(vocabulary_size=5, units=8)
        >>> twin = zoo.to_stateful(model, batch_size=2)
        >>> ids = np.array([[1, 2, 3, 4], [4, 3, 2, 1]])
        >>> parts = [twin(ids[:, :3]), twin(ids[:, 3:])]
        >>> np.allclose(np.concatenate(parts, axis=1), model(ids), atol=1e-6)
        True

    Reference:
        Book, chapter 16, stateful RNNs.
    """
    check_counts(batch_size=batch_size)
    if not any(_is_recurrent(layer) for layer in _leaves(model)):
        raise ValueError(
            f"{model.name!r} has no recurrent layer, so that there is no state to carry from "
            "batch to batch. Train it on windows instead."
        )
    try:
        Stepper(model)
    except ValueError as error:
        raise ValueError(f"{model.name!r} has no stateful twin. {error}") from error
    _check_calls(model)

    def carry(layer):
        if isinstance(layer, (CarriedState, CarriedInputs)):
            layer = layer.layer
        if isinstance(layer, keras.layers.RNN):
            return CarriedState(layer, batch_size)
        if isinstance(layer, keras.layers.Conv1D) and past_inputs(layer):
            return CarriedInputs(layer, batch_size)
        if hasattr(layer, "initial_state") and layer.initial_state(1):
            raise ValueError(
                f"Layer {layer.name!r} ({type(layer).__name__}) of {model.name!r} has a state "
                "that cannot be carried from batch to batch. Train the model on windows instead."
            )
        return layer

    return _rebuilt(model, carry, batch_size)


def to_stateless(model):
    """A twin on the same weights that starts every call afresh: undoes `to_stateful`.

    Args:
        model: Functional or sequential model.

    Returns:
        The twin, for inputs of any batch size.

    Example:
        >>> import zoo
        >>> model = zoo.char_rnn(vocabulary_size=5, units=8, stateful=True, batch_size=2)
        >>> zoo.to_stateless(model).input_shape
        (None, None)
    """

    def drop(layer):
        return layer.layer if isinstance(layer, (CarriedState, CarriedInputs)) else layer

    return _rebuilt(model, drop, None)


def reset_state(model):
    """Forgets what a stateful model has seen: its next call starts a new series.

    Every layer with a method `reset_state` is reset, nested ones too; Keras' own stateful layers
    have it as well.

    Args:
        model: A model. One that carries no state stays as it is.

    Example:
        >>> import numpy as np, zoo
        >>> model = zoo.char_rnn(vocabulary_size=5, units=8, stateful=True, batch_size=1)
        >>> ids = np.array([[1, 2, 3]])
        >>> first = model(ids)
        >>> np.allclose(model(ids), first)
        False
        >>> zoo.reset_state(model)
        >>> np.allclose(model(ids), first)
        True
    """
    for layer in model.layers:
        if hasattr(layer, "reset_state"):
            layer.reset_state()
        elif isinstance(layer, keras.Model):
            reset_state(layer)


def _rebuilt(model, share, batch_size):
    def share_or_rebuild(layer):
        return (
            _rebuilt(layer, share, batch_size) if isinstance(layer, keras.Model) else share(layer)
        )

    def batch_of(tensor):
        shape = (batch_size, *tensor.shape[1:])
        return keras.Input(batch_shape=shape, dtype=tensor.dtype, name=tensor.name)

    inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    inputs = keras.tree.map_structure(batch_of, inputs)
    return keras.models.clone_model(model, input_tensors=inputs, clone_function=share_or_rebuild)


def _leaves(part):
    """The layers of a model, nested ones too; of a layer, itself."""
    if not isinstance(part, keras.Model):
        return [part]
    return [leaf for layer in part.layers for leaf in _leaves(layer)]


def _is_recurrent(layer):
    return isinstance(layer, (keras.layers.RNN, CarriedState))


def _looks_back(layer):
    convolution = isinstance(layer, keras.layers.Conv1D) and past_inputs(layer)
    return convolution or isinstance(layer, CarriedInputs)


def _check_calls(model):
    """One state serves one series: a layer that is called twice would mix two."""
    nodes = {}
    if not isinstance(model, keras.Sequential):
        nodes = {entry["name"]: entry["inbound_nodes"] for entry in model.get_config()["layers"]}
    for layer in model.layers:
        twice = len(nodes.get(layer.name, ())) > 1
        if twice and any(_is_recurrent(leaf) or _looks_back(leaf) for leaf in _leaves(layer)):
            raise ValueError(
                f"{model.name!r} has no stateful twin: it calls layer {layer.name!r} more than "
                "once, and one state cannot serve two series."
            )
        if isinstance(layer, keras.Model):
            _check_calls(layer)
