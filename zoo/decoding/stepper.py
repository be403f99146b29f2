"""Runs a sequence model one time step at a time, with the past kept in a state.

The model's graph is read from its public `get_config()`. Each layer becomes an instruction that
knows what it must remember: a causal convolution its last inputs, a recurrent layer its cell's
state, a layer that treats every time step alike nothing.
"""

import inspect
import math
from collections import deque

import keras
from keras import layers, ops

from zoo.layers import GatedActivation, GaussianParameters, SortQuantiles, TargetUnits

_POINTWISE = (
    layers.Dense,
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.ELU,
    layers.Softmax,
    layers.Identity,
    layers.Rescaling,
    layers.Normalization,
    layers.LayerNormalization,
    layers.BatchNormalization,
    layers.UnitNormalization,
    layers.Dropout,
    layers.SpatialDropout1D,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.AlphaDropout,
    layers.ActivityRegularization,
    layers.TimeDistributed,
    GatedActivation,
    GaussianParameters,
    SortQuantiles,
    TargetUnits,
)
_MERGE = (
    layers.Add,
    layers.Subtract,
    layers.Multiply,
    layers.Average,
    layers.Maximum,
    layers.Minimum,
    layers.Concatenate,
)
_ADVICE = (
    "A model can be stepped if it is made of causal Conv1D layers with strides=1, recurrent layers "
    "(SimpleRNN, LSTM, GRU, RNN over a cell), layers that treat every time step alike (Dense, "
    "Activation, normalisation of the last axis, Dropout, Add, Multiply, Concatenate of the last "
    "axis, a Reshape that keeps the time axis, ...) and nested models of these. Recompute the "
    "whole window for any other: roll_out(..., cached=False)."
)


class Stepper:
    """Feeds a causal model one time step at a time; equal to calling it on the whole series.

    A causal convolution keeps a queue of its last `(kernel_size - 1) * dilation_rate` inputs, at
    first zeros, which is its padding; a recurrent layer keeps its cell's state. The work of a step
    does not grow with the series or the dilation. Dropout is inactive. The weights are the
    model's own: training it further changes the steps too.

    A state is a flat tuple of tensors whose first axis is the batch.

    Args:
        model: Functional or sequential model with one input `(batch, time, ...)` and one output.
            The window length with which it was built does not matter.

    Raises:
        ValueError: If the model holds a layer that cannot be stepped; the message names it.

    Example:
        >>> import numpy as np, zoo
        >>> model = zoo.wavenet((None, 1), horizon=3)
        >>> series = np.random.default_rng(42).normal(size=(2, 20, 1)).astype("float32")
        >>> stepper = zoo.decoding.Stepper(model)
        >>> state = stepper.initial_state(batch_size=2)
        >>> for t in range(20):
        ...     forecast, state = stepper.step(series[:, t : t + 1], state)
        >>> forecast.shape
        TensorShape([2, 1, 3, 1])
        >>> np.allclose(forecast[:, 0], model(series)[:, -1], atol=1e-5)
        True

    Reference:
        Paine et al., *Fast WaveNet generation algorithm*, 2016.
    """

    def __init__(self, model):
        self.model = model
        self._instructions = []  # (instruction, keys of its inputs), in order; key 0 is the input
        self._shapes = {}
        self._is_series = {}  # whether a value still has the time axis
        shape = _only(model.inputs, model, "input").shape
        if len(shape) < 2:
            raise ValueError(
                f"Stepping needs an input of shape (batch, time, ...). {model.name!r} takes "
                f"{tuple(shape)}."
            )
        self._shapes[0], self._is_series[0] = tuple(shape), True
        self._output = self._add_model(model, 0)

    def initial_state(self, batch_size):
        """The state before the first step: nothing seen yet.

        Args:
            batch_size: Number of series to step together.

        Returns:
            A flat tuple of tensors, the batch first.
        """
        state = [ops.zeros((batch_size,), "int32")]  # how many steps were made
        for instruction, _ in self._instructions:
            state += instruction.initial_state(batch_size)
        return tuple(state)

    def step(self, inputs, state):
        """Makes one time step.

        Args:
            inputs: The next step of the series, `(batch, 1, features)`.
            state: From `initial_state` or the step before.

        Returns:
            The outputs at this step, `(batch, 1, ...)`, and the next state.
        """
        position, *state = state
        values, after = [ops.convert_to_tensor(inputs)], [position + 1]
        for instruction, keys in self._instructions:
            mine, state = state[: instruction.num_states], state[instruction.num_states :]
            arguments = [values[key] for key in keys]
            output, mine = instruction.step(arguments, mine, position[0])
            values.append(output)
            after += mine
        return values[self._output], tuple(after)

    def _add_model(self, model, source):
        """Adds the instructions of a (nested) model; returns the key of its output."""
        if isinstance(model, keras.Sequential):
            for layer in model.layers:
                source = self._add(layer, [source], model)
            return source
        config = model.get_config()
        if "layers" not in config or "output_layers" not in config:
            raise ValueError(
                f"Stepping reads the graph of a functional or sequential model. {model.name!r} is "
                f"a {type(model).__name__} without one."
            )
        _only(model.inputs, model, "input"), _only(model.outputs, model, "output")
        by_name = {layer.name: layer for layer in model.layers}
        keys = {_reference(config["input_layers"]): source}
        pending = deque()
        for entry in config["layers"]:
            for index, node in enumerate(entry["inbound_nodes"]):
                if entry["name"] not in by_name:
                    raise ValueError(
                        f"{model.name!r} applies the operation {entry['class_name']} "
                        f"({entry['name']!r}) outside of a layer, which cannot be stepped. "
                        f"{_ADVICE}"
                    )
                layer = by_name[entry["name"]]
                pending.append((layer, index, _call_inputs(layer, node, model)))
        while pending:
            layer, index, references = pending.popleft()
            if all(reference in keys for reference in references):
                inputs = [keys[reference] for reference in references]
                keys[layer.name, index, 0] = self._add(layer, inputs, model)
            else:
                pending.append((layer, index, references))
        return keys[_reference(config["output_layers"])]

    def _add(self, layer, keys, model):
        """Adds the instruction of one call of a layer; returns the key of its output."""
        if isinstance(layer, keras.Model):
            return self._add_model(layer, _only(keys, layer, "input"))
        shapes = [self._shapes[key] for key in keys]
        try:
            instruction = _instruction(layer, shapes, [self._is_series[key] for key in keys])
        except _CannotStepError as error:
            raise _refusal(layer, model, error) from None
        self._instructions.append((instruction, keys))
        key = len(self._instructions)
        shape = layer.compute_output_shape(shapes[0] if len(shapes) == 1 else shapes)
        self._shapes[key] = tuple(shape)
        gone = isinstance(instruction, _Recurrent) and not layer.return_sequences
        self._is_series[key] = self._is_series[keys[0]] and not gone
        return key


class _CannotStepError(Exception):
    """Why a layer cannot be stepped."""


def _refusal(layer, model, reason):
    return ValueError(
        f"Layer {layer.name!r} ({type(layer).__name__}) of {model.name!r} cannot be stepped: "
        f"{reason}. {_ADVICE}"
    )


def _only(items, model, kind):
    if len(items) != 1:
        raise ValueError(
            f"Stepping needs a model with one {kind}. {model.name!r} has {len(items)}."
        )
    return items[0]


def _reference(entry):
    """`(layer name, node, tensor)` out of however the config wraps the only input or output."""
    while not isinstance(entry[0] if isinstance(entry, (list, tuple)) else None, str):
        (entry,) = entry.values() if isinstance(entry, dict) else entry
    return tuple(entry)


def _call_inputs(layer, node, model):
    """References to the tensors that one call of a layer takes."""
    args, kwargs = node["args"], node["kwargs"]
    if len(args) != 1 or _references(kwargs):
        raise _refusal(layer, model, "it is called with more than its inputs")
    if kwargs.get("training"):
        raise _refusal(layer, model, "it is called with training=True")
    references = _references(args)
    if any(tensor != 0 for _, _, tensor in references):
        raise _refusal(layer, model, "it reads a second output of another layer")
    return references


def _references(entry):
    if isinstance(entry, dict):
        if entry.get("class_name") == "__keras_tensor__":
            return [tuple(entry["config"]["keras_history"])]
        entry = entry.values()
    if isinstance(entry, (str, bytes)) or not hasattr(entry, "__iter__"):
        return []
    return [reference for part in entry for reference in _references(part)]


def _instruction(layer, shapes, are_series):
    if not any(are_series):
        return _AsIs(layer)  # behind the last step of a recurrent layer, there is no time left
    if not all(are_series):
        raise _CannotStepError("it joins a series with its last step")
    if isinstance(layer, layers.Conv1D):
        return _CausalConv(layer)
    if isinstance(layer, layers.RNN):
        return _Recurrent(layer, shapes[0])
    if isinstance(layer, layers.Reshape):
        return _Reshape(layer, shapes[0])
    if isinstance(layer, layers.Embedding) and not layer.mask_zero:
        return _AsIs(layer)
    if not isinstance(layer, _POINTWISE + _MERGE):
        raise _CannotStepError("it is not known to treat every time step alike")
    rank = len(shapes[0])
    if any(len(shape) != rank for shape in shapes):
        raise _CannotStepError(f"it joins inputs of different ranks, {shapes}")
    axes = getattr(layer, "axis", -1)
    axes = [axes] if isinstance(axes, int) else axes or []
    if any(axis % rank < 2 for axis in axes):
        raise _CannotStepError("it acts along the time axis")
    return _AsIs(layer)


class _AsIs:
    """A layer that treats every time step alike."""

    num_states = 0

    def __init__(self, layer):
        self.layer = layer
        self.arguments = _inactive(layer)

    def initial_state(self, batch_size):
        return []

    def step(self, inputs, state, position):
        return self.layer(inputs[0] if len(inputs) == 1 else inputs, **self.arguments), []


class _Reshape(_AsIs):
    """A reshape of the axes behind the time axis."""

    def __init__(self, layer, shape):
        time, *sizes = shape[1:]
        first, *rest = layer.target_shape
        size = None if None in sizes else math.prod(sizes)
        if -1 in rest and size is not None and first == time:
            rest[rest.index(-1)] = size // -math.prod(rest)
        if first not in (time, -1) or size is None or math.prod(rest) != size:
            raise _CannotStepError(
                f"it does not keep the time axis: target_shape={layer.target_shape} of {shape[1:]}"
            )
        self.rest = rest

    def step(self, inputs, state, position):
        return ops.reshape(inputs[0], (-1, 1, *self.rest)), []


class _CausalConv:
    """A dilated causal convolution over a ring buffer of its last inputs.

    Input `t` lies in slot `t % span`, so that the oldest one is read from the slot that the newest
    one then takes, and nothing moves.
    """

    num_states = 1

    def __init__(self, layer):
        (self.width,), (self.rate,), (stride,) = (
            layer.kernel_size,
            layer.dilation_rate,
            layer.strides,
        )
        if stride != 1 or layer.data_format != "channels_last":
            raise _CannotStepError(f"strides={stride}, data_format={layer.data_format!r}")
        if self.width > 1 and layer.padding != "causal":
            raise _CannotStepError(f"padding={layer.padding!r} is not causal")
        self.layer = layer
        self.span = (self.width - 1) * self.rate
        self.num_states = 1 if self.span else 0

    def initial_state(self, batch_size):
        if not self.span:
            return []
        _, channels, _ = self.layer.kernel.shape
        channels *= self.layer.groups
        return [ops.zeros((batch_size, self.span, channels), self.layer.compute_dtype)]

    def step(self, inputs, state, position):
        dtype = self.layer.compute_dtype
        taps = x = ops.cast(inputs[0], dtype)
        if self.span:
            (queue,) = state
            back = ops.arange(self.span, 0, -self.rate, dtype="int32")
            past = ops.take(queue, (position + self.span - back) % self.span, axis=1)
            taps = ops.concatenate([past, x], axis=1)
            state = [ops.slice_update(queue, (0, position % self.span, 0), x)]
        outputs = self._weigh(taps)
        if self.layer.use_bias:
            outputs = outputs + ops.cast(self.layer.bias, dtype)
        return self.layer.activation(ops.expand_dims(outputs, 1)), state

    def _weigh(self, taps):
        kernel = ops.cast(self.layer.kernel, taps.dtype)
        width, channels, filters = kernel.shape
        groups = self.layer.groups
        if groups == 1:
            return ops.einsum("bki,kio->bo", taps, kernel)
        taps = ops.reshape(taps, (-1, width, groups, channels))
        kernel = ops.reshape(kernel, (width, channels, groups, filters // groups))
        outputs = ops.einsum("bkgi,kigo->bgo", taps, kernel)
        return ops.reshape(outputs, (-1, filters))


class _Recurrent:
    """A recurrent layer: its cell, called once."""

    def __init__(self, layer, shape):
        for name in ("go_backwards", "stateful", "return_state"):
            if getattr(layer, name):
                raise _CannotStepError(f"{name}=True")
        if len(shape) != 3:
            raise _CannotStepError(f"its input has the shape {shape}")
        self.layer = layer
        self.arguments = _inactive(layer.cell)
        self.structure = keras.tree.map_structure(lambda _: 0, layer.get_initial_state(1))
        self.num_states = len(keras.tree.flatten(self.structure))

    def initial_state(self, batch_size):
        return keras.tree.flatten(self.layer.get_initial_state(batch_size))

    def step(self, inputs, state, position):
        x = ops.cast(inputs[0], self.layer.compute_dtype)
        state = keras.tree.pack_sequence_as(self.structure, state)
        output, state = self.layer.cell(x[:, 0], state, **self.arguments)
        output = ops.expand_dims(output, 1) if self.layer.return_sequences else output
        return output, keras.tree.flatten(state)


def _inactive(layer):
    """The argument that keeps dropout off and averages as they are, where a layer takes it."""
    return {"training": False} if "training" in inspect.signature(layer.call).parameters else {}
