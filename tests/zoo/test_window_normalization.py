"""Windows that are normalised by themselves, and forecasters that see them so."""

import functools
import warnings

import keras
import numpy as np
import pytest

import zoo
from tests.shared import assert_close, run_on_jax, shaken
from zoo.catalog import CATALOG
from zoo.layers import WindowDenormalization, WindowNormalization

FORECASTERS = [info.name for info in CATALOG if info.task == "forecast"]
TIME, FEATURES, TARGETS, HORIZON = 12, 3, 2, 4
#: One that reads covariates and one that does not; the others run with the slow tests.
FEW = [
    name if name in ("nlinear", "wavenet") else pytest.param(name, marks=pytest.mark.slow)
    for name in FORECASTERS
]
SIZES = {"input_shape": (TIME, FEATURES), "targets": TARGETS, "horizon": HORIZON}
SERIES = np.random.default_rng(42).normal(size=(5, TIME, FEATURES)).astype("float32")


#: Small enough for random weights to give forecasts of about the size of the series.
SMALL = {
    "nhits": {"units": 4},
    "nbeats": {"units": 4, "num_layers": 1},
    "patchtst": {"num_heads": 2, "embedding_dim": 4, "feed_forward_dim": 4, "num_layers": 1},
    "wavenet": {"filters": 4, "num_layers": 3},
}


def arrays(outputs):
    return [keras.ops.convert_to_numpy(each) for each in keras.tree.flatten(outputs)]


def call(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def test_standard_windows():
    x, shift, scale = arrays(WindowNormalization(channels=2, epsilon=0.5)(SERIES))
    mean, variance = (f(SERIES[..., :2], axis=1, keepdims=True) for f in (np.mean, np.var))
    assert_close(shift, mean)
    assert_close(scale, np.sqrt(variance + 0.5))
    assert_close(x[..., :2], (SERIES[..., :2] - mean) / np.sqrt(variance + 0.5))
    np.testing.assert_array_equal(x[..., 2:], SERIES[..., 2:])


def test_windows_from_their_last_value():
    x, shift, scale = arrays(WindowNormalization("last")(SERIES))
    np.testing.assert_array_equal(x, SERIES - SERIES[:, -1:])
    np.testing.assert_array_equal(shift, SERIES[:, -1:])
    np.testing.assert_array_equal(scale, np.ones((5, 1, FEATURES)))


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("method", ["last", "standard"])
def test_the_way_there_and_back(method, affine):
    """A window, itself taken for the forecast, comes back."""
    layer = WindowNormalization(method, affine=affine)
    layer.build(SERIES.shape)
    if affine:
        layer.set_weights([np.float32([0.5, -2.0, 3.0]), np.float32([1.0, 0.0, -1.0])])
    x, shift, scale = layer(SERIES + 100)
    forecast = keras.ops.expand_dims(x, 1)
    assert_close(WindowDenormalization()([forecast, shift, scale])[:, 0], SERIES + 100)


def test_the_affine_map_of_each_channel():
    layer = WindowNormalization(affine=True, channels=2)
    layer.build(SERIES.shape)
    plain = arrays(WindowNormalization(channels=2)(SERIES))[0]
    gamma, beta = np.float32([0.5, -2.0]), np.float32([1.0, 3.0])
    layer.set_weights([gamma, beta])
    x = arrays(layer(SERIES))[0]
    assert_close(x[..., :2], plain[..., :2] * gamma + beta)
    np.testing.assert_array_equal(x[..., 2:], SERIES[..., 2:])


def test_each_kind_of_forecast_comes_back():
    forecast = np.random.default_rng(1).normal(size=(5, 1, 4, 2, 2)).astype("float32")
    shift, scale = np.float32([[[1.0, 2.0, 9.0]]] * 5), np.float32([[[3.0, 0.5, 9.0]]] * 5)
    a, b = np.float32([3.0, 0.5]), np.float32([1.0, 2.0])
    point = WindowDenormalization()([forecast[..., 0], shift, scale])
    assert_close(point, forecast[..., 0] * a + b)
    quantiles = WindowDenormalization("quantile")([forecast, shift, scale])
    assert_close(quantiles, forecast * a[:, None] + b[:, None])
    gaussian = arrays(WindowDenormalization("gaussian")([forecast, shift, scale]))[0]
    assert_close(gaussian[..., 0], forecast[..., 0] * a + b)
    assert_close(gaussian[..., 1], forecast[..., 1] * a)


@functools.cache
def plain(name):
    """A model for the tests that leave it as it is."""
    return core(name)


def core(name, **arguments):
    """A model with weights, and without the warning that it does not read all features."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*never used", UserWarning)
        return shaken(zoo.create_model(name, **SIZES, **{**SMALL.get(name, {}), **arguments}))


@pytest.mark.parametrize("name", FORECASTERS)
def test_any_forecaster_can_see_windows_so(name):
    check_windows(name, "standard")


@pytest.mark.parametrize("name", FEW)
def test_any_forecaster_can_see_windows_from_their_last_value(name):
    check_windows(name, "last")


def check_windows(name, method):
    inner = plain(name)
    model = zoo.normalize_windows(inner, method)
    assert model.output_shape == (None, 1, HORIZON, TARGETS)
    x = SERIES[..., :TARGETS]
    shift = x[:, -1:] if method == "last" else x.mean(axis=1, keepdims=True)
    scale = 1.0 if method == "last" else np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    normalized = np.concatenate([(x - shift) / scale, SERIES[..., TARGETS:]], axis=-1)
    forecast = call(inner, normalized)[:, -1]
    expected = forecast * scale + shift
    assert np.abs(forecast).max() < 20
    assert_close(call(model, SERIES)[:, 0], expected, 512)
    assert model.count_params() == inner.count_params()


@pytest.mark.parametrize("name", FEW)
def test_forecasts_follow_a_shifted_level(name):
    """What RevIN is for: a level never seen before changes nothing else."""
    model = zoo.normalize_windows(core(name, head="gaussian"), head="gaussian")
    shift = np.float32([64.0, -32.0, 0.0])
    before, after = call(model, SERIES), call(model, SERIES + shift)
    # As exact as a window can be whose values have lost the digits that 64 takes.
    assert_close(after[..., 0], before[..., 0] + shift[:TARGETS], 4096)
    assert_close(after[..., 1], before[..., 1], 4096)


def test_past_covariates_can_be_normalised_as_well():
    model = zoo.normalize_windows(core("wavenet", num_layers=2), channels=FEATURES)
    before, after = call(model, SERIES), call(model, 2 * SERIES + 5)
    assert_close(after, 2 * before + 5, 4096)


def test_normalized_models_are_saved_and_sampled_and_stepped_over(tmp_path):
    inner = zoo.deep_rnn((TIME, 1), horizon=1, dropout=0.5, units=4)
    model = shaken(zoo.normalize_windows(inner, affine=True))
    assert model.count_params() == inner.count_params() + 2
    assert zoo.output_stride(model) == 1
    x = SERIES[..., :1]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(call(loaded, x), call(model, x))
    assert zoo.monte_carlo(model, x, samples=3).mean.shape == (5, 1, 1, 1)
    found = zoo.decoding.forecast_recursively(model, x, steps=2)
    first = call(model, x)[:, 0]
    second = call(model, np.concatenate([x[:, 1:], first], axis=1))[:, 0]
    assert_close(found, np.concatenate([first, second], axis=1))
    with pytest.raises(ValueError, match="cannot be stepped"):
        zoo.decoding.forecast_recursively(model, x, steps=2, cached=True)


WRONG = [
    ({"method": "first"}, "last, standard. Received: method='first'"),
    ({"head": "points"}, "point, quantile, gaussian.*head='points'"),
    ({"head": "quantile"}, "has not such a head.*head='quantile'"),
    ({"channels": 1}, r"channels from 2 .* to 3 .*channels=1"),
    ({"channels": 4}, r"channels from 2 .* to 3 .*channels=4"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.normalize_windows(core("deep_rnn", units=3), **arguments)


@pytest.mark.parametrize("name", ["nlinear", "dlinear", "nhits", "nbeats", "patchtst"])
def test_models_of_single_series_say_what_they_do_not_read(name):
    with pytest.warns(UserWarning, match=f"{name} .*1 features behind the 2 .* never") as caught:
        zoo.create_model(name, **SIZES)
    assert len(caught) == 1


JAX_CHECK = """
import sys, keras, numpy as np, zoo
from tests.shared import assert_close
assert keras.backend.backend() == "jax"
data = np.load(sys.argv[1] + "/data.npz")
for name in sys.argv[2:]:
    model = zoo.load(f"{sys.argv[1]}/{name}.keras")
    assert_close(model.predict(data["x"], verbose=0), data[name], 512, err_msg=name)
    model.compile("adam", "mse", jit_compile=True)
    keras.utils.set_random_seed(0)  # dropout
    losses = model.fit(data["x"], data[name] + 1, epochs=10, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and min(losses[1:]) < losses[0], name
"""


@pytest.mark.slow  # a forecaster trains, and test_beam.py attends, on JAX every day
@pytest.mark.jax
@pytest.mark.parametrize(
    "names",
    [
        ["nlinear", "patchtst"],
        pytest.param(["dlinear", "nhits", "nbeats", "tsmixer"], marks=pytest.mark.slow),
    ],
)
def test_on_jax(names, tmp_path):
    pytest.importorskip("jax", reason="needs the jax extra")
    models = {name: zoo.normalize_windows(core(name), affine=True) for name in names}
    for name, model in models.items():
        model.save(tmp_path / f"{name}.keras")
    found = {name: call(model, SERIES) for name, model in models.items()}
    np.savez(tmp_path / "data.npz", x=SERIES, **found)
    run_on_jax(JAX_CHECK, str(tmp_path), *names)
