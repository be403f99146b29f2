import itertools

import keras
import numpy as np
import pytest

import zoo
from tests.shared import traced_once


def normal(*shape):
    return np.random.default_rng(42).normal(size=shape).astype("float32")


def call(model, x, training=False):
    return keras.ops.convert_to_numpy(model(x, training=training))


CASES = [
    {},
    {"units": (6,), "noise": "gaussian", "output_activation": "sigmoid"},
    {"preset": "self_normalizing", "dropout": 0.1, "noise": "dropout", "noise_rate": 0.1},
    {"units": [7, 6, 5, 4, 3]},
    {"activation": "prelu", "batch_normalization": "after", "l2": 1e-3, "max_norm": 2.0},
]


@pytest.mark.parametrize("case", CASES)
def test_the_encoder_is_an_mlp(case):
    units = tuple(case.get("units", (6, 4)))
    arguments = {k: v for k, v in case.items() if not k.startswith(("noise", "output", "units"))}
    model = zoo.autoencoder((3, 4), **{**case, "units": units})
    twin = zoo.mlp((3, 4), units=units, **arguments)
    names = [layer.name for layer in twin.layers[1:-1]]
    assert [layer.name for layer in model.layers if layer.name in names] == names
    assert zoo.transfer.copy_layers(model, twin) == [f"hidden_{i}" for i in range(len(units))]
    x = normal(5, 3, 4)
    code = keras.Model(model.input, model.get_layer(names[-1]).output)
    hidden = keras.Model(twin.input, twin.get_layer(names[-1]).output)
    np.testing.assert_array_equal(call(code, x), call(hidden, x))


def test_the_decoder_mirrors_the_encoder():
    model = zoo.autoencoder((5, 4), units=(9, 6, 3))
    sizes = [20, 9, 6, 3, 6, 9, 20]
    assert model.count_params() == sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    dense = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert dense[2:] == ["hidden_2", "decoder_hidden_0", "decoder_hidden_1", "head"]
    assert zoo.autoencoder((7,), units=3).count_params() == 24 + 28


def test_a_linear_autoencoder_finds_the_principal_plane():
    basis = np.linalg.qr(normal(4, 4))[0]
    x = normal(64, 4) * [3, 2, 0.1, 0.1] @ basis
    model = zoo.autoencoder((4,), units=2, activation="linear")
    model.compile(keras.optimizers.Adam(0.05), "mse")
    traced_once(model)
    steps = np.tile(x, (300, 1))
    model.fit(steps, steps, batch_size=64, shuffle=False, verbose=0)
    centred = x - x.mean(axis=0)
    residual = (np.linalg.svd(centred, compute_uv=False)[2:] ** 2).sum() / x.size
    assert residual <= model.evaluate(x, x, verbose=0) * 1.0001
    assert model.evaluate(x, x, verbose=0) < 2 * residual


def test_noise_is_only_in_training_and_only_on_the_input():
    x = np.ones((1, 4000), "float32")
    for arguments, stddev in [
        ({"noise": "gaussian"}, 0.2),
        ({"noise": "gaussian", "noise_rate": 0.7}, 0.7),
        ({"noise": "dropout"}, 1.0),
        ({"noise": "dropout", "noise_rate": 0.2}, 0.5),
    ]:
        model = zoo.autoencoder((4000,), units=1, **arguments)
        noisy = keras.Model(model.input, model.get_layer("noise").output)
        np.testing.assert_array_equal(call(noisy, x), x)
        assert call(noisy, x, training=True).std() == pytest.approx(stddev, rel=0.1)
    assert not any("noise" in layer.name for layer in zoo.autoencoder((4,), units=2).layers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": ()}, r"a hidden layer or more. Received: units=\(\)"),
        ({"units": (3, -1)}, "units must be .* -1"),
        ({"input_shape": 4}, "Received: 4"),
        ({"noise": "salt"}, "none, gaussian, dropout. Received: noise='salt'"),
        ({"noise_rate": 0.1}, "needs a kind of noise.*noise_rate=0.1"),
        ({"noise": "dropout", "noise_rate": 1.0}, r"\[0, 1\).*1.0"),
        ({"noise": "gaussian", "noise_rate": -1}, "noise_rate must be .*-1"),
        ({"activation": "mish"}, "activation='mish'"),
        ({"output_activation": "gelu"}, "output_activation='gelu'"),
        ({"preset": "self_normalizing", "activation": "elu"}, "SELU without"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.create_model("autoencoder", **{"input_shape": (8,), **arguments})
