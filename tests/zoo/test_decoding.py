import gc
import weakref

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

import zoo
from tests.shared import assert_close, every_day, run_on_jax, shaken
from zoo.decoding import Stepper, forecast_recursively

RNG = np.random.default_rng(42)


def series_for(model, time=12, batch=2):
    shape = (batch, time, model.input_shape[2])
    return np.random.default_rng(42).normal(size=shape).astype("float32")


def call(model, series):
    return keras.ops.convert_to_numpy(model(series, training=False))


def stepped(model, series):
    """Outputs of all steps, `(batch, time, ...)`."""
    stepper = Stepper(model)
    state = stepper.initial_state(len(series))
    outputs = []
    for t in range(series.shape[1]):
        output, state = stepper.step(series[:, t : t + 1], state, t)
        outputs.append(keras.ops.convert_to_numpy(output))
    return np.concatenate(outputs, axis=1)


def assert_steps_equal_whole(model, series):
    outputs = stepped(model, series)
    if model.output_shape[1] == 1:  # forecasts from the last step only
        whole = [call(model, series[:, : t + 1]) for t in range(series.shape[1])]
        assert_close(outputs, np.concatenate(whole, axis=1))
    else:
        assert_close(outputs, call(model, series))


def growing(model, context, steps, future=None, point=None):
    """Forecasts made the plain way: call the model on everything so far."""
    series, targets = context, model.output_shape[3]
    for step in range(steps):
        value = call(model, series)[:, -1:, 0]
        value = value if point is None else value[..., point]
        if future is not None:
            value = np.concatenate([value, future[:, step : step + 1]], axis=-1)
        series = np.concatenate([series, value], axis=1)
    return series[:, -steps:, :targets]


STEPPED = {
    "wavenet": lambda: zoo.wavenet((None, 2), 3, targets=2, filters=4, num_blocks=2, num_layers=2),
    "wavenet kernel 3": lambda: zoo.wavenet((None, 1), filters=4, kernel_size=3, num_layers=2),
    "wavenet one layer": lambda: zoo.wavenet((None, 1), filters=4, num_blocks=1, num_layers=1),
    "wavenet dropout": lambda: zoo.wavenet((None, 1), filters=4, num_layers=2, dropout=0.5),
    "wavenet quantile": lambda: zoo.wavenet((None, 1), 2, filters=4, num_layers=2, head="quantile"),
    "lite": lambda: zoo.wavenet_lite((None, 3), 2, targets=2, filters=4, num_layers=3),
    "lite kernel 5": lambda: zoo.wavenet_lite((None, 1), filters=4, kernel_size=5, num_layers=2),
    "lite gaussian": lambda: zoo.wavenet_lite((None, 1), filters=4, dropout=0.3, head="gaussian"),
    "simple_rnn": lambda: zoo.simple_rnn((None, 2), 3, targets=2, units=5),
    "simple_rnn head": lambda: zoo.simple_rnn((None, 1), 3, units=5, recurrent_head=True),
    "simple": lambda: zoo.deep_rnn((None, 1), 2, cell="simple_rnn", units=4, dropout=0.2),
    "lstm": lambda: zoo.deep_rnn((None, 2), 2, targets=2, cell="lstm", units=4),
    "gru": lambda: zoo.deep_rnn((None, 1), 2, cell="gru", units=4, batch_normalization=True),
    "layer_norm": lambda: zoo.deep_rnn((None, 1), 2, cell="layer_norm", units=4, head="gaussian"),
    "last step": lambda: zoo.deep_rnn((None, 1), 2, units=4, return_sequences=False, dropout=0.2),
}


SOME = ("wavenet", "lite kernel 5", "lite gaussian", "simple_rnn head", "lstm", "gru", "last step")


@pytest.mark.parametrize("name", every_day(SOME, STEPPED))
def test_stepping_equals_the_whole_series(name):
    model = shaken(STEPPED[name]())
    assert_steps_equal_whole(model, series_for(model))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("wavenet", {"filters": 4, "num_blocks": 1, "num_layers": 6}), ("deep_rnn", {"units": 4})],
)
def test_the_window_of_the_build_does_not_matter(name, arguments):
    arguments = {"horizon": 3, "head": "quantile", **arguments}
    free = shaken(zoo.create_model(name, input_shape=(None, 1), **arguments))
    fixed = zoo.create_model(name, input_shape=(50, 1), **arguments)
    fixed.set_weights(free.get_weights())
    series = series_for(free, time=60)
    assert_close(stepped(fixed, series), call(free, series))


@settings(max_examples=12, deadline=None)
@given(
    stack=st.lists(
        st.tuples(
            st.integers(1, 5),  # kernel size
            st.integers(1, 7),  # dilation
            st.sampled_from([1, 2]),  # groups
            st.sampled_from([None, "relu", "tanh"]),
            st.booleans(),  # bias
        ),
        min_size=1,
        max_size=3,
    ),
    batch=st.integers(1, 3),
)
def test_any_stack_of_causal_convolutions(stack, batch):
    inputs = x = keras.Input((None, 2))
    for kernel_size, dilation_rate, groups, activation, use_bias in stack:
        x = layers.Conv1D(
            4,
            kernel_size,
            dilation_rate=dilation_rate,
            groups=groups,
            activation=activation,
            use_bias=use_bias,
            padding="causal",
        )(x)
    model = shaken(keras.Model(inputs, x))
    assert_steps_equal_whole(model, series_for(model, time=9, batch=batch))


def test_a_nested_model_with_units():
    core = zoo.wavenet((None, 2), 2, filters=4, num_layers=2, head="gaussian")
    inputs = keras.Input((None, 2))
    x = layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 9.0])(inputs)
    outputs = zoo.layers.Denormalization([1.0], [2.0], head="gaussian")(core(x))
    model = keras.Model(inputs, outputs)
    assert_steps_equal_whole(shaken(model), series_for(model))
    context = series_for(model)
    future = RNG.normal(size=(2, 5, 1)).astype("float32")
    expected = growing(model, context, 5, future, point=0)
    assert_close(forecast_recursively(model, context, 5, future), expected)


@pytest.mark.parametrize("calls", [1, 2])
def test_a_nested_model_may_come_last(calls):
    core = keras.Sequential([keras.Input((None, 2)), layers.Conv1D(2, 3, padding="causal")])
    for nested in (core, keras.Model(core.inputs, core.outputs)):
        inputs = x = keras.Input((None, 2))
        for _ in range(calls):
            x = nested(x)
        model = keras.Model(inputs, x)
        assert_steps_equal_whole(model, series_for(model))


def test_a_layer_and_a_nested_model_used_twice_remember_apart():
    conv = layers.Conv1D(3, 3, padding="causal", activation="tanh")
    part = keras.Sequential([keras.Input((None, 3)), layers.GRU(3, return_sequences=True)])
    inputs = keras.Input((None, 3))
    once = conv(inputs)
    outputs = layers.Subtract()([part(conv(once)), part(once)])
    model = shaken(keras.Model(inputs, outputs))
    assert_steps_equal_whole(model, series_for(model))


def test_the_layers_that_treat_every_step_alike():
    inputs = keras.Input((10, 4))
    x = layers.Conv1D(4, 1)(inputs)
    y = layers.TimeDistributed(layers.Dense(4, activation="relu"))(x)
    y = layers.LayerNormalization()(layers.SpatialDropout1D(0.5)(y))
    x = layers.Concatenate()([layers.Add()([x, y]), layers.Multiply()([x, y]), inputs])
    x = layers.BatchNormalization()(layers.Rescaling(2.0)(x))
    x = layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)], return_sequences=True)(x)
    x = layers.Softmax()(layers.Reshape((-1, 2, 2))(x))
    model = shaken(keras.Model(inputs, x))
    assert_steps_equal_whole(model, series_for(model, time=10))


def test_token_models_can_be_stepped():
    parts = [keras.Input((None,), dtype="int32"), layers.Embedding(7, 4)]
    parts += [layers.GRU(4, return_sequences=True), layers.Dense(7)]
    model = keras.Sequential(parts)
    assert_steps_equal_whole(model, RNG.integers(0, 7, (2, 6)).astype("int32"))


def functional(*parts, shape=(8, 2)):
    inputs = x = keras.Input(shape)
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x)


def joined_with_its_last_step():
    inputs = keras.Input((8, 2))
    return keras.Model(inputs, layers.Add(name="culprit")([inputs, layers.LSTM(2)(inputs)]))


def stateful():
    inputs = keras.Input(batch_shape=(1, 8, 2))
    rnn = layers.GRU(2, return_sequences=True, stateful=True, name="culprit")
    return keras.Model(inputs, rnn(inputs))


REFUSED = {
    "strided": lambda: functional(layers.Conv1D(2, 2, strides=2, name="culprit")),
    "looks ahead": lambda: functional(layers.Conv1D(2, 3, padding="same", name="culprit")),
    "flatten": lambda: functional(layers.Flatten(name="culprit"), layers.Dense(1)),
    "reshape": lambda: functional(layers.Reshape((1, 16), name="culprit")),
    "difference": lambda: functional(zoo.layers.Difference(1, name="culprit")),
    "bidirectional": lambda: functional(
        layers.Bidirectional(layers.GRU(2, return_sequences=True), name="culprit")
    ),
    "backwards": lambda: functional(layers.GRU(2, go_backwards=True, name="culprit")),
    "stateful": stateful,
    "pooling": lambda: functional(layers.AveragePooling1D(2, name="culprit")),
    "time average": lambda: functional(layers.LayerNormalization(axis=[1, 2], name="culprit")),
    "time softmax": lambda: functional(layers.Softmax(axis=1, name="culprit")),
    "dense over time": lambda: functional(layers.Dense(3, name="culprit"), shape=(8,)),
    "last step": joined_with_its_last_step,
    "nested": lambda: functional(
        layers.Dense(2), functional(layers.GlobalMaxPooling1D(name="culprit"))
    ),
    "operation": lambda: functional(lambda x: keras.ops.cumsum(x, axis=1)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_layers_are_refused_by_name(name):
    kind = "Operation 'cumsum' .Cumsum." if name == "operation" else "Layer 'culprit'"
    with pytest.raises(ValueError, match=f"(?s)^{kind}.*cannot be stepped: .*causal Conv1D"):
        Stepper(REFUSED[name]())


def test_several_inputs_are_refused():
    a, b = keras.Input((8, 2)), keras.Input((8, 2))
    several = keras.Model([a, b], layers.Add()([a, b]))
    for model in (several, keras.Model(a, several([a, a]))):
        with pytest.raises(ValueError, match=r"one input.*has 2"):
            Stepper(model)


class WithoutGraph(keras.Model):
    def call(self, inputs):
        return inputs


def test_models_without_a_graph_are_refused():
    unbuilt = keras.Sequential([layers.Dense(2)])
    for model in (WithoutGraph(), unbuilt, functional(WithoutGraph())):
        with pytest.raises(ValueError, match=r"reads the graph.* is a \w+ without one\."):
            Stepper(model)
    inputs = keras.Input(())
    flat = keras.Model(inputs, layers.Activation("relu")(inputs), name="flat")
    with pytest.raises(ValueError, match=r"\(batch, time, ...\)\. 'flat' takes \(None,\)"):
        Stepper(flat)


def with_a_constant():
    inputs = keras.Input((8, 2))
    return keras.Model(inputs, layers.Add(name="culprit")([inputs, np.ones((1, 8, 2), "float32")]))


def always_dropping():
    inputs = keras.Input((8, 2))
    return keras.Model(inputs, layers.Dropout(0.5, name="culprit")(inputs, training=True))


@pytest.mark.parametrize(
    ("build", "reason"),
    [(always_dropping, "training=True"), (with_a_constant, "more than its inputs")],
)
def test_calls_that_a_step_cannot_make_are_refused(build, reason):
    with pytest.raises(ValueError, match=f"(?s)'culprit'.*cannot be stepped: .*{reason}"):
        Stepper(build())


def test_reading_a_graph_changes_neither_model_nor_its_compilation():
    model = shaken(STEPPED["gru"]())
    loss = lambda y, outputs: keras.ops.mean(y - outputs)  # noqa: E731 - no file can name it
    model.compile("sgd", loss, run_eagerly=True)
    config = model.get_config()
    stepped(model, series_for(model))
    assert model.get_config() == config
    model.train_on_batch(series := series_for(model), call(model, series))
    assert_steps_equal_whole(model, series)


def test_a_state_is_a_flat_list_whose_first_axis_is_the_batch():
    state = Stepper(zoo.deep_rnn((None, 1), cell="lstm", units=4)).initial_state(3)
    assert isinstance(state, list)
    assert [tuple(part.shape) for part in state] == [(3, 4)] * 4
    queues = Stepper(zoo.wavenet_lite((None, 1), filters=4, kernel_size=3)).initial_state(3)
    assert [queue.shape[1] for queue in queues] == [2, 4, 8, 16] * 2


def test_outputs_do_not_depend_on_the_rest_of_the_batch():
    model = shaken(STEPPED["lite"]())
    series = series_for(model, batch=3)
    alone = np.concatenate([stepped(model, series[i : i + 1]) for i in range(3)])
    assert_close(stepped(model, series), alone)
    context = series[..., :2]
    model = shaken(STEPPED["wavenet"]())
    together = forecast_recursively(model, context, 4)
    alone = np.concatenate([forecast_recursively(model, context[i : i + 1], 4) for i in range(3)])
    assert_close(together, alone)


@pytest.mark.parametrize(
    ("name", "point"),
    [("wavenet", None), ("wavenet quantile", 1), ("layer_norm", 0), ("last step", None)],
)
def test_forecast_recursively_equals_a_growing_context(name, point):
    model = shaken(STEPPED[name]())
    context = series_for(model)
    result = forecast_recursively(model, context, 6)
    assert result.shape == (2, 6, model.output_shape[3])
    assert_close(result, growing(model, context, 6, point=point))


def test_another_quantile_can_be_fed_back():
    model = shaken(STEPPED["wavenet quantile"]())
    context = series_for(model)
    expected = growing(model, context, 4, point=2)
    assert_close(forecast_recursively(model, context, 4, point=2), expected)


@pytest.mark.usefixtures("loops_with_xla")
def test_future_covariates_are_used_step_by_step():
    model = shaken(zoo.deep_rnn((None, 3), horizon=2, targets=1, units=4))
    context, future = series_for(model), RNG.normal(size=(2, 5, 2)).astype("float32")
    for cached in (True, False):
        result = forecast_recursively(model, context, 5, future, cached=cached)
        first = growing(model, context, 5, future)
        assert_close(result[:, :1], first[:, :1])
        later = future.copy()
        later[:, 3:] += 1.0  # future[:, 3] first matters to the forecast of step 4
        changed = forecast_recursively(model, context, 5, later, cached=cached)
        np.testing.assert_array_equal(changed[:, :4], result[:, :4])
        assert np.abs(changed[:, 4] - result[:, 4]).min() > 1e-6
    assert_close(forecast_recursively(model, context, 5, future), first)


@pytest.mark.parametrize("name", ["linear_forecaster", "conv_gru"])
def test_other_models_slide_their_window(name):
    model = shaken(zoo.create_model(name, input_shape=(8, 1), horizon=2))
    context = series_for(model, time=11)
    series = context
    for _ in range(4):
        value = call(model, series[:, -8:])[:, -1:, 0]
        series = np.concatenate([series, value], axis=1)
    assert_close(forecast_recursively(model, context, 4), series[:, -4:])
    with pytest.raises(ValueError, match="cannot be stepped"):
        forecast_recursively(model, context, 4, cached=True)
    with pytest.raises(ValueError, match="at least the 8 steps"):
        forecast_recursively(model, context[:, :7], 4)


def test_both_ways_agree_while_the_receptive_field_fits_into_the_window():
    fits = shaken(zoo.wavenet((None, 1), filters=4, num_blocks=1, num_layers=3))  # sees 9 steps
    context = series_for(fits, time=9)
    cached, slid = (
        forecast_recursively(fits, context, 5, cached=cached) for cached in (True, False)
    )
    assert_close(cached, slid)
    context = context[:, -5:]
    cached, slid = (
        forecast_recursively(fits, context, 5, cached=cached) for cached in (True, False)
    )
    assert_close(cached[:, 0], slid[:, 0])
    assert np.abs(cached[:, 1:] - slid[:, 1:]).max() > 1e-4


def test_the_loop_is_compiled_once_and_follows_the_weights(monkeypatch):
    traces = []
    step = Stepper.step
    monkeypatch.setattr(Stepper, "step", lambda *a: traces.append(1) or step(*a))
    model = shaken(STEPPED["lstm"]())
    context = series_for(model)
    first = forecast_recursively(model, context, 5)
    compiled = len(traces)
    assert 0 < compiled < 5
    np.testing.assert_array_equal(forecast_recursively(model, context, 5), first)
    model.set_weights([0.5 * weight for weight in model.get_weights()])
    second = forecast_recursively(model, context, 5)
    assert len(traces) == compiled
    assert_close(second, growing(model, context, 5))
    assert np.abs(second - first).max() > 1e-3


def test_the_compiled_loop_goes_with_its_model():
    model = zoo.deep_rnn((None, 1), units=2, num_layers=1)
    forecast_recursively(model, np.zeros((1, 3, 1)), 2)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_generation_leaves_the_model_as_it_was(tmp_path):
    model = shaken(STEPPED["gru"]())
    context = series_for(model)
    model.save(tmp_path / "before.keras")
    weights = [weight.path for weight in model.weights]
    expected = forecast_recursively(model, context, 5)
    assert [weight.path for weight in model.weights] == weights
    model.save(tmp_path / "after.keras")
    for name in ("before", "after"):
        loaded = keras.models.load_model(tmp_path / f"{name}.keras")
        assert_close(forecast_recursively(loaded, context, 5), expected)
        assert_close(stepped(loaded, context), call(model, context))


def test_wrong_arguments():
    model = STEPPED["lstm"]()
    context = np.zeros((2, 5, 2))
    with pytest.raises(ValueError, match=r"steps must be .* 0"):
        forecast_recursively(model, context, 0)
    with pytest.raises(ValueError, match=r"\(batch, time, 2\).*\(2, 5, 3\)"):
        forecast_recursively(model, np.zeros((2, 5, 3)), 3)
    with pytest.raises(ValueError, match=r"future_covariates must have the shape \(2, 3, 0\)"):
        forecast_recursively(model, context, 3, np.zeros((2, 3, 1)))
    with pytest.raises(ValueError, match=r"2 features and forecasts 1: the other 1 must be known"):
        forecast_recursively(zoo.deep_rnn((None, 2), units=2), context, 3)
    with pytest.raises(ValueError, match="every target among the features"):
        forecast_recursively(zoo.deep_rnn((None, 1), targets=2, units=2), context, 3)
    with pytest.raises(ValueError, match="need a forecaster"):
        forecast_recursively(functional(layers.Flatten(), layers.Dense(1)), context, 3)
    even = zoo.deep_rnn((None, 1), units=2, head="quantile", quantiles=(0.2, 0.8))
    with pytest.raises(ValueError, match="Pass its index as point"):
        forecast_recursively(even, context[..., :1], 3)
    with pytest.raises(ValueError, match=r"\[0, 2\)"):
        forecast_recursively(even, context[..., :1], 3, point=2)


JAX_CHECK = """
import keras, numpy as np, zoo
from zoo.decoding import forecast_recursively
assert keras.backend.backend() == "jax"
context = np.random.default_rng(0).normal(size=(2, 9, 1)).astype("float32")
for model in (
    zoo.wavenet((None, 1), 2, filters=4, kernel_size=3, num_layers=2, dropout=0.1),
    zoo.deep_rnn((None, 1), 2, cell="lstm", units=4, dropout=0.1),
    zoo.conv_gru((9, 1), filters=4, units=4),
):
    series = context
    for _ in range(4):
        window = series[:, -9:] if model.name == "conv_gru" else series
        value = np.asarray(model(window))[:, -1:, 0]
        series = np.concatenate([series, value], axis=1)
    np.testing.assert_allclose(forecast_recursively(model, context, 4), series[:, -4:], atol=1e-5)
parts = [keras.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(2)]
model = keras.Sequential(parts)
first, second = (zoo.monte_carlo(model, np.ones((3, 4)), 20, seed=1) for _ in range(2))
assert first.stddev.min() > 0
np.testing.assert_array_equal(first.samples, second.samples)
"""


@pytest.mark.slow
@pytest.mark.jax
def test_on_jax():
    pytest.importorskip("jax", reason="needs the jax extra")
    run_on_jax(JAX_CHECK)
