"""What a `Stepper` does with each kind of layer, and what that must remember."""

import inspect
import math

import keras
from keras import layers, ops

import zoo.layers

_POINTWISE = (
    layers.Dense, layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Softmax,
    layers.Rescaling, layers.Normalization, layers.LayerNormalization, layers.BatchNormalization,
    layers.UnitNormalization, layers.Dropout, layers.SpatialDropout1D, layers.GaussianDropout,
    layers.GaussianNoise, layers.AlphaDropout, layers.ActivityRegularization,
    layers.TimeDistributed, zoo.layers.GatedActivation, zoo.layers.GaussianParameters,
    zoo.layers.SortQuantiles, zoo.layers.Denormalization,
)  # fmt: skip
# These take a series without features, too.
_OF_IDS = (layers.Embedding, zoo.layers.OneHot, layers.Identity, zoo.layers.Tokenizer)
_MERGE = (
    layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum,
    layers.Concatenate,
)  # fmt: skip


class CannotStepError(Exception):
    """Why a layer cannot be stepped."""


def step_rule_for(layer, shapes, are_series, arguments):
    """The step rule for one call of a layer.

    It knows the shapes of the inputs, whether each still has the time axis, and other arguments.

    Returns:
        A rule, with `layer`, `keeps_time`, `initial_state(batch_size)` and `step(inputs, state,
        position)`, where `inputs` is a list.

    Raises:
        CannotStepError: If the layer cannot be stepped.
    """
    if isinstance(layer, (zoo.layers.StatefulRNN, zoo.layers.StatefulConv1D)):
        layer = layer.layer  # steps have a state of their own
    reverse = {"reverse": True} if arguments.get("reverse") else {}  # an embedding as the head
    if not any(are_series):
        return _AsIs(layer, reverse)  # behind the last step of a recurrent layer: no time left
    if not all(are_series):
        raise CannotStepError("it joins a series with its last step")
    if isinstance(layer, layers.Conv1D):
        return _CausalConv(layer)
    if isinstance(layer, layers.RNN):
        return _Recurrent(layer, shapes[0])
    if isinstance(layer, layers.Reshape):
        return _Reshape(layer, shapes[0])
    if isinstance(layer, _OF_IDS) and not getattr(layer, "mask_zero", False):
        return _AsIs(layer, reverse)
    if hasattr(layer, "initial_state") and hasattr(layer, "step"):
        return _Own(layer)
    if not isinstance(layer, _POINTWISE + _MERGE):
        raise CannotStepError("it is not known to treat every time step alike")
    rank = len(shapes[0])
    if any(len(shape) != rank for shape in shapes):
        raise CannotStepError(f"it joins inputs of different ranks, {shapes}")
    axes = getattr(layer, "axis", -1)
    axes = [axes] if isinstance(axes, int) else axes or []
    if any(axis % rank < 2 for axis in axes):
        raise CannotStepError("it acts along the time axis")
    return _AsIs(layer)


class _Own:
    """A layer that knows itself how to make a step."""

    keeps_time = True

    def __init__(self, layer):
        self.layer = layer

    def initial_state(self, batch_size):
        return self.layer.initial_state(batch_size)

    def step(self, inputs, state, position):
        return self.layer.step(inputs[0], state, position)


class _AsIs:
    """A layer that treats every time step alike."""

    keeps_time = True

    def __init__(self, layer, arguments=()):
        self.layer = layer
        self.arguments = {**_inactive(layer), **dict(arguments)}

    def initial_state(self, batch_size):
        return []

    def step(self, inputs, state, position):
        return self.layer(inputs[0] if len(inputs) == 1 else inputs, **self.arguments), []


class _Reshape(_AsIs):
    """A reshape of the axes behind the time axis."""

    def __init__(self, layer, shape):
        super().__init__(layer)
        time, *sizes = shape[1:]
        first, *rest = layer.target_shape
        size = None if None in sizes else math.prod(sizes)
        if -1 in rest and size is not None and first == time:
            rest[rest.index(-1)] = size // -math.prod(rest)
        if first not in (time, -1) or size is None or math.prod(rest) != size:
            raise CannotStepError(
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

    keeps_time = True

    def __init__(self, layer):
        (width,), (rate,), (stride,) = layer.kernel_size, layer.dilation_rate, layer.strides
        if stride != 1 or layer.data_format != "channels_last":
            raise CannotStepError(f"strides={stride}, data_format={layer.data_format!r}")
        if width > 1 and layer.padding != "causal":
            raise CannotStepError(f"padding={layer.padding!r} is not causal")
        self.layer, self.rate, self.span = layer, rate, (width - 1) * rate

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
        return ops.reshape(ops.einsum("bkgi,kigo->bgo", taps, kernel), (-1, filters))


class _Recurrent:
    """A recurrent layer: its cell, called once."""

    def __init__(self, layer, shape):
        for name in ("go_backwards", "stateful", "return_state"):
            if getattr(layer, name):
                raise CannotStepError(f"{name}=True")
        if len(shape) != 3:
            raise CannotStepError(f"its input has the shape {shape}")
        self.layer = layer
        self.keeps_time = layer.return_sequences
        self.arguments = _inactive(layer.cell)
        self.structure = keras.tree.map_structure(lambda _: 0, layer.get_initial_state(1))

    def initial_state(self, batch_size):
        return keras.tree.flatten(self.layer.get_initial_state(batch_size))

    def step(self, inputs, state, position):
        x = ops.cast(inputs[0], self.layer.compute_dtype)
        state = keras.tree.pack_sequence_as(self.structure, state)
        output, state = self.layer.cell(x[:, 0], state, **self.arguments)
        output = ops.expand_dims(output, 1) if self.keeps_time else output
        return output, keras.tree.flatten(state)


def _inactive(layer):
    """The argument that keeps dropout off and averages as they are, where a layer takes it."""
    return {"training": False} if "training" in inspect.signature(layer.call).parameters else {}
