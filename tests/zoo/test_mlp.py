"""One contract for every dense network, and the sizes the book prints."""

import itertools
import math

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from tests.shared import run_on_jax
from zoo.models.mlp import INITIALIZERS


def normal(*shape):
    return np.random.default_rng(42).normal(size=shape).astype("float32")


def call(model, x, training=False):
    return keras.ops.convert_to_numpy(model(x, training=training))


def kinds(model):
    return [type(layer).__name__ for layer in model.layers[1:]]


def test_the_sizes_the_book_prints():
    classifier = {"input_shape": (28, 28), "outputs": 10, "head": "multiclass"}
    assert zoo.mlp(**classifier).count_params() == 266_610
    assert zoo.mlp(**classifier, units=(100, 100)).count_params() == 89_610
    assert zoo.mlp((8,), units=30).count_params() == 301
    assert zoo.mlp((8,), units=(30, 30)).count_params() == 1_231
    # Cell 61 also normalises its input: 4 * 784 of its 271,346 weights.
    after = zoo.mlp(**classifier, activation="relu", batch_normalization="after")
    assert after.count_params() == 271_346 - 4 * 784
    # Cell 65: the same, without the biases of the hidden layers.
    before = zoo.mlp(**classifier, activation="relu", batch_normalization="before")
    assert before.count_params() == after.count_params() - 400
    assert sum(math.prod(w.shape) for w in before.non_trainable_weights) == 800


def test_a_perceptron_is_an_mlp_without_hidden_layers():
    model = zoo.perceptron((2, 3), outputs=4, head="multiclass")
    linear = zoo.mlp((2, 3), outputs=4, head="multiclass", units=())
    linear.set_weights([normal(6, 4), normal(4)])
    model.set_weights(linear.get_weights())
    x = normal(5, 2, 3)
    np.testing.assert_array_equal(call(model, x), call(linear, x))
    expected = x.reshape(5, 6) @ normal(6, 4) + normal(4)
    np.testing.assert_allclose(call(model, x), expected, rtol=1e-5)


FORMULAS = {
    "elu": lambda z: np.where(z > 0, z, np.expm1(z)),
    "gelu": lambda z: z * 0.5 * (1 + np.vectorize(math.erf)(z / math.sqrt(2))),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.3 * z),
    "linear": lambda z: z,
    "prelu": lambda z: np.where(z > 0, z, 0.1 * z),
    "relu": lambda z: np.maximum(z, 0),
    "rrelu": lambda z: np.where(z > 0, z, (1 / 8 + 1 / 3) / 2 * z),
    "selu": lambda z: 1.05070098 * np.where(z > 0, z, 1.67326324 * np.expm1(z)),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "swish": lambda z: z / (1 + np.exp(-z)),
    "tanh": np.tanh,
}


@pytest.mark.parametrize("activation", sorted(INITIALIZERS))
@pytest.mark.parametrize("normalization", ["before", "after", "none"])
def test_the_forward_pass_is_the_formula(activation, normalization):
    model = zoo.mlp((4,), units=3, activation=activation, batch_normalization=normalization)
    kernel, bias, gamma, beta, mean = normal(4, 3), normal(3), normal(3), normal(3), normal(3) + 1
    variance, head = normal(3) ** 2 + 0.5, normal(3, 1)
    model.get_layer("head").set_weights([head, np.zeros(1)])
    if activation == "prelu":
        model.get_layer("activation_0").set_weights([np.full(3, 0.1)])
    if normalization != "none":
        model.get_layer("batch_norm_0").set_weights([gamma, beta, mean, variance])
    biased = [] if normalization == "before" else [bias]
    model.get_layer("hidden_0").set_weights([kernel, *biased])

    def normalized(z):
        return gamma * (z - mean) / np.sqrt(variance + 1e-3) + beta

    x = normal(7, 4)
    z = x @ kernel + (bias if biased else 0)
    z = normalized(z) if normalization == "before" else z
    z = FORMULAS[activation](z)
    z = normalized(z) if normalization == "after" else z
    np.testing.assert_allclose(call(model, x), z @ head, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("activation", "expected"), INITIALIZERS.items())
def test_initial_kernels_have_the_variance_that_fits_the_activation(activation, expected):
    model = zoo.mlp((400,), units=(300, 200), activation=activation)
    for fan_in, fan_out in ((400, 300), (300, 200)):
        layer = model.get_layer(f"hidden_{0 if fan_in == 400 else 1}")
        scale = {"he": 2 / fan_in, "lecun": 1 / fan_in, "glorot": 2 / (fan_in + fan_out)}
        variance = scale[expected.split("_")[0]]
        assert np.var(layer.get_weights()[0]) == pytest.approx(variance, rel=0.03)
        assert not layer.get_weights()[1].any()


def test_an_initializer_object_does_not_repeat_itself():
    model = zoo.mlp((5,), units=(5, 5), kernel_initializer=keras.initializers.RandomNormal())
    first, second = (model.get_layer(f"hidden_{i}").get_weights()[0] for i in range(2))
    assert np.abs(first - second).min() > 0
    ones = zoo.mlp((5,), units=(5, 5), kernel_initializer="ones").get_layer("hidden_1")
    np.testing.assert_array_equal(ones.get_weights()[0], 1)


def test_the_default_preset_normalises_deep_networks():
    shallow, deep = (zoo.mlp((5,), units=[4] * depth) for depth in (4, 5))
    assert kinds(shallow) == ["Dense", "Activation"] * 4 + ["Dense"]
    assert kinds(deep) == ["Dense", "BatchNormalization", "Activation"] * 5 + ["Dense"]
    assert not any(layer.use_bias for layer in deep.layers if "hidden" in layer.name)
    assert deep.get_layer("activation_0").activation is keras.activations.elu
    plain = zoo.mlp((5,), units=[4] * 5, batch_normalization="none")
    assert kinds(plain) == ["Dense", "Activation"] * 5 + ["Dense"]
    assert "BatchNormalization" not in kinds(zoo.mlp((5,), units=[4] * 5, activation="selu"))


def test_where_dropout_and_normalisation_stand():
    model = zoo.mlp((5,), units=4, batch_normalization="after", dropout=0.25)
    assert kinds(model) == ["Dense", "Activation", "BatchNormalization", "Dropout", "Dense"]
    assert model.get_layer("dropout_0").rate == 0.25
    model = zoo.mlp((5,), units=4, activation="selu", dropout=0.25)
    assert kinds(model) == ["Dense", "Activation", "AlphaDropout", "Dense"]


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_the_self_normalizing_preset_keeps_mean_and_variance(dropout):
    model = zoo.mlp((100,), 100, units=[200] * 50, preset="self_normalizing", dropout=dropout)
    features = keras.Model(model.input, model.get_layer("head").input)
    x = call(features, normal(300, 100), training=True)
    assert abs(x.mean()) < 0.2
    assert 0.6 < x.std() < 1.4
    relu = zoo.mlp(
        (100,), 100, units=[200] * 50, activation="relu", kernel_initializer="random_normal"
    )
    x = call(keras.Model(relu.input, relu.get_layer("head").input), normal(30, 100))
    assert not 0.6 < x.std() < 1.4  # the bounds can be missed


def test_penalties_count_every_kernel_and_no_bias():
    model = zoo.mlp((4,), units=3, l1=0.5, l2=0.25)
    model.set_weights([normal(4, 3), normal(3), normal(3, 1), normal(1)])
    kernels = [normal(4, 3), normal(3, 1)]
    expected = sum(0.5 * np.abs(k).sum() + 0.25 * (k**2).sum() for k in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)
    assert not zoo.mlp((4,), units=3).losses


def test_max_norm_bounds_the_weights_into_each_hidden_unit():
    model = zoo.mlp((4,), units=(3, 3), max_norm=0.5, kernel_initializer="ones")
    model.compile(keras.optimizers.SGD(1e-3), "mse", run_eagerly=True)
    model.train_on_batch(normal(8, 4), normal(8, 1))
    for name in ("hidden_0", "hidden_1"):
        norms = np.linalg.norm(model.get_layer(name).get_weights()[0], axis=0)
        np.testing.assert_allclose(norms, 0.5, rtol=1e-4)


@pytest.mark.parametrize(
    ("output_activation", "formula"),
    [
        ("exponential", np.exp),
        ("relu", lambda z: np.maximum(z, 0)),
        ("sigmoid", FORMULAS["sigmoid"]),
        ("softmax", lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)),
        ("softplus", lambda z: np.log1p(np.exp(z))),
        ("tanh", np.tanh),
    ],
)
def test_output_activations(output_activation, formula):
    model = zoo.mlp((4,), 2, units=3, output_activation=output_activation)
    plain = zoo.mlp((4,), 2, units=3)
    plain.set_weights(model.get_weights())
    x = normal(6, 4)
    np.testing.assert_allclose(call(model, x), formula(call(plain, x)), rtol=1e-4, atol=1e-6)


def test_outputs_are_float32_under_mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = zoo.mlp((4, 3), 2, units=(3, 3), activation="rrelu", dropout=0.1)
        autoencoder = zoo.autoencoder((4, 3), units=3)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert model.get_layer("hidden_0").compute_dtype == "float16"
    assert call(model, normal(2, 4, 3), training=True).dtype == np.float32
    assert call(autoencoder, normal(2, 4, 3)).dtype == np.float32


@settings(deadline=None, max_examples=10)
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.lists(st.integers(1, 5), max_size=4),
    st.integers(1, 3),
)
def test_any_rank_depth_and_width(input_shape, units, outputs):
    model = zoo.mlp(tuple(input_shape), outputs, units=units, batch_normalization="none")
    sizes = [math.prod(input_shape), *units, outputs]
    expected = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    assert model.count_params() == expected
    assert call(model, normal(2, *input_shape)).shape == (2, outputs)


WRONG = [
    ({"input_shape": ()}, r"\(28, 28\)\. Received: \(\)"),
    ({"input_shape": 8}, "Received: 8"),
    ({"input_shape": (None, 8)}, r"Received: \(None, 8\)"),
    ({"input_shape": (8, 0)}, r"Received: \(8, 0\)"),
    ({"outputs": 0}, "outputs must be .* 0"),
    ({"head": "softmax"}, "regression, binary, multilabel, multiclass. Received: head='softmax'"),
    ({"head": "binary", "outputs": 2}, "1 output.*multilabel.*outputs=2"),
    ({"head": "multiclass"}, "2 outputs or more.*outputs=1"),
    ({"units": (3, 0)}, "units must be .* 0"),
    ({"units": 2.5}, r"units must be .* 2\.5"),
    ({"units": "300"}, "units must be .* '300'"),
    ({"preset": "selu"}, "default, self_normalizing. Received: preset='selu'"),
    ({"preset": "self_normalizing", "activation": "relu"}, "SELU without.*activation='relu'"),
    ({"preset": "self_normalizing", "batch_normalization": "after"}, "SELU without.*'after'"),
    ({"activation": "mish"}, "elu, gelu.*Received: activation='mish'"),
    pytest.param(
        {"activation": keras.activations.relu},
        "elu, gelu.*Received: activation=<function",
        id="an activation that is a function",  # whose address would be another in each process
    ),
    ({"kernel_initializer": "he"}, "name of one, such as 'he_normal'. Received: 'he'"),
    ({"kernel_initializer": 3}, "Received: 3"),
    ({"batch_normalization": True}, "before, after, none. Received: batch_normalization=True"),
    ({"dropout": 1.0}, r"dropout must lie in \[0, 1\).*1\.0"),
    ({"dropout": -0.1}, "dropout must be a number of at least 0.*-0.1"),
    ({"dropout": "0.1"}, "dropout must be .*'0.1'"),
    ({"dropout": float("nan")}, "dropout must be .*nan"),
    ({"l1": -1}, "l1 must be .*-1"),
    ({"l2": True}, "l2 must be .*True"),
    ({"max_norm": 0}, "max_norm must be a number above 0.*0"),
    ({"output_activation": "gelu"}, "exponential, relu.*output_activation='gelu'"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.create_model("mlp", **{"input_shape": (8,), **arguments})


@pytest.mark.parametrize(("arguments", "message"), WRONG[:8])
def test_wrong_arguments_of_a_perceptron_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.perceptron(**{"input_shape": (8,), "head": "regression", **arguments})


JAX_CHECK = """
import sys
import keras, numpy as np, zoo
assert keras.backend.backend() == "jax"
rng = np.random.default_rng(0)
x, y = rng.normal(size=(64, 3, 2)), rng.integers(0, 3, 64)
for arguments in (
    {"preset": "self_normalizing", "dropout": 0.1},
    {"activation": "rrelu", "batch_normalization": "before"},
    {"activation": "prelu", "batch_normalization": "after", "dropout": 0.1, "max_norm": 1.0},
):
    model = zoo.mlp((3, 2), 3, "multiclass", units=(4, 4), **arguments)
    pretrained = zoo.autoencoder((3, 2), (4, 4), noise="gaussian", **arguments)
    pretrained.compile("adam", "mse")
    pretrained.fit(x, x, epochs=1, verbose=0)
    zoo.transfer.copy_layers(pretrained, model)
    zoo.transfer.freeze(model, 1)
    before = model.get_layer("hidden_0").get_weights()[0]
    model.compile("adam", **zoo.objective("multiclass", label_smoothing=0.1))
    model.fit(x, y, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.get_layer("hidden_0").get_weights()[0], before)
    zoo.transfer.unfreeze(model)
    model.compile("adam", **zoo.objective("multiclass"))
    assert np.isfinite(model.fit(x, y, epochs=1, verbose=0).history["loss"]).all()
    assert np.abs(model.get_layer("hidden_0").get_weights()[0] - before).max() > 0
    probabilities = zoo.layers.ClassProbabilities(["a", "b", "c"])(model.output)
    model = keras.Model(model.input, probabilities)
    model.save(sys.argv[1])
    loaded = keras.models.load_model(sys.argv[1])
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
members = zoo.losses.PerMemberLoss(keras.losses.SparseCategoricalCrossentropy(from_logits=True))
logits = rng.normal(size=(64, 5, 3)).astype("float32")
own = [float(members.loss(y, logits[:, i])) for i in range(5)]
np.testing.assert_allclose(float(members(y, logits)), np.mean(own), rtol=1e-5)
"""


@pytest.mark.slow
@pytest.mark.jax
def test_on_jax(tmp_path):
    pytest.importorskip("jax", reason="needs the jax extra")
    run_on_jax(JAX_CHECK, str(tmp_path / "model.keras"))
