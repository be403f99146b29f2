"""Optimizers that measure norms: the numbers are right, and nothing else changes."""

import keras
import numpy as np
import pytest
from keras import layers

from callbacks import Checkpoint, OneCycle, with_norms
from callbacks.norms import measuring
from tests.shared import traced_once


def build(optimizer, **arguments):
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    model.compile(optimizer, "mse", **arguments)
    return traced_once(model)


def fit(model, **arguments):
    x = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
    model.fit(x, x[:, :1], batch_size=8, shuffle=False, verbose=0, **arguments)
    return model


XLA = {"jit_compile": True, "steps_per_execution": 3}
OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.9, clipnorm=0.1),
    "adamw": lambda: keras.optimizers.AdamW(0.1, weight_decay=0.1, use_ema=True),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.1),
    "one_cycle": lambda: OneCycle(0.1, total_steps=9).optimizer("adam"),
}


@pytest.mark.parametrize(
    ("name", "compiled"),
    [
        ("sgd", XLA),
        ("adamw", {}),
        ("rmsprop", {}),
        ("one_cycle", {}),
        pytest.param("sgd", {}, marks=pytest.mark.slow),
        *(pytest.param(n, XLA, marks=pytest.mark.slow) for n in OPTIMIZERS if n != "sgd"),
    ],
)
def test_training_is_the_same(name, compiled):
    plain = fit(build(OPTIMIZERS[name](), **compiled), epochs=3)
    measured = fit(build(with_norms(OPTIMIZERS[name]()), **compiled), epochs=3)
    for expected, actual in zip(plain.get_weights(), measured.get_weights(), strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-6)
    assert measured.optimizer.norms()["gradient_norm"] > 0


@pytest.mark.parametrize("compiled", [XLA, {}])
def test_norms_are_those_of_all_variables_together(compiled):
    model = fit(build(with_norms(keras.optimizers.SGD(0.1)), **compiled), epochs=2)
    # Without momentum an update is the rate times the gradient: both follow from the weights.
    plain, updates = build(keras.optimizers.SGD(0.1)), []
    x = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
    for first in [0, 8, 16] * 2:
        before = plain.get_weights()
        plain.train_on_batch(x[first : first + 8], x[first : first + 8, :1])
        pairs = zip(plain.get_weights(), before, strict=True)
        updates.append(np.sqrt(sum(np.square(new - old).sum() for new, old in pairs)))
    expected = {
        "gradient_norm": 10 * np.mean(updates),
        "gradient_norm_max": 10 * np.max(updates),
        "update_norm": np.mean(updates),
    }
    assert model.optimizer.norms() == pytest.approx(expected, rel=1e-4)


def test_exact_values_and_reset():
    optimizer = with_norms(keras.optimizers.SGD(0.5, clipnorm=1.0))
    weights = [keras.Variable([1.0, 1.0]), keras.Variable(1.0)]
    assert optimizer.norms() == {}
    for scale in (1.0, 3.0):
        optimizer.apply([scale * np.float32([2, 0]), scale * np.float32(0)], weights)
    assert optimizer.norms() == pytest.approx(
        {"gradient_norm": 4.0, "gradient_norm_max": 6.0, "update_norm": 0.5}
    )
    optimizer.reset_norms()
    assert optimizer.norms() == {}


def test_sparse_gradients_count():
    model = keras.Sequential([keras.Input((2,), dtype="int32"), layers.Embedding(5, 3)])
    model.compile(with_norms("sgd"), "mse")
    model.fit(np.int32([[0, 1], [1, 1]]), np.ones((2, 2, 3)), verbose=0)
    assert model.optimizer.norms()["gradient_norm"] > 0


def test_scaled_losses_are_measured_unscaled():
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=1024.0)
    model = fit(build(with_norms(scaled)), epochs=1)
    plain = fit(build(with_norms(keras.optimizers.SGD(0.1))), epochs=1)
    assert measuring(model.optimizer).norms() == pytest.approx(plain.optimizer.norms(), rel=1e-4)


def test_a_compiled_model_is_saved_and_loaded(tmp_path):
    model = fit(build(with_norms(OPTIMIZERS["adamw"]())), epochs=2)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.optimizer) is type(model.optimizer)
    assert again.optimizer.norms() == {}
    for loaded in (model, again):
        fit(loaded, epochs=1)
    for expected, actual in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_a_cut_run_is_resumed(tmp_path):
    def train(folder, epochs, resume=False):
        model = build(with_norms("adam"))
        checkpoint = Checkpoint(folder, resume=resume)
        return fit(
            model, epochs=epochs, initial_epoch=checkpoint.initial_epoch, callbacks=[checkpoint]
        )

    train(tmp_path / "cut", 2)
    cut, whole = train(tmp_path / "cut", 4, resume=True), train(tmp_path / "whole", 4)
    for expected, actual in zip(whole.get_weights(), cut.get_weights(), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_what_it_wraps_is_left_alone_and_wrapped_once():
    original = keras.optimizers.Adam(0.3)
    measured = with_norms(original)
    assert isinstance(measured, keras.optimizers.Adam)
    assert measured.get_config() == original.get_config()
    assert with_norms(measured) is measured
    assert measuring(original) is None
    built = fit(build(measured), epochs=1).optimizer, fit(build(original), epochs=1).optimizer
    assert len(built[0].variables) == len(built[1].variables) + 1


def test_an_unknown_optimizer_is_refused():
    class Mine(keras.optimizers.SGD):
        pass

    with pytest.raises(ValueError, match=r"Expected one of .*AdamW.* Received: Mine"):
        with_norms(Mine())
