import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.layers import (
    Denormalization,
    Difference,
    GatedActivation,
    GaussianParameters,
    LayerNormRNNCell,
    SeasonalResidual,
    SortQuantiles,
)

RNG = np.random.default_rng(42)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_the_gate_is_one_tanh_times_one_sigmoid():
    x = normal(2, 5, 6)
    expected = np.tanh(x[..., :3]) / (1 + np.exp(-x[..., 3:]))
    np.testing.assert_allclose(GatedActivation()(x), expected, atol=1e-6)
    with pytest.raises(ValueError, match="must be even"):
        GatedActivation()(normal(2, 5))


@pytest.mark.parametrize("activation", ["tanh", "relu", None])
def test_the_layer_norm_cell_follows_its_recurrence(activation):
    cell = LayerNormRNNCell(3, activation=activation)
    rnn = keras.layers.RNN(cell, return_sequences=True)
    x = normal(2, 6, 4)
    rnn.build(x.shape)
    kernel, recurrent, bias, gamma, beta = (normal(*w.shape) for w in cell.weights)
    rnn.set_weights([kernel, recurrent, bias, gamma, beta])
    assert [w.path.split("/")[-1] for w in cell.weights] == [
        "kernel",
        "recurrent_kernel",
        "bias",
        "gamma",
        "beta",
    ]
    activate = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0), None: lambda z: z}[activation]
    state, expected = np.zeros((2, 3)), []
    for t in range(6):
        z = x[:, t] @ kernel + state @ recurrent + bias
        z = (z - z.mean(axis=1, keepdims=True)) / np.sqrt(z.var(axis=1, keepdims=True) + 1e-3)
        state = activate(gamma * z + beta)
        expected.append(state)
    np.testing.assert_allclose(rnn(x), np.stack(expected, axis=1), rtol=1e-4, atol=1e-4)


def test_sorted_quantiles_never_cross():
    x = normal(2, 3, 4, 1, 5)
    np.testing.assert_array_equal(SortQuantiles()(x), np.sort(x, axis=-1))


def test_gaussian_parameters():
    x = np.array([[-3.0, 0.0], [5.0, -60.0], [0.0, 60.0]], "float32")
    outputs = to_numpy(GaussianParameters(minimum_stddev=0.01)(x))
    np.testing.assert_array_equal(outputs[:, 0], x[:, 0])
    np.testing.assert_allclose(outputs[:, 1], [np.log(2) + 0.01, 0.01, 60.01], rtol=1e-6)


MEAN, SCALE = [1.0, -2.0], [3.0, 0.5]


@pytest.mark.parametrize("head", ["point", "quantile"])
def test_target_units_scale_and_shift_each_target(head):
    x = normal(2, 4, 3, 2) if head == "point" else normal(2, 4, 3, 2, 5)
    axes = (2,) if head == "point" else (2, 1)
    scale, mean = (np.reshape(v, axes) for v in (SCALE, MEAN))
    outputs = Denormalization(MEAN, SCALE, head)(x)
    np.testing.assert_allclose(outputs, x * scale + mean, rtol=1e-5, atol=1e-6)


def test_target_units_scale_but_do_not_shift_a_standard_deviation():
    x = normal(2, 4, 3, 2, 2)
    outputs = to_numpy(Denormalization(MEAN, SCALE, "gaussian")(x))
    np.testing.assert_allclose(outputs[..., 0], x[..., 0] * SCALE + MEAN, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(outputs[..., 1], x[..., 1] * SCALE, rtol=1e-5, atol=1e-6)


def test_difference_of_some_channels():
    x = normal(2, 7, 3)
    outputs = to_numpy(Difference(lag=3, channels=2)(x))
    np.testing.assert_allclose(outputs[..., :2], x[:, 3:, :2] - x[:, :-3, :2], atol=1e-6)
    np.testing.assert_array_equal(outputs[..., 2:], x[:, 3:, 2:])
    assert Difference(3).compute_output_shape((None, 7, 3)) == (None, 4, 3)
    assert Difference(3).compute_output_shape((None, None, 3)) == (None, None, 3)


def seasonal_naive(series, origin, horizon, lag):
    """What a practitioner writes: repeat the last season before the forecast."""
    season = series[:, origin + 1 - lag : origin + 1]
    return np.stack([season[:, step % lag] for step in range(horizon)], axis=1)


@settings(max_examples=25, deadline=None)
@given(
    lag=st.integers(1, 5),
    horizon=st.integers(1, 12),
    stride=st.integers(1, 3),
    time_out=st.integers(1, 4),
    targets=st.integers(1, 2),
    extra=st.integers(0, 4),
)
def test_no_residual_is_the_seasonal_naive_forecast(lag, horizon, stride, time_out, targets, extra):
    time = lag + stride * (time_out - 1) + extra
    series = normal(2, time, targets + 1)
    residual = np.zeros((2, time_out, horizon, targets), "float32")
    outputs = to_numpy(SeasonalResidual(lag, stride)([residual, series]))
    for j in range(time_out):
        origin = time - 1 - stride * (time_out - 1 - j)
        expected = seasonal_naive(series[..., :targets], origin, horizon, lag)
        np.testing.assert_array_equal(outputs[:, j], expected)


@pytest.mark.parametrize("head", ["quantile", "gaussian"])
def test_the_residual_is_added_to_every_value_but_a_standard_deviation(head):
    series, residual = normal(2, 8, 2), normal(2, 3, 5, 2, 2)
    base = to_numpy(SeasonalResidual(4)([np.zeros((2, 3, 5, 2), "float32"), series]))
    outputs = to_numpy(SeasonalResidual(4, head=head)([residual, series]))
    np.testing.assert_allclose(outputs[..., 0], residual[..., 0] + base, atol=1e-6)
    shift = base if head == "quantile" else 0.0
    np.testing.assert_allclose(outputs[..., 1], residual[..., 1] + shift, atol=1e-6)


@pytest.mark.parametrize("lag", [1, 3, 7])
def test_difference_and_residual_undo_each_other(lag):
    """The true changes, put back on the last known values, give the true future."""
    horizon, time = lag, 20
    series = normal(2, time + horizon, 1)
    inputs = keras.Input((time + horizon, 1))
    changes = Difference(lag)(inputs)
    ahead = keras.layers.Reshape((1, horizon, 1))(changes[:, -horizon:])
    past = keras.layers.Cropping1D((0, horizon))(inputs)
    model = keras.Model(inputs, SeasonalResidual(lag)([ahead, past]))
    np.testing.assert_allclose(to_numpy(model(series))[:, 0], series[:, time:], atol=1e-5)
