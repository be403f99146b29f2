from unittest import mock

import keras
import numpy as np
import pytest

import zoo
from tests.shared import traced_once
from zoo.transfer import copy_layers, freeze, hidden_blocks, unfreeze

X = np.random.default_rng(42).normal(size=(32, 6)).astype("float32")
Y = np.random.default_rng(1).integers(0, 2, (32, 1)).astype("float32")


def build(head="binary", outputs=1, units=(5, 4, 3), **arguments):
    return zoo.mlp((6,), outputs, head, units, **arguments)


def shaken(model):
    """The model with other weights everywhere, moving statistics included."""
    rng = np.random.default_rng(7)
    for weight in model.weights:
        weight.assign(rng.uniform(0.1, 0.9, weight.shape))
    return model


def fit(model, rate=0.1):
    model.compile(keras.optimizers.SGD(rate), **zoo.objective("binary"))
    traced_once(model)
    model.fit(X, Y, epochs=2, verbose=0)


def moved(model, before):
    """Names of the layers whose weights are no longer what they were."""
    return [
        layer.name
        for layer in model.layers
        if any(np.any(a != b) for a, b in zip(layer.get_weights(), before[layer.name], strict=True))
    ]


def snapshot(model):
    return {layer.name: layer.get_weights() for layer in model.layers}


ARGUMENTS = [
    {},
    {"activation": "prelu", "batch_normalization": "after", "dropout": 0.1},
    *(
        pytest.param(arguments, marks=pytest.mark.slow)
        for arguments in (
            {"batch_normalization": "before"},
            {"preset": "self_normalizing", "dropout": 0.1},
        )
    ),
]


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_copies_are_equal_and_independent(arguments):
    source = shaken(build("multiclass", 4, **arguments))
    target = build(**arguments)
    theirs, ours = snapshot(source), snapshot(target)
    assert copy_layers(source, target, 2) == ["hidden_0", "hidden_1"]
    copied = moved(target, ours)
    assert copied == [
        layer.name for block in hidden_blocks(target)[:2] for layer in block if layer.weights
    ]
    for name in copied:
        for a, b in zip(target.get_layer(name).get_weights(), theirs[name], strict=True):
            np.testing.assert_array_equal(a, b)
    fit(target)
    assert set(copied) <= set(moved(target, theirs | {"head": ours["head"]}))
    assert moved(source, theirs) == []


def test_all_hidden_layers_are_copied_by_default():
    source, target = shaken(build(units=(5, 4, 3, 2))), build()
    assert copy_layers(source, target) == ["hidden_0", "hidden_1", "hidden_2"]
    assert copy_layers(source, target, 0) == []


def test_dropout_and_penalties_do_not_matter():
    source = shaken(build(dropout=0.3, l2=0.1, max_norm=1.0))
    assert len(copy_layers(source, build())) == 3


def test_saved_models_with_layers_around_give_their_hidden_layers():
    core = shaken(build("multiclass", 4))
    inputs = keras.Input((2, 3))
    x = keras.layers.Rescaling(2.0)(keras.layers.Reshape((6,))(inputs))
    outputs = zoo.layers.ClassProbabilities(["a", "b", "c", "d"])(core(x))
    whole, target = keras.Model(inputs, outputs), build()
    assert copy_layers(whole, target) == ["hidden_0", "hidden_1", "hidden_2"]
    np.testing.assert_array_equal(
        target.get_layer("hidden_1").get_weights()[0], core.get_layer("hidden_1").get_weights()[0]
    )
    assert freeze(whole, 1) == ["hidden_0"]
    assert not core.get_layer("hidden_0").trainable
    assert core.get_layer("hidden_1").trainable


NO_FIT = [
    ({"units": (5, 9, 3)}, "Hidden layer 1 .*Dense .5, 4.*Received: Dense .5, 9.*num_layers=1"),
    ({"activation": "relu"}, "Hidden layer 0 .*elu.*Received: .*relu"),
    ({"activation": "leaky_relu"}, "Hidden layer 0 .*elu.*Received: .*LeakyReLU"),
    ({"batch_normalization": "after"}, "Hidden layer 0 .*Received: .*BatchNormalization"),
]


@pytest.mark.parametrize(("arguments", "message"), NO_FIT)
def test_the_first_layer_that_does_not_fit_is_named(arguments, message):
    source, target = build(**arguments), build()
    before = snapshot(target)
    with pytest.raises(ValueError, match=message):
        copy_layers(source, target)
    assert moved(target, before) == []


def test_other_inputs_do_not_fit():
    with pytest.raises(ValueError, match=r"Hidden layer 0 .'hidden_0'. of 'mlp' does not fit"):
        copy_layers(zoo.mlp((7,), units=5), zoo.mlp((6,), units=5))


def test_unfreezing_reaches_models_inside():
    core = build()
    inputs = keras.Input((6,))
    whole = keras.Model(inputs, core(inputs))
    for model in (core, whole):
        model.trainable = False
    unfreeze(whole)
    assert len(whole.trainable_weights) == len(whole.weights) == 8


@pytest.mark.parametrize("count", [4, -1, 1.0, True])
def test_numbers_of_layers_that_do_not_exist_are_named(count):
    expected = f"from 0 to 3, the number of hidden layers of 'mlp'. Received: {count}"
    with pytest.raises(ValueError, match=expected):
        copy_layers(build(), build(), count)
    with pytest.raises(ValueError, match=expected):
        freeze(build(), count)
    with pytest.raises(ValueError, match=r"from 0 to 1, .*Received: 3"):
        copy_layers(build(units=5), build())


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_frozen_layers_stay_and_the_others_move(arguments):
    model = build(**arguments)
    before = snapshot(model)
    assert freeze(model, 2) == ["hidden_0", "hidden_1"]
    fit(model)
    above = {layer.name for layer in hidden_blocks(model)[2]} | {"head"}
    weighted = {layer.name for layer in model.layers if layer.weights}
    assert set(moved(model, before)) == above & weighted


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_everything_moves_again_after_unfreezing(arguments):
    model = build(**arguments)
    assert len(freeze(model)) == 3
    fit(model)
    before = snapshot(model)
    unfreeze(model)
    fit(model, rate=0.01)
    assert set(moved(model, before)) == {layer.name for layer in model.layers if layer.weights}


def test_a_forgotten_compile_is_an_error():
    model = build()
    fit(model)
    for change in (lambda: freeze(model, 1), lambda: unfreeze(model)):
        change()
        with pytest.raises(ValueError, match=r"must call `compile\(\)`"):
            model.fit(X, Y, verbose=0)
        fit(model)


def test_what_comes_before_the_first_dense_layer_is_frozen_too():
    parts = [keras.layers.BatchNormalization(), keras.layers.Dense(3), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((6,)), *parts])
    freeze(model, 0)
    assert parts[0].trainable
    freeze(model, 1)
    assert [part.trainable for part in parts] == [False, False, True]


def test_a_linear_model_has_no_hidden_layers():
    assert hidden_blocks(zoo.perceptron((4,))) == []
    assert freeze(zoo.perceptron((4,))) == []


# Chapter 17


def values(model, x):
    return keras.ops.convert_to_numpy(model(x))


@pytest.mark.parametrize(
    ("source", "part"),
    [
        (zoo.autoencoder((4, 4), units=(6, 3)), lambda m: m.get_layer("code").output),
        (zoo.recurrent_autoencoder((4, 4), (5, 3)), lambda m: m.get_layer("code").output),
        (
            zoo.variational_autoencoder((4, 4), (6,), code_size=3),
            lambda m: m.get_layer("encoder").outputs[0],
        ),
        (
            zoo.dcgan((4, 4), filters=(3,), code_size=2),
            lambda m: m.get_layer("discriminator").get_layer("flatten").output,
        ),
    ],
    ids=lambda case: getattr(case, "name", None),
)
def test_a_classifier_stands_on_what_was_learned_without_labels(source, part):
    shaken(source)
    model = zoo.transfer.classifier_on(source, 3)
    owner = next((x for x in source.layers if x.name in ("encoder", "discriminator")), source)
    learned = keras.Model(owner.input, part(source))
    x = np.random.default_rng(1).normal(size=(5, 4, 4)).astype("float32")
    kernel, bias = model.get_layer("head").get_weights()
    np.testing.assert_allclose(values(model, x), values(learned, x) @ kernel + bias, rtol=1e-4)
    model.compile("sgd", **zoo.objective("multiclass"))
    model.fit(x, np.arange(5) % 3, verbose=0)


def test_one_hidden_layer_at_a_time_is_the_whole_network_where_there_is_one():
    x = np.random.default_rng(1).random((48, 6)).astype("float32")
    models = [zoo.autoencoder((6,), units=(4,)) for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    keras.utils.set_random_seed(3)
    (loss,) = zoo.transfer.pretrain_greedily(models[0], x, 2, batch_size=16, learning_rate=0.01)
    keras.utils.set_random_seed(3)
    models[1].compile(keras.optimizers.Adam(0.01), "mse")
    history = models[1].fit(x, x, epochs=2, batch_size=16, verbose=0).history
    assert loss == pytest.approx(history["loss"][-1], rel=1e-6)
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("tied", [False, True])
def test_each_layer_learns_from_what_the_ones_before_it_make(tied):
    x = np.random.default_rng(1).random((64, 6)).astype("float32")
    model = zoo.autoencoder((6,), units=(5, 3), tied=tied)
    before = snapshot(model)
    inner, fit = [], keras.Model.fit

    def watched(self, x, y, **more):
        inner.append((np.array(x), snapshot(model)))
        return fit(self, x, y, **more)

    with mock.patch.object(keras.Model, "fit", watched):
        losses = zoo.transfer.pretrain_greedily(model, x, epochs=6, learning_rate=0.01)
    assert len(losses) == 2
    outer = {"hidden_0", "head"}
    trained = {layer.name for layer in model.layers if layer.weights}
    codes = keras.Model(model.input, model.get_layer("activation_0").output)
    np.testing.assert_allclose(inner[1][0], values(codes, x), rtol=1e-4, atol=1e-5)
    halfway = inner[1][1]
    assert {n for n in trained if not all(map(np.array_equal, before[n], halfway[n]))} == outer
    assert set(moved(model, halfway)) == trained - outer
    model.compile(loss="mse")
    untrained = zoo.autoencoder((6,), units=(5, 3), tied=tied)
    untrained.compile(loss="mse")
    assert model.evaluate(x, x, verbose=0) < untrained.evaluate(x, x, verbose=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: zoo.transfer.classifier_on(zoo.mlp((4,)), 3), "Expected an autoencoder.*'mlp'"),
        (lambda: zoo.transfer.classifier_on(zoo.diffusion((4, 4)), 3), "Received: 'diffusion'"),
        (lambda: zoo.transfer.pretrain_greedily(zoo.mlp((4,)), X), "Received: 'mlp'"),
        (lambda: zoo.transfer.pretrain_greedily(zoo.dcgan((4, 4)), X), "Received: 'dcgan'"),
        (lambda: zoo.transfer.pretrain_greedily(zoo.autoencoder((6,)), X, 0), "epochs must be"),
    ],
)
def test_what_has_no_codes_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
