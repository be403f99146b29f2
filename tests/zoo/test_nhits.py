"""N-HiTS and N-BEATS, beside NumPy."""

import numpy as np
import pytest
from keras import ops

import zoo
from tests.shared import assert_close, shaken
from zoo.layers import TimeBasis

TIME, HORIZON, TARGETS = 11, 5, 2
SIZES = {"input_shape": (TIME, TARGETS), "horizon": HORIZON, "targets": TARGETS, "units": 6}


def normal(*shape):
    return np.random.default_rng(42).normal(size=shape).astype("float32")


X = normal(4, TIME, TARGETS)


def call(model, x):
    return ops.convert_to_numpy(model(x))


def dense(model, name, x):
    kernel, bias = (np.array(weight) for weight in model.get_layer(name).weights)
    return x @ kernel + bias


def pooled(x, size):
    """Maxima of neighbours in the last axis; what is missing is missing on both sides alike."""
    missing = -x.shape[-1] % size
    edges = [(0, 0)] * (x.ndim - 1) + [(missing // 2, missing - missing // 2)]
    x = np.pad(x, edges, constant_values=-np.inf)
    return x.reshape(*x.shape[:-1], -1, size).max(axis=-1)


def interpolated(values, length):
    steps, knots = np.linspace(0, 1, length), np.linspace(0, 1, values.shape[-1])
    return np.apply_along_axis(lambda one: np.interp(steps, knots, one), -1, values)


@pytest.mark.parametrize(("count", "length"), [(1, 4), (2, 5), (3, 5), (4, 9), (5, 5), (1, 1)])
def test_interpolation(count, length):
    values = normal(3, 2, count)
    assert_close(TimeBasis("interpolation", length)(values), interpolated(values, length))


def test_trends_are_polynomials():
    coefficients = normal(3, 4)
    expected = np.polynomial.polynomial.polyval(np.arange(6) / 6, coefficients.T)
    assert_close(TimeBasis("trend", 6)(coefficients), expected)


def test_seasonalities_are_sums_of_waves():
    a, b, c, d, e = coefficients = normal(5)
    t = 2 * np.pi * np.arange(8) / 8
    expected = a + b * np.cos(t) + c * np.cos(2 * t) + d * np.sin(t) + e * np.sin(2 * t)
    assert_close(TimeBasis("seasonality", 8)(coefficients[None])[0], expected)
    with pytest.raises(ValueError, match=r"odd number .* Received: 4"):
        TimeBasis("seasonality", 8)(normal(1, 4))


def test_blocks_read_what_is_left_and_their_forecasts_add_up():
    model = shaken(zoo.nhits(**SIZES, pooling=(3, 1), downsampling=(4, 1), num_blocks=2))
    left, forecast = np.swapaxes(X, 1, 2), 0.0
    for stack, pool in enumerate((3, 1)):
        for block in range(2):
            prefix = f"stack_{stack}_block_{block}"
            y = pooled(left, pool)
            for index in range(2):
                y = np.maximum(dense(model, f"{prefix}_dense_{index}", y), 0)
            values = dense(model, f"{prefix}_forecast_coefficients", y)
            assert values.shape[-1] == -(-HORIZON // (4, 1)[stack])
            forecast = forecast + interpolated(values, HORIZON)
            if (stack, block) != (1, 1):
                values = dense(model, f"{prefix}_backcast_coefficients", y)
                assert values.shape[-1] == -(-TIME // (4, 1)[stack])
                left = left - interpolated(values, TIME)
    assert_close(call(model, X)[:, 0], np.swapaxes(forecast, 1, 2), 256)


def test_generic_nbeats_is_nhits_without_pooling_and_downsampling():
    ones = {"pooling": (1, 1), "downsampling": (1, 1)}
    one = shaken(zoo.nhits(**SIZES, **ones, num_layers=4))
    other = zoo.nbeats(**SIZES, stacks=["generic", "generic"])
    other.set_weights(one.get_weights())
    np.testing.assert_array_equal(call(one, X), call(other, X))


@pytest.mark.parametrize("degree", [1, 2])
def test_a_trend_is_no_more_than_its_degree(degree):
    model = shaken(zoo.nbeats(**SIZES, stacks=["trend"], degree=degree))
    found = np.float64(call(model, X)[:, 0])
    assert_close(np.diff(found, degree + 1, axis=1), 0 * found[:, degree + 1 :])
    assert np.abs(np.diff(found, degree, axis=1)).max() > 1e-2


@pytest.mark.parametrize("horizon", [1, 2, 5, 6])
def test_horizons_of_any_length(horizon):
    model = shaken(zoo.nbeats((3, 1), horizon=horizon, units=4, head="quantile"))
    assert call(model, X[:, :3, :1]).shape == (4, 1, horizon, 1, 3)


WRONG = [
    ("nhits", {"pooling": (2, 1)}, r"pooling=\(2, 1\), downsampling=\(4, 2, 1\)"),
    ("nhits", {"pooling": (), "downsampling": ()}, "at least one stack"),
    ("nhits", {"pooling": (2, 2, 0)}, "pooling must be .* 0"),
    ("nhits", {"units": 0}, "units must be .* 0"),
    ("nbeats", {"stacks": ["trend", "noise"]}, "trend, seasonality, generic.*'noise'"),
    ("nbeats", {"stacks": []}, "at least one stack"),
    ("nbeats", {"degree": 0}, "degree must be .* 0"),
    ("nbeats", {"num_blocks": 0}, "num_blocks must be .* 0"),
    ("nbeats", {"dropout": 1.0}, r"\[0, 1\).*1\.0"),
]


@pytest.mark.parametrize(("name", "arguments", "message"), WRONG)
def test_wrong_arguments_are_named(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.create_model(name, **{**SIZES, **arguments})
