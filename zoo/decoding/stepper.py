"""Runs a sequence model one time step at a time, with the past kept in a state.

Keras visits the calls of the model's layers in order. Each becomes a step rule that knows what it
must remember: a causal convolution its last inputs, a recurrent layer its cell's state, a layer
that treats every time step alike nothing.
"""

import keras
from keras import ops

from zoo.decoding.step_rules import CannotStepError, step_rule_for

_ADVICE = (
    "A model can be stepped if it is made of causal Conv1D layers with strides=1, recurrent layers "
    "(SimpleRNN, LSTM, GRU, RNN over a cell), layers that treat every time step alike (Dense, "
    "Activation, normalisation of the last axis, Dropout, Add, Multiply, Concatenate of the last "
    "axis, a Reshape that keeps the time axis, ...), layers with a method step of their own, and "
    "nested models of these. Forecasts of any other recompute the whole window: "
    "forecast_recursively(..., cached=False)."
)


class Stepper:
    """Feeds a causal model one time step at a time; equal to calling it on the whole series.

    A causal convolution keeps a queue of its last `(kernel_size - 1) * dilation_rate` inputs, at
    first zeros, which is its padding; a recurrent layer keeps its cell's state. The work of a step
    does not grow with the series or the dilation. Dropout is inactive. The weights are the
    model's own: training it further changes the steps too.

    A state is a flat list of tensors whose first axis is the batch.

    Args:
        model: Functional or sequential model with one input `(batch, time, ...)` and one output.
            The window length with which it was built does not matter.

    Raises:
        ValueError: If the model holds a layer that cannot be stepped; the message names it.

    >>> model = zoo.wavenet((None, 1), horizon=3)
    >>> series = np.random.default_rng(42).normal(size=(2, 20, 1)).astype("float32")
    >>> stepper = zoo.decoding.Stepper(model)
    >>> state = stepper.initial_state(batch_size=2)
    >>> for t in range(20):
    ...     forecast, state = stepper.step(series[:, t : t + 1], state, t)
    >>> forecast.shape
    TensorShape([2, 1, 3, 1])
    >>> np.allclose(forecast[:, 0], model(series)[:, -1], atol=1e-5)
    True

    Reference: Paine et al., *Fast WaveNet generation algorithm*, 2016.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self._calls: list = []  # (step rule, keys of its inputs), in order; key 0 is the input
        self._is_series = [True]  # whether the value of a key still has the time axis
        self._output = self._add_model(model, 0)
        self._sizes = [len(rule.initial_state(1)) for rule, _ in self._calls]

    @property
    def stateful_layers(self) -> list[keras.Layer]:
        """The layers that must remember something, once for each of their calls."""
        calls = zip(self._calls, self._sizes, strict=True)
        return [rule.layer for (rule, _), size in calls if size]

    def initial_state(self, batch_size):
        """The state before the first step: a flat list of tensors, the batch first."""
        return [part for rule, _ in self._calls for part in rule.initial_state(batch_size)]

    def step(self, inputs, state, position):
        """Makes one time step: the outputs at it, `(batch, 1, ...)`, and the next state.

        Args:
            inputs: The next step of the series, `(batch, 1, features)`.
            state: From `initial_state` or the step before.
            position: How many steps there were before, a whole number or int32 scalar.
        """
        values, after = [ops.convert_to_tensor(inputs)], []
        for (rule, keys), size in zip(self._calls, self._sizes, strict=True):
            mine, state = state[:size], state[size:]
            output, mine = rule.step([values[key] for key in keys], mine, position)
            values.append(output)
            after += mine
        return values[self._output], after

    def _add_model(self, model, source):
        """Adds the calls of a (nested) model; returns the key of its output."""
        if not hasattr(model, "inputs"):
            raise ValueError(
                "Stepping reads the graph of a functional model, or of a sequential one that is "
                f"built. {model.name!r} is a {type(model).__name__} without one."
            )
        first, _ = _only(model.inputs, model, "input"), _only(model.outputs, model, "output")
        if len(first.shape) < 2:
            raise ValueError(
                f"Stepping needs an input of shape (batch, time, ...). {model.name!r} takes "
                f"{first.shape}."
            )
        first = keras.Input(batch_shape=first.shape, dtype=first.dtype)
        keys = {id(first): source}

        def visit(layer, *args, **kwargs):
            try:
                inputs, others = keras.tree.flatten(args), keras.tree.flatten(kwargs)
                tensors = [isinstance(part, keras.KerasTensor) for part in (*inputs, *others)]
                if len(args) != 1 or tensors != [True] * len(inputs) + [False] * len(others):
                    raise CannotStepError("it is called with more than its inputs")
                if kwargs.get("training"):
                    raise CannotStepError("it is called with training=True")
                if not all(id(part) in keys for part in inputs):
                    raise CannotStepError("it reads a second output of another layer")
                key = self._add(layer, [keys[id(part)] for part in inputs], inputs, kwargs)
            except CannotStepError as error:
                kind = "Layer" if isinstance(layer, keras.layers.Layer) else "Operation"
                raise ValueError(
                    f"{kind} {layer.name!r} ({type(layer).__name__}) of {model.name!r} cannot be "
                    f"stepped: {error}. {_ADVICE}"
                ) from None
            outputs = layer(*args, **kwargs)
            keys[id(keras.tree.flatten(outputs)[0])] = key
            return outputs

        # A plain model of the same graph, as Keras visits the calls of functional models only; it
        # is not compiled either, and nor is its clone.
        graph = keras.Model(model.inputs, model.outputs, name=model.name)
        twin = keras.models.clone_model(
            graph, input_tensors=[first], clone_function=lambda layer: layer, call_function=visit
        )
        return keys[id(twin.outputs[0])]

    def _add(self, layer, keys, inputs, arguments):
        """Adds one call of a layer; returns the key of its output."""
        if isinstance(layer, keras.Model):
            return self._add_model(layer, keys[0])
        are_series = [self._is_series[key] for key in keys]
        rule = step_rule_for(layer, [part.shape for part in inputs], are_series, arguments)
        self._calls.append((rule, keys))
        self._is_series.append(are_series[0] and rule.keeps_time)
        return len(self._calls)


def _only(ends, model, kind):
    if len(ends) != 1:
        raise ValueError(f"Stepping needs a model with one {kind}. {model.name!r} has {len(ends)}.")
    return ends[0]
