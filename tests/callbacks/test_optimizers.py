"""The update itself follows the scheduled momentum, however it is run, saved and resumed."""

import functools
from importlib import util
from pathlib import Path

import keras
import numpy as np
import pytest

from callbacks import (
    OneCycle,
    Phase,
    Phases,
    ScheduledAdam,
    ScheduledAdamW,
    ScheduledNadam,
    ScheduledSGD,
    momenta,
)
from tests.shared import every_day, run_on_jax, traced_once

PROGRAM = Path(__file__).with_name("momentum_reference.py")
SPEC = util.spec_from_file_location("momentum_reference", PROGRAM)
momentum_reference = util.module_from_spec(SPEC)
SPEC.loader.exec_module(momentum_reference)
CASES, GRADIENTS, TOTAL = (getattr(momentum_reference, n) for n in ("CASES", "GRADIENTS", "TOTAL"))
linear_model, weights = momentum_reference.linear_model, momentum_reference.weights

every_case = pytest.mark.parametrize("case", CASES)
few_cases = pytest.mark.parametrize("case", every_day(["sgd", "nadam"], CASES))
every_name = pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "nadam"])
#: AdamW is Adam here, and SGD and Nadam are the extremes of what an optimizer has to keep.
few_names = pytest.mark.parametrize(
    "name", every_day(["sgd", "nadam"], ["sgd", "nadam", "adam", "adamw"])
)


def feed(model, steps, **settings):
    x = GRADIENTS[steps].astype("float32")
    model.fit(x, np.zeros((len(x), 1)), batch_size=1, shuffle=False, verbose=0, **settings)
    return weights(model)


def one_cycle_model(name="adam", total=TOTAL, **settings):
    return linear_model(OneCycle(0.1, total).optimizer(name), **settings)


@functools.cache
def whole_cycle(name):
    """The weights that a training without a break ends with."""
    return feed(one_cycle_model(name), slice(TOTAL))


@every_case
# With XLA, and several steps in one call, the fit below is every day.
@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_every_update_equals_the_reference(case, jit_compile):
    forms = ("cosine",) if jit_compile else ("linear", "cosine")
    momentum_reference.check(case, forms, jit_compile=jit_compile)


@pytest.mark.jax
def test_every_update_equals_the_reference_on_jax():
    if util.find_spec("jax") is None:
        pytest.skip("needs the jax extra")
    said = run_on_jax(PROGRAM.read_text())
    assert said.strip() == "jax: 6 optimizers equal their reference"


def test_the_reference_feels_the_momentum():
    """Without the schedule the same check fails, so it can."""
    _, found = momentum_reference.fitted_weights("adam", {})
    model = linear_model(keras.optimizers.Adam(learning_rate=OneCycle(0.1, TOTAL), beta_1=0.95))
    assert np.abs(feed(model, slice(TOTAL)) - found[-1]).max() > 1e-3


@few_cases
@pytest.mark.parametrize("jit_compile", [pytest.param(False, marks=pytest.mark.slow), True])
def test_several_steps_per_execution_change_nothing(case, jit_compile):
    momentum_reference.check_fit(case, steps_per_execution=8, jit_compile=jit_compile)


@few_names
def test_a_second_fit_goes_on(name):
    expected = whole_cycle(name)
    model = one_cycle_model(name)
    feed(model, slice(5))
    np.testing.assert_array_equal(feed(model, slice(5, TOTAL)), expected)


@few_names
def test_a_saved_model_goes_on(name, tmp_path):
    expected = whole_cycle(name)
    model = one_cycle_model(name)
    feed(model, slice(5))
    model.save(tmp_path / "model.keras")
    resumed = keras.saving.load_model(
        tmp_path / "model.keras",
        custom_objects={"output_itself": momentum_reference.output_itself},
    )
    assert type(resumed.optimizer) is type(model.optimizer)
    assert int(resumed.optimizer.iterations) == 5
    np.testing.assert_array_equal(feed(resumed, slice(5, TOTAL)), expected)


@few_names
def test_weights_of_the_optimizer_are_enough_to_go_on(name, tmp_path):
    expected = whole_cycle(name)
    model = one_cycle_model(name)
    feed(model, slice(5))
    model.save_weights(tmp_path / "model.weights.h5")
    resumed = one_cycle_model(name)
    resumed.optimizer.build(resumed.trainable_variables)
    resumed.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(feed(resumed, slice(5, TOTAL)), expected)


STOCK = [
    (keras.optimizers.SGD, {"momentum": 0.9}, ScheduledSGD),
    (keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}, ScheduledSGD),
    (keras.optimizers.Adam, {"beta_1": 0.8}, ScheduledAdam),
    (keras.optimizers.Adam, {"amsgrad": True, "epsilon": 1e-3}, ScheduledAdam),
    (keras.optimizers.AdamW, {"weight_decay": 0.1}, ScheduledAdamW),
    (keras.optimizers.Nadam, {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3}, ScheduledNadam),
]


SHARED = [
    {"clipnorm": 0.5},
    {"global_clipnorm": 0.5},
    {"clipvalue": 0.5, "weight_decay": 0.01},
    {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3},
    {"loss_scale_factor": 2.0},
    {"gradient_accumulation_steps": 3},
]
NADAM = STOCK[-1]


def name_of(case, shared):
    return f"{case[2].__name__}-{'-'.join(case[1])}-{next(iter(shared), 'plain')}"


@pytest.mark.parametrize(
    ("stock", "arguments", "ours", "shared"),
    [
        *(pytest.param(*case, {}, id=name_of(case, {})) for case in STOCK),
        *(
            pytest.param(
                *case,
                shared,
                id=name_of(case, shared),
                # What Keras does around an update is the same for all: one kind has to show it.
                marks=() if case is NADAM else pytest.mark.slow,
            )
            for case in STOCK
            for shared in SHARED
        ),
    ],
)
def test_a_constant_momentum_equals_keras(stock, arguments, ours, shared):
    arguments, steps = {"learning_rate": 0.05, **arguments, **shared}, slice(7)
    expected = feed(linear_model(stock(**arguments)), steps)
    found = feed(linear_model(ours(**arguments)), steps)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@few_names
def test_accumulated_gradients_count_batches(name):
    """Each update of two batches has the rate and the momentum of its second batch."""
    cycle = OneCycle(0.1, TOTAL)
    model = linear_model(cycle.optimizer(name, gradient_accumulation_steps=2))
    found = feed(model, slice(TOTAL))
    last = np.arange(1, TOTAL, 2)
    expected = momentum_reference.reference(
        name,
        GRADIENTS[:TOTAL].astype("float32").reshape(-1, 2, 3).mean(axis=1),
        [float(cycle(step)) for step in last],
        np.array([float(cycle.momentum(step)) for step in [*last, last[-1] + 2]]),
        decay=0.004 if name == "adamw" else 0.0,
    )
    np.testing.assert_allclose(found, expected[-1], rtol=0, atol=2e-6)


@few_names
def test_loss_scaling_skips_no_momentum(name):
    """A batch that overflows moves neither the weights nor the schedule."""
    optimizer = keras.optimizers.LossScaleOptimizer(
        OneCycle(0.1, TOTAL).optimizer(name), initial_scale=2.0
    )
    model = linear_model(optimizer)
    expected = whole_cycle(name)
    feed(model, slice(4))
    model.train_on_batch(np.full((1, 3), np.inf, "float32"), np.zeros((1, 1)))
    assert int(optimizer.iterations) == 4
    np.testing.assert_allclose(feed(model, slice(4, TOTAL)), expected, rtol=0, atol=2e-6)


@few_names
def test_half_precision_trains(name):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile(optimizer=OneCycle(0.1, 50).optimizer(name), loss="mse")
    finally:
        keras.config.set_dtype_policy("float32")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    traced_once(model)
    x = np.random.default_rng(1).normal(size=(200, 3))
    y = x.sum(axis=1, keepdims=True)
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=7, verbose=0)
    assert model.evaluate(x, y, verbose=0) < before / 2


@pytest.mark.parametrize(
    ("dtype", "names"),
    # No Adam in bfloat16: Keras' own rounds beta_2 to 1 there and stands still.
    [("bfloat16", ["sgd", "nadam"]), ("float64", ["sgd", "adam", "adamw", "nadam"])],
)
def test_half_and_double_weights_are_updated(dtype, names):
    for name in names:
        weight = keras.Variable([1.0], dtype=dtype)
        OneCycle(0.1, 10).optimizer(name).apply([keras.ops.ones(1, dtype)], [weight])
        assert weight.dtype == dtype
        assert float(weight[0]) == pytest.approx(0.99, abs=0.005)


def test_the_momentum_is_readable_before_and_during_training():
    for name, attribute in (("sgd", "momentum"), ("adam", "beta_1"), ("nadam", "beta_1")):
        model = one_cycle_model(name)
        cycle = OneCycle(0.1, TOTAL)
        feed(model, slice(3))
        assert float(getattr(model.optimizer, attribute)) == float(cycle.momentum(3))
        assert float(model.optimizer.learning_rate) == float(cycle(3))


def test_momenta_of_every_kind_of_optimizer():
    cycle, steps = OneCycle(0.1, TOTAL), np.arange(TOTAL)
    expected = [float(cycle.momentum(step)) for step in steps]
    driven = cycle.optimizer("adam")
    np.testing.assert_allclose(momenta(driven, steps), expected, rtol=1e-6)
    wrapped = keras.optimizers.LossScaleOptimizer(driven)
    np.testing.assert_allclose(momenta(wrapped, steps), expected, rtol=1e-6)
    assert momenta(keras.optimizers.SGD(momentum=0.5), [0, 1]).tolist() == [0.5, 0.5]
    assert momenta(ScheduledSGD(momentum=0.5), [0, 1]).tolist() == [0.5, 0.5]
    assert momenta(keras.optimizers.Adagrad(), [0, 1]) is None


@every_name
def test_the_configuration_keeps_everything(name):
    optimizer = OneCycle(0.1, 20, form="cosine").optimizer(
        name, clipnorm=1.0, weight_decay=0.02, name="mine"
    )
    twin = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(twin) is type(optimizer)
    assert keras.optimizers.serialize(twin) == keras.optimizers.serialize(optimizer)
    assert (twin.clipnorm, twin.weight_decay, twin.name) == (1.0, 0.02, "mine")


def test_settings_of_an_optimizer_are_kept():
    stock = keras.optimizers.AdamW(0.5, beta_2=0.99, weight_decay=0.3, clipnorm=2.0, name="mine")
    ours = OneCycle(0.1, 20).optimizer(stock)
    changed = {"learning_rate", "beta_1"}
    kept = {name: value for name, value in stock.get_config().items() if name not in changed}
    assert {name: ours.get_config()[name] for name in kept} == kept
    again = OneCycle(0.2, 20).optimizer(ours)
    assert type(again) is ScheduledAdamW
    assert float(again.learning_rate) == pytest.approx(0.02)
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=8.0)
    driven = OneCycle(0.1, 20).optimizer(scaled)
    assert (type(driven.inner_optimizer), driven.initial_scale) == (ScheduledSGD, 8.0)
    assert type(scaled.inner_optimizer) is keras.optimizers.SGD


@pytest.mark.parametrize("optimizer", ["rmsprop", "adagrad", "lion", keras.optimizers.Adamax()])
def test_an_optimizer_without_such_a_momentum_is_refused(optimizer):
    with pytest.raises(ValueError, match=r"SGD, Adam, AdamW or Nadam.*Received: [A-Z].*only its"):
        OneCycle(0.1, 10).optimizer(optimizer)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="itself drives momentum"):
        OneCycle(0.1, 10).optimizer("sgd", momentum=0.9)
    with pytest.raises(ValueError, match="name of an optimizer"):
        OneCycle(0.1, 10).optimizer(keras.optimizers.SGD(), nesterov=True)
    for ours, name in ((ScheduledSGD, "momentum"), (ScheduledAdam, "beta_1")):
        for value in (-0.1, 1.0, float("nan")):
            with pytest.raises(ValueError, match=f"{name} must be at least 0 and below 1"):
                ours(**{name: value})


def state_of(model):
    return [np.array(v) for v in (*model.variables, *model.optimizer.variables)]


def test_performance_scheduling_works_beside_a_scheduled_momentum():
    momentum = Phases([Phase("linear", 8, 0.95, 0.85)])
    model = linear_model(ScheduledSGD(0.1, momentum=momentum))
    plateau = keras.callbacks.ReduceLROnPlateau("loss", 0.5, 1, min_delta=1e9, min_lr=0.03)
    feed(model, slice(4), epochs=4, callbacks=[plateau])
    assert float(model.optimizer.learning_rate) == pytest.approx(0.03)
    assert float(model.optimizer.momentum) == pytest.approx(0.85)
