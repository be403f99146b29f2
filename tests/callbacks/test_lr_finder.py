"""The learning rate finder: true losses, and everything put back."""

import os
import random
import subprocess
import sys
from importlib import util
from pathlib import Path

import keras
import numpy as np
import pytest

from callbacks import OneCycle, Phases, ScheduledAdam, find_learning_rate
from tests.shared import traced_once

TOP = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 3)).astype("float32")
Y = (X @ [[1.0], [-2.0], [0.5]] + 0.1 * RNG.normal(size=(48, 1))).astype("float32")
BATCHES = [(X[i : i + 8], Y[i : i + 8]) for i in range(0, 48, 8)]
WARM = Phases([("linear", 4, 0.0, 0.05), ("cosine", 16, 0.05, 0.0)])


@keras.saving.register_keras_serializable(package="tests")
class Counter(keras.layers.Layer):
    """Counts its calls in training: a state that is no weight of the model."""

    def build(self, shape):
        self.count = self.add_weight(name="count", shape=(), initializer="zeros", trainable=False)

    def call(self, x, training=False):
        if training:
            self.count.assign_add(1.0)
        return x + 0.01 * self.count


def linear(optimizer="sgd", seed=3, **settings):
    """A linear model with regularisation."""
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(
                1,
                kernel_regularizer=keras.regularizers.L2(0.1),
                kernel_initializer=keras.initializers.GlorotUniform(seed),
            ),
        ]
    )
    settings = settings or {"run_eagerly": True}  # quicker than to trace so few steps
    model.compile(optimizer=optimizer, loss="mse", **settings)
    return model


def full_of_state(optimizer="adam", **settings):
    """Everything that a step can change: statistics, seeds, a state, metrics."""
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            Counter(),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer=optimizer, loss="mse", metrics=["mae"], **settings)
    return model


def numbers(variables):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def weights_of(model):
    """Weights, statistics, seeds and states."""
    return numbers(model.variables)


def optimizer_of(model):
    """The rate, the iterations and the slots that there are."""
    return numbers(model.optimizer.variables)


def state_of(model):
    """Every number that the model, its metrics and its optimizer hold."""
    return weights_of(model) + numbers(model.metrics_variables) + optimizer_of(model)


def assert_same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def numpy_losses(model, rates, momentum=0.0):
    """The loss of each batch before the update with its rate, by hand."""
    kernel, bias = (np.float64(part) for part in model.get_weights())
    velocity, losses = [0.0, 0.0], []
    for step, rate in enumerate(rates):
        x, y = BATCHES[step % len(BATCHES)]
        error = x @ kernel + bias - y
        losses.append(np.mean(error**2) + 0.1 * np.sum(kernel**2))
        gradients = 2 * x.T @ error / len(x) + 0.2 * kernel, 2 * error.mean(axis=0)
        velocity = [momentum * v - rate * g for v, g in zip(velocity, gradients, strict=True)]
        kernel, bias = kernel + velocity[0], bias + velocity[1]
    return losses


# Losses


@pytest.mark.parametrize(
    "settings",
    [
        {"jit_compile": False},
        {"steps_per_execution": 5},
        {"jit_compile": True, "metrics": ["mae"]},
    ],
)
def test_losses_equal_a_computation_by_hand(settings):
    model = linear(keras.optimizers.SGD(0.3, momentum=0.5), **settings)
    curve = find_learning_rate(model, BATCHES, 1e-3, 0.1, steps=15)
    expected = numpy_losses(model, np.geomspace(1e-3, 0.1, 15), momentum=0.5)
    np.testing.assert_allclose(curve.losses, expected, rtol=1e-5)
    assert curve.stopped is None


def test_each_rate_stands_by_its_own_loss():
    rates = find_learning_rate(linear(), BATCHES, 1e-3, 0.1, steps=9).rates
    assert len(rates) == 9
    assert (rates[0], rates[-1]) == (1e-3, 0.1)
    np.testing.assert_allclose(rates[1:] / rates[:-1], 100 ** (1 / 8))


def test_the_optimizer_begins_with_empty_slots_and_advances():
    model = linear(keras.optimizers.Adam(WARM, clipnorm=1.0))
    reference = linear(keras.optimizers.Adam(0.05, clipnorm=1.0))
    model.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    reference.set_weights(model.get_weights())
    curve = find_learning_rate(model, BATCHES, 1e-3, 1.0, steps=8, stop_factor=None)
    expected = []
    for rate, (x, y) in zip(curve.rates, [*BATCHES, *BATCHES], strict=False):
        reference.optimizer.learning_rate = rate
        fitted = reference.fit(x, y, batch_size=8, verbose=0)
        expected.append(fitted.history["loss"][0])
    np.testing.assert_allclose(curve.losses, expected, rtol=1e-5)


# Restore

OPTIMIZERS = {
    "plain": lambda: keras.optimizers.Adam(0.01),
    "schedule": lambda: keras.optimizers.AdamW(WARM),
    "cycle": lambda: OneCycle(0.01, 50).optimizer("adam"),
    "loss_scale": lambda: keras.optimizers.LossScaleOptimizer(
        ScheduledAdam(0.01), initial_scale=8.0, dynamic_growth_steps=3
    ),
}


def failing():
    """Batches, and then an error."""
    yield from BATCHES[:4]
    raise OSError("the disk is gone")


DATA = {
    "done": lambda: (X, Y),
    "data_fails": failing,
    "step_fails": lambda: [*BATCHES[:4], (np.ones((8, 5)), np.ones((8, 1)))],
}


@pytest.mark.parametrize("name", ["cycle", "loss_scale"])
def test_everything_is_put_back(name):
    model = traced_once(full_of_state(OPTIMIZERS[name](), steps_per_execution=2))
    model.fit(X, Y, batch_size=8, verbose=0)
    optimizer, before = model.optimizer, state_of(model)
    curve = find_learning_rate(model, (X, Y), steps=12, batch_size=8)
    assert_same(state_of(model), before)
    assert model.optimizer is optimizer
    assert model.steps_per_execution == 2
    assert np.ptp(curve.losses) > 0  # it did train


@pytest.mark.parametrize(
    ("name", "trained", "kind"),
    [
        pytest.param("plain", False, "done", marks=pytest.mark.slow),
        ("schedule", True, "done"),
        pytest.param("schedule", False, "data_fails", marks=pytest.mark.slow),
        ("plain", True, "step_fails"),
    ],
)
def test_a_fit_afterwards_is_the_same_to_the_last_bit(name, trained, kind):
    def run(with_finder):
        keras.utils.set_random_seed(5)
        model = full_of_state(OPTIMIZERS[name]())
        if trained:
            traced_once(model).fit(X, Y, batch_size=8, verbose=0)
        if with_finder:
            before = weights_of(model), optimizer_of(model)
            try:
                find_learning_rate(model, DATA[kind](), steps=9, batch_size=8)
            except Exception:
                assert kind != "done"
            else:
                assert kind == "done"
            assert_same(weights_of(model), before[0])
            assert_same(optimizer_of(model), before[1])
        history = model.fit(
            X, Y, batch_size=8, epochs=2, verbose=0,
            shuffle=trained or keras.backend.backend() == "tensorflow",  # see find_learning_rate
            callbacks=[keras.callbacks.Callback()],  # on JAX it makes up for pending updates
        ).history  # fmt: skip
        return [*state_of(model), *map(np.array, history.values())]

    assert_same(run(with_finder=True), run(with_finder=False))


def test_a_recurrent_state_is_put_back():
    model = keras.Sequential(
        [keras.Input((4, 3), batch_size=8), keras.layers.LSTM(4, stateful=True),
         keras.layers.Dense(1)]
    )  # fmt: skip
    model.compile(optimizer="adam", loss="mse")
    traced_once(model)
    batches = [(np.repeat(x[:, None], 4, axis=1), y) for x, y in BATCHES]
    for x, y in batches[:2]:
        model.train_on_batch(x, y)
    before = state_of(model)
    find_learning_rate(model, batches, steps=8)
    assert_same(state_of(model), before)
    assert any(np.any(state) for state in before)


def test_a_keyboard_interrupt_restores_too():
    def interrupted():
        yield BATCHES[0]
        raise KeyboardInterrupt

    model = linear()
    before = model.get_weights()
    with pytest.raises(KeyboardInterrupt):
        find_learning_rate(model, interrupted())
    assert_same(model.get_weights(), before)


def test_the_random_state_of_a_generator_of_batches_is_put_back():
    def drawn():
        while True:
            rows = np.random.randint(0, 48, size=8 + random.randint(0, 0))
            yield X[rows], Y[rows]

    before = random.getstate(), np.random.get_state()[1].copy()
    find_learning_rate(linear(), drawn(), steps=5)
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])


def test_low_precision_is_put_back():
    keras.config.set_dtype_policy("bfloat16")
    try:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile(optimizer="adam", loss="mse")
        before = state_of(model)
        find_learning_rate(model, BATCHES, steps=4)
        assert_same(state_of(model)[: len(before)], before)
    finally:
        keras.config.set_dtype_policy("float32")


def test_a_model_without_weights_gets_those_of_fit():
    def run(with_finder):
        keras.utils.set_random_seed(5)
        model = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(1)])
        model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
        if with_finder:
            find_learning_rate(model, BATCHES, steps=4)
        model.fit(X, Y, shuffle=False, verbose=0)
        return model.get_weights()

    assert_same(run(with_finder=True), run(with_finder=False))


# Data


class Sequence(keras.utils.PyDataset):
    def __len__(self):
        return len(BATCHES)

    def __getitem__(self, index):
        return BATCHES[index]


def dataset():
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)


@pytest.mark.parametrize(
    "make", [Sequence, dataset, lambda: iter(BATCHES * 2)], ids=["py", "tf", "iterator"]
)
def test_every_kind_of_data_gives_the_same_losses(make):
    model = linear()
    found = find_learning_rate(model, make(), 1e-3, 0.1, steps=10)
    np.testing.assert_allclose(
        found.losses, numpy_losses(model, np.geomspace(1e-3, 0.1, 10)), rtol=1e-5
    )


def test_nested_inputs_and_sample_weights():
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    model = keras.Model(
        {"left": left, "right": right}, keras.layers.Dense(1)(keras.layers.Add()([left, right]))
    )
    model.compile(optimizer="sgd", loss="mse")
    data = ({"left": X, "right": 0 * X}, Y, np.full(48, 0.5, "float32"))
    found = find_learning_rate(model, data, 1e-9, 1e-8, steps=6, batch_size=8)
    full = model.evaluate(*data[:2], verbose=0)  # at such rates the weights stand still
    assert np.mean(found.losses) == pytest.approx(full / 2, rel=1e-4)


def test_the_seed_decides_the_order_of_arrays():
    model = linear()
    first, again, other = (
        find_learning_rate(model, (X, Y), steps=6, batch_size=8, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.losses, again.losses)
    assert not np.array_equal(first.losses, other.losses)


@pytest.mark.parametrize(
    ("data", "steps"), [((X, Y), 6), (BATCHES, 6), (Sequence(), 6)], ids=["arrays", "list", "py"]
)
def test_without_steps_it_takes_one_pass(data, steps):
    curve = find_learning_rate(linear(), data, 1e-3, 0.1, steps=None, batch_size=8)
    assert len(curve.losses) == steps
    assert curve.rates[-1] == 0.1


# The end of the run


def test_it_stops_where_the_loss_blows_up():
    curve = find_learning_rate(linear(), BATCHES, 1e-4, 100.0, steps=60, smoothing=0.5)
    assert curve.stopped == "diverged"
    assert len(curve.rates) == len(curve.losses) < 60
    means = curve.smoothed
    low = np.minimum.accumulate(means)
    fall = np.array([means[: np.argmin(means[: i + 1]) + 1].max() for i in range(len(means))]) - low
    diverged = means - low > 3 * np.maximum(np.maximum(low, fall), np.ptp(curve.losses[:6]))
    assert diverged.tolist() == [False] * (len(means) - 1) + [True]


@pytest.mark.parametrize("shift", [-50.0, -5.0, 0.0])
def test_a_loss_around_zero_is_no_divergence(shift):
    start = np.mean([np.mean((x @ np.ones((3, 1)) - y) ** 2) for x, y in BATCHES])

    def shifted(y_true, y_pred):
        return keras.ops.mean((y_true - y_pred) ** 2, axis=-1) - start + shift

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(optimizer="sgd", loss=shifted)
    curve = find_learning_rate(model, BATCHES, 1e-5, 0.1, steps=30)
    assert curve.stopped is None
    assert curve.losses[-1] < curve.losses[5]  # the same batch


def test_a_loss_that_is_lost_is_left_out():
    model = linear()
    before = state_of(model)
    curve = find_learning_rate(
        model, [*BATCHES[:3], (X[:8], np.full((8, 1), np.nan))], steps=20, stop_factor=None
    )
    assert curve.stopped == "not finite"
    assert len(curve.rates) == len(curve.losses) == 3
    assert np.all(np.isfinite(curve.losses))
    assert_same(state_of(model), before)


# Input that is wrong


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_rate": 0.0}, "min_rate must be a number above 0"),
        ({"min_rate": -1e-3}, "min_rate must be a number above 0"),
        ({"max_rate": float("nan")}, "max_rate must be a number above 0"),
        ({"max_rate": float("inf")}, "max_rate must be a number above 0"),
        ({"min_rate": 1.0, "max_rate": 0.1}, "min_rate must be below max_rate"),
        ({"min_rate": 1.0, "max_rate": 1.0}, "min_rate must be below max_rate"),
        ({"steps": 0}, "steps must be a whole number"),
        ({"steps": 2.5}, "steps must be a whole number"),
        ({"steps": 1}, "at least 2 steps"),
        ({"batch_size": 0, "steps": None}, "batch_size must be a whole number"),
        ({"smoothing": 1.0}, "smoothing must be"),
        ({"stop_factor": 1.0}, "stop_factor must be above 1"),
        ({"data": (X, Y[:5])}, "same number of examples"),
        ({"data": (X[:0], Y[:0])}, "more than 0"),
        ({"data": []}, "cannot be read again"),
        ({"data": iter(BATCHES)}, "cannot be read again.*Pass fewer steps"),
        ({"data": iter(BATCHES), "steps": None}, "known length where steps is None"),
        ({"data": [(X[:8], np.full((8, 1), np.nan))]}, "loss of the first batch is nan"),
    ],
)
def test_wrong_input_is_named_and_the_model_left(arguments, message):
    model = linear()
    before = state_of(model)
    with pytest.raises(ValueError, match=message):
        find_learning_rate(model, **{"data": BATCHES, **arguments})
    assert_same(state_of(model), before)


def test_a_dataset_of_unknown_length_needs_steps():
    data = dataset().filter(lambda x, y: True)
    with pytest.raises(ValueError, match="known length"):
        find_learning_rate(linear(), data, steps=None)
    assert len(find_learning_rate(linear(), data, 1e-3, 0.1, steps=7).losses) == 7


def test_a_model_must_be_compiled():
    with pytest.raises(ValueError, match="Expected a compiled model"):
        find_learning_rate(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]), BATCHES)


def test_an_optimizer_must_have_a_rate():
    several = keras.optimizers.MultiOptimizer({"default": keras.optimizers.SGD()})
    with pytest.raises(ValueError, match="a learning rate of its own"):
        find_learning_rate(linear(several), BATCHES)


def test_a_classifier_is_told_a_rate_that_trains_it():
    x = RNG.normal(size=(256, 8)).astype("float32")
    labels = (x[:, :4].argmax(axis=1)).astype("int32")
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(4)]
    )
    model.compile(
        optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    found = find_learning_rate(model, (x, labels)).learning_rate
    assert 1e-3 < found < 0.3
    model.optimizer.learning_rate = found
    losses = model.fit(x, labels, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.6  # from log(4) = 1.39


# Another backend


@pytest.mark.slow
@pytest.mark.jax
def test_all_this_holds_on_jax():
    if util.find_spec("jax") is None:
        pytest.skip("needs the jax extra")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-k",
            "not recurrent",
            str(Path(__file__)),
            str(Path(__file__).with_name("test_rate_curve.py")),
        ],  # Keras' own stateful layers fail there
        cwd=TOP,
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
