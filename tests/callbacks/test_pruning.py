"""Magnitude pruning: what is 0, when, and after a restart."""

import json

import keras
import numpy as np
import pytest

from callbacks import Checkpoint, MagnitudePruning
from tests.shared import assert_close, run_on_jax

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
Y = X @ np.random.default_rng(1).normal(size=(6, 3)).astype("float32")


def compiled(**inner):
    layers = [keras.layers.Dense(20, "tanh", **inner), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((6,)), *layers])
    rng = np.random.default_rng(2)  # each backend draws other initial weights
    model.set_weights([rng.normal(0, 0.3, weight.shape) for weight in model.weights])
    model.compile(keras.optimizers.Adam(0.01), loss="mse")
    return model


def fit(model, *watch, epochs=3, **how):
    model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=watch, **how)
    return model


def fractions(model):
    return [float((layer.get_weights()[0] == 0).mean()) for layer in model.layers]


class Watch(keras.callbacks.Callback):
    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(fractions(self.model)[0])


def test_the_fraction_of_zeros_follows_the_polynomial():
    watch = Watch()
    pruning = MagnitudePruning(0.8, begin=4, end=20, every=4)
    model = fit(compiled(), pruning, watch)  # 24 steps
    chosen = [0.8 * (1 - (1 - (step - 4) / 16) ** 3) for step in (4, 8, 12, 16, 20)]
    # The masks that step 4 chose hold until step 8, and so on; those of step 20 for good.
    expected = np.repeat([0.0, *chosen], 4)
    assert watch.seen[2] == 0
    np.testing.assert_allclose(watch.seen[3:23], expected[3:23], atol=1 / 120 + 1e-6)
    assert fractions(model) == pytest.approx([0.8, 0.8])


def test_the_smallest_weights_go_and_the_others_train_on():
    model = compiled()
    before = np.abs(model.layers[0].get_weights()[0])
    fit(model, MagnitudePruning(0.5, begin=1, end=1), epochs=1)
    kernel = model.layers[0].get_weights()[0]
    # One small step of training before: nearly the order of the beginning.
    assert before[kernel == 0].mean() < 0.5 * before[kernel != 0].mean()
    assert np.abs(np.abs(kernel[kernel != 0]) - before[kernel != 0]).max() > 0.001


def test_other_constraints_hold_and_kernels_can_be_skipped():
    limit = keras.constraints.MaxNorm(0.5)
    model = compiled(kernel_constraint=limit)
    first = model.layers[0].kernel
    fit(model, MagnitudePruning(0.5, 0, 8, every=4, skip=(model.layers[1].name,)))
    assert fractions(model) == pytest.approx([0.5, 0.0])
    assert np.linalg.norm(first.numpy(), axis=0).max() < 0.501


def test_a_run_that_was_cut_off_ends_alike(tmp_path):
    def pruning():
        return MagnitudePruning(0.7, begin=2, end=18, every=4)

    whole = fit(compiled(), pruning())
    model, watch = compiled(), [pruning()]
    fit(model, *watch, Checkpoint(tmp_path, watch), epochs=2)
    model, watch = compiled(), [pruning()]
    checkpoint = Checkpoint(tmp_path, watch, resume=True)
    fit(model, *watch, checkpoint, initial_epoch=checkpoint.initial_epoch)
    for one, other in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_zeros_survive_saving(tmp_path):
    model = fit(compiled(), MagnitudePruning(0.9, 0, 16, every=4))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert fractions(loaded) == fractions(model) == pytest.approx([0.9, 0.9])


def test_a_second_fit_keeps_the_masks():
    model = fit(compiled(), epochs=1)
    pruning = MagnitudePruning(0.5, 8, 16, every=4)
    fit(model, pruning)  # a step was compiled without the masks before
    fit(model, pruning)
    assert fractions(model) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((1.0, 0, 9), "sparsity"), ((0.5, 9, 3), "begin"), ((0.5, 0, 9, 0), "every")],
)
def test_wrong_arguments_are_named(arguments, name):
    with pytest.raises(ValueError, match=f"{name}"):
        MagnitudePruning(*arguments)


@pytest.mark.slow  # the masks are computed alike on every backend
@pytest.mark.jax
def test_jax_prunes_alike():
    code = (
        "import json; from tests.callbacks.test_pruning import *\n"
        "model = fit(compiled(), MagnitudePruning(0.8, 4, 20, every=4))\n"
        "print(json.dumps([w.tolist() for w in model.get_weights()]))"
    )
    weights = [np.float32(w) for w in json.loads(run_on_jax(code).splitlines()[-1])]
    own = fit(compiled(), MagnitudePruning(0.8, 4, 20, every=4)).get_weights()
    for one, other in zip(weights[::2], own[::2], strict=True):
        assert ((one == 0) == (other == 0)).all()
        assert (one == 0).mean() == pytest.approx(0.8)
    assert_close(weights[0], own[0], ulps=4096)
