"""The linear forecasters, beside NumPy."""

import numpy as np
import pytest
from keras import ops

import zoo
from tests.shared import assert_close, shaken
from zoo.layers import MovingAverage

TIME, HORIZON, TARGETS = 9, 4, 3


def normal(*shape):
    return np.random.default_rng(42).normal(size=shape).astype("float32")


X = normal(5, TIME, TARGETS)
SIZES = {"input_shape": (TIME, TARGETS), "horizon": HORIZON, "targets": TARGETS}


def call(model, x):
    return ops.convert_to_numpy(model(x))


def mapped(layer, x):
    """The layer's linear map of every column of `x`, `(batch, horizon, targets)`."""
    kernel, bias = (np.array(weight) for weight in layer.weights)
    columns = np.moveaxis(x, 2, 0)
    kernels, biases = ([part] * TARGETS if kernel.ndim == 2 else part for part in (kernel, bias))
    found = [c @ k + b for c, k, b in zip(columns, kernels, biases, strict=True)]
    return np.stack(found, axis=-1)


def averaged(x, kernel_size):
    """A moving average, slowly: steps beyond the ends count as the outermost ones."""
    before = (kernel_size - 1) // 2
    steps = range(x.shape[1])
    found = [
        [x[:, min(max(t + j - before, 0), len(steps) - 1)] for j in range(kernel_size)]
        for t in steps
    ]
    return np.stack([np.mean(each, axis=0) for each in found], axis=1)


@pytest.mark.parametrize("individual", [False, True])
def test_nlinear_maps_the_way_from_the_last_value(individual):
    model = shaken(zoo.nlinear(**SIZES, individual=individual))
    last = X[:, -1:]
    expected = last + mapped(model.get_layer("linear"), X - last)
    assert_close(call(model, X)[:, 0], expected)


@pytest.mark.parametrize("individual", [False, True])
def test_dlinear_maps_the_trend_and_the_rest(individual):
    model = shaken(zoo.dlinear(**SIZES, kernel_size=4, individual=individual))
    trend = averaged(X, 4)
    maps = (model.get_layer(f"{part}_linear") for part in ("trend", "remainder"))
    expected = sum(mapped(layer, x) for layer, x in zip(maps, (trend, X - trend), strict=True))
    assert_close(call(model, X)[:, 0], expected)


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 8, 25])
def test_moving_averages(kernel_size):
    assert_close(MovingAverage(kernel_size)(X), averaged(X, kernel_size))


@pytest.mark.parametrize("head", ["point", "quantile", "gaussian"])
def test_nlinear_without_weights_repeats_the_last_value(head):
    model = zoo.nlinear(**SIZES, head=head)
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    found = call(model, X)
    if head == "gaussian":
        assert_close(found[..., 1], np.full((5, 1, HORIZON, TARGETS), np.log(2) + 1e-3))
        found = found[..., 0]
    elif head == "quantile":
        assert np.ptp(found, axis=-1).max() == 0
        found = found[..., 0]
    np.testing.assert_array_equal(found, np.repeat(X[:, None, -1:], HORIZON, axis=2))


@pytest.mark.parametrize("name", ["nlinear", "dlinear"])
def test_one_map_for_all_or_one_each(name):
    few, many = (
        zoo.create_model(name, **SIZES, individual=individual) for individual in (False, True)
    )
    assert few.count_params() * TARGETS == many.count_params()


@pytest.mark.parametrize("name", ["nlinear", "dlinear"])
def test_first_weights_are_small(name):
    """Those of a dense layer's default would be twice as large for a long window."""
    model = zoo.create_model(name, input_shape=(400, 1), horizon=2)
    for weight in model.weights:
        assert np.abs(weight).max() <= 400**-0.5
