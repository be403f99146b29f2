"""Runs a sequence model one time step at a time, with the past kept in a state.

The model's graph is read from its public `get_config()`. Each layer becomes an instruction that
knows what it must remember: a causal convolution its last inputs, a recurrent layer its cell's
state, a layer that treats every time step alike nothing.
"""

from collections import deque

import keras
from keras import ops

from zoo.decoding.instructions import CannotStepError, instruction_for

_ADVICE = (
    "A model can be stepped if it is made of causal Conv1D layers with strides=1, recurrent layers "
    "(SimpleRNN, LSTM, GRU, RNN over a cell), layers that treat every time step alike (Dense, "
    "Activation, normalisation of the last axis, Dropout, Add, Multiply, Concatenate of the last "
    "axis, a Reshape that keeps the time axis, ...), layers with a method step of their own, and "
    "nested models of these. Forecasts of any other recompute the whole window: roll_out(..., "
    "cached=False)."
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
                source = self._add(layer, [source], model, {})
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
                references = _call_inputs(layer, node, model)
                pending.append((layer, index, references, node["kwargs"]))
        while pending:
            layer, index, references, arguments = pending.popleft()
            if all(reference in keys for reference in references):
                inputs = [keys[reference] for reference in references]
                keys[layer.name, index, 0] = self._add(layer, inputs, model, arguments)
            else:
                pending.append((layer, index, references, arguments))
        name, index, tensor = _reference(config["output_layers"])
        # Here, and only here, Keras counts the calls of a nested functional model from 1.
        nested = isinstance(by_name[name], keras.Model)
        nested = nested and not isinstance(by_name[name], keras.Sequential)
        return keys[name, index - nested, tensor]

    def _add(self, layer, keys, model, arguments):
        """Adds the instruction of one call of a layer; returns the key of its output."""
        if isinstance(layer, keras.Model):
            return self._add_model(layer, _only(keys, layer, "input"))
        shapes = [self._shapes[key] for key in keys]
        try:
            are_series = [self._is_series[key] for key in keys]
            instruction = instruction_for(layer, shapes, are_series, arguments)
        except CannotStepError as error:
            raise _refusal(layer, model, error) from None
        self._instructions.append((instruction, keys))
        key = len(self._instructions)
        reverse = {"reverse": True} if arguments.get("reverse") else {}
        shape = layer.compute_output_shape(shapes[0] if len(shapes) == 1 else shapes, **reverse)
        self._shapes[key] = tuple(shape)
        self._is_series[key] = self._is_series[keys[0]] and instruction.keeps_time
        return key


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
