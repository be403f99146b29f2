"""What every forecaster of the catalogue keeps to, and what is special to some."""

import warnings

import keras
import numpy as np
import pytest

import zoo
from tests.shared import shaken
from zoo.catalog import CATALOG

FORECASTERS = [info.name for info in CATALOG if info.task == "forecast"]

#: Every kind of sequence-to-sequence model, small.
SEQUENCE_MODELS = {
    "conv_gru": {"name": "conv_gru", "filters": 4, "units": 4},
    "conv_gru padded": {"name": "conv_gru", "filters": 4, "units": 4, "kernel_size": 5},
    "conv_gru strides 3": {"name": "conv_gru", "filters": 4, "units": 4, "strides": 3},
    "wavenet": {"name": "wavenet", "filters": 4},
    "wavenet_lite": {"name": "wavenet_lite", "filters": 16, "kernel_size": 3},
    "simple_rnn cells": {"name": "deep_rnn", "cell": "simple_rnn", "units": 4},
    "lstm cells": {"name": "deep_rnn", "cell": "lstm", "units": 4},
    "gru cells": {"name": "deep_rnn", "cell": "gru", "units": 4, "batch_normalization": True},
    "layer_norm cells": {"name": "deep_rnn", "cell": "layer_norm", "units": 4},
}


def build(name, **arguments):
    """A model, without the warning that it does not see all that it is given."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*never used", UserWarning)
        return zoo.create_model(name, **arguments)


def call(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def normal(*shape):
    return np.random.default_rng(42).normal(size=shape).astype("float32")


def test_the_catalogue_holds_every_built_in_model():
    assert set(FORECASTERS) <= set(zoo.list_models())
    assert len(FORECASTERS) >= 6


@pytest.mark.parametrize("name", FORECASTERS)
@pytest.mark.parametrize(("head", "extra"), [("point", ()), ("quantile", (2,)), ("gaussian", (2,))])
def test_shapes_of_all_heads(name, head, extra):
    model = build(name, input_shape=(12, 3), horizon=4, targets=2, head=head, quantiles=(0.2, 0.7))
    batch, time_out, *rest = model.output_shape
    assert (batch, rest) == (None, [4, 2, *extra])
    outputs = call(shaken(model), normal(5, 12, 3))
    assert outputs.shape == (5, time_out, 4, 2, *extra)
    if head == "quantile":
        assert np.all(np.diff(outputs, axis=-1) >= 0)
    if head == "gaussian":
        assert outputs[..., 1].min() > 0


@pytest.mark.parametrize("name", FORECASTERS)
def test_the_last_output_depends_on_the_last_input(name):
    model = shaken(build(name, input_shape=(13, 1), horizon=2))
    x = normal(3, 13, 1)
    changed = x.copy()
    changed[:, -1] += 1.0
    assert np.abs(call(model, changed) - call(model, x))[:, -1].min() > 1e-6


@pytest.mark.parametrize("case", SEQUENCE_MODELS)
def test_no_output_sees_its_own_future(case):
    model = shaken(build(**SEQUENCE_MODELS[case], input_shape=(20, 1), horizon=2))
    stride, time_out = zoo.output_stride(model), model.output_shape[1]
    position = 19 - stride * (time_out - 1 - np.arange(time_out))  # where each output stands
    assert time_out > 5
    x = np.stack([normal(4, 20, 1)] * 20)
    changed = x + (np.arange(20) >= np.arange(20)[:, None])[:, None, :, None]
    before, after = (
        call(model, each.reshape(80, 20, 1)) for each in (x, changed.astype("float32"))
    )
    difference = np.abs(after - before).reshape(20, 4, time_out, -1).max(axis=(1, 3))
    for step in range(20):
        assert np.all(difference[step, position < step] == 0)
        assert np.all(difference[step, position == step] > 1e-7)


@pytest.mark.parametrize("strides", [1, 2, 3, 5])
@pytest.mark.parametrize(("time", "kernel_size"), [(50, 4), (11, 4), (3, 4), (10, 1)])
def test_conv_gru_aligns_its_last_output_with_the_last_input(time, kernel_size, strides):
    model = zoo.conv_gru((time, 1), kernel_size=kernel_size, strides=strides, filters=2, units=2)
    assert zoo.output_stride(model) == strides
    x = normal(1, time, 1)
    changed = x.copy()
    changed[:, -1] += 1.0
    shaken(model)
    assert np.abs(call(model, x) - call(model, changed))[:, -1].max() > 1e-7


def test_output_strides_multiply_through_nested_models():
    inner = zoo.conv_gru((25, 4), strides=2)
    inputs = keras.Input((50, 1))
    x = keras.layers.Conv1D(4, 3, strides=2, padding="causal")(inputs)
    assert zoo.output_stride(keras.Model(inputs, inner(x))) == 4
    assert zoo.output_stride(zoo.deep_rnn((None, 1))) == 1


def sees(model, time):
    """How many of the newest input steps change the last output."""
    x = np.random.default_rng(3).uniform(0.1, 0.5, (1, time, 1)).astype("float32")
    x = np.repeat(x, time + 1, axis=0)
    x[np.arange(time), np.arange(time)] += 1.0
    last = call(model, x)[:, -1].reshape(time + 1, -1)
    changed = np.abs(last[:-1] - last[-1]).max(axis=1) > 0
    first = int(np.argmax(changed))
    assert changed[first:].all()
    return time - first


@pytest.mark.parametrize("kernel_size", [2, 3])
@pytest.mark.parametrize(("num_blocks", "num_layers"), [(1, 1), (1, 3), (2, 2)])
def test_the_receptive_field_is_what_the_model_sees(kernel_size, num_blocks, num_layers):
    sizes = {"kernel_size": kernel_size, "num_blocks": num_blocks, "num_layers": num_layers}
    rates = [2**index for index in range(num_layers)] * num_blocks
    lite = shaken(zoo.wavenet_lite((None, 1), filters=3, **sizes))
    for weight in lite.weights:
        weight.assign(np.abs(weight))  # no ReLU blocks the way
    assert sees(lite, 40) == zoo.receptive_field(kernel_size, rates)
    gated = shaken(zoo.wavenet((None, 1), filters=8, **sizes))
    for weight in gated.weights:
        if "skip/bias" in weight.path:
            weight.assign(3.0 * np.ones(weight.shape))
        elif "output_dense" in weight.path:
            weight.assign(np.abs(weight))
    assert sees(gated, 40) == zoo.receptive_field(kernel_size, [1, *rates])


def test_a_window_longer_than_the_receptive_field_warns_once_at_the_caller():
    with pytest.warns(UserWarning, match=r"sees 31 steps .* of 50: the oldest 19") as caught:
        zoo.wavenet_lite((50, 1))
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(UserWarning, match="wavenet sees 5 steps"):
        zoo.wavenet((6, 1), num_blocks=1, num_layers=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        zoo.wavenet((5, 1), num_blocks=1, num_layers=2)


WRONG = [
    ("wavenet", {"horizon": 0}, "horizon must be .* 0"),
    ("wavenet", {"targets": 1.5}, r"targets must be .* 1\.5"),
    ("wavenet", {"horizon": True}, "horizon must be .* True"),
    ("wavenet", {"head": "points"}, "point, quantile, gaussian.*head='points'"),
    ("wavenet", {"head": "quantile", "quantiles": (0.5, 0.1)}, r"increasing .*\(0\.5, 0\.1\)"),
    ("wavenet", {"head": "quantile", "quantiles": (0.0, 0.5)}, "between 0 and 1"),
    ("wavenet", {"head": "quantile", "quantiles": ()}, r"Received: \(\)"),
    ("wavenet", {"head": "quantile", "quantiles": 1.5}, r"Received: \(1\.5,\)"),
    ("wavenet", {"input_shape": 50}, r"\(time or None, features\).*50"),
    ("wavenet", {"input_shape": (50, None)}, r"\(50, None\)"),
    ("wavenet", {"input_shape": (0, 1)}, r"\(0, 1\)"),
    ("wavenet", {"num_layers": 0}, "num_layers must be .* 0"),
    ("wavenet", {"num_blocks": 0}, "num_blocks must be .* 0"),
    ("wavenet", {"kernel_size": 0}, "kernel_size must be .* 0"),
    ("wavenet", {"skip_filters": 0}, "skip_filters must be .* 0"),
    ("wavenet", {"dropout": 1.0}, r"\[0, 1\).*1\.0"),
    ("wavenet_lite", {"filters": -1}, "filters must be .* -1"),
    ("wavenet_lite", {"num_layers": 0}, "num_layers must be .* 0"),
    ("linear_forecaster", {"input_shape": (None, 1)}, r"\(time, features\).*None"),
    ("conv_gru", {"input_shape": (None, 1)}, r"\(time, features\).*None"),
    ("conv_gru", {"strides": 0}, "strides must be .* 0"),
    ("conv_gru", {"num_layers": 0}, "num_layers must be .* 0"),
    ("conv_gru", {"dropout": -0.1}, r"\[0, 1\).*-0\.1"),
    ("deep_rnn", {"cell": "rnn"}, "simple_rnn, lstm, gru, layer_norm.*cell='rnn'"),
    ("deep_rnn", {"units": 2.5}, r"units must be .* 2\.5"),
    ("deep_rnn", {"num_layers": 0}, "num_layers must be .* 0"),
    ("simple_rnn", {"num_layers": 0}, "num_layers must be .* 0"),
    ("simple_rnn", {"num_layers": -1, "recurrent_head": True}, "num_layers must be .* -1"),
]


@pytest.mark.parametrize(("name", "arguments", "message"), WRONG)
def test_wrong_arguments_are_named(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.create_model(name, **{"input_shape": (12, 1), **arguments})


def test_the_book_models_have_their_sizes():
    single = zoo.simple_rnn((None, 1), num_layers=0, recurrent_head=True)
    assert single.count_params() == 3
    assert single.output_shape == (None, 1, 1, 1)
    deep = zoo.simple_rnn((None, 1), recurrent_head=True)
    assert deep.count_params() == 440 + 820 + 22
    assert zoo.conv_gru((50, 1), horizon=10).output_shape == (None, 24, 10, 1)
    assert not any("align" in layer.name for layer in zoo.conv_gru((50, 1)).layers)
