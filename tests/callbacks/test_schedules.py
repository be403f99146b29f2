"""Schedules: closed forms, what holds for all of them, what they refuse."""

import json
import math

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callbacks import OneCycle, Phase, Phases, annealing
from callbacks.schedules import evaluate

ALL = [
    Phases(
        [
            Phase("constant", 3, 0.2, 0.2),
            Phase("exponential", 5, 0.2, 0.002),
            Phase("polynomial", 7, 0.002, 0.1, 3.0),
            Phase("linear", 4, 0.1, 0.0),
        ]
    ),
    Phases([("linear", 10, 0.0, 0.1), ("cosine", 30, 0.1, 0.001)]),
    Phases([("constant", 20, 0.1, 0.1), ("cosine", 20, 0.1, 0.0)]),
    Phases([("cosine", 10, 0.1, 0.001), ("cosine", 20, 0.05, 0.001)]),
    OneCycle(0.1, 50),
    OneCycle(0.1, 50, form="cosine", min_momentum=0.8),
    OneCycle(0.1, 50).momentum,
]
IDS = [f"{number}-{type(schedule).__name__}" for number, schedule in enumerate(ALL)]
every_schedule = pytest.mark.parametrize("schedule", ALL, ids=IDS)


@pytest.mark.parametrize("shape", sorted(set(annealing.SHAPES) - {"constant"}))
def test_shapes_start_and_end_exactly(shape):
    function = annealing.SHAPES[shape]
    assert float(function(0.0, 0.3, 0.7)) == pytest.approx(0.3, rel=1e-7)
    assert float(function(1.0, 0.3, 0.7)) == pytest.approx(0.7, rel=1e-7)
    assert 0.3 < float(function(0.4, 0.3, 0.7)) < 0.7


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("constant", 2.0),
        ("linear", 2 + 0.3 * 6),
        ("cosine", 8 - 6 * (1 + math.cos(0.3 * math.pi)) / 2),
        ("exponential", 2 * 4**0.3),
        ("polynomial", 8 - 6 * 0.7**2),
    ],
)
def test_shapes_follow_their_formulas(shape, expected):
    assert float(annealing.SHAPES[shape](0.3, 2.0, 8.0)) == pytest.approx(expected, rel=1e-6)


def book_one_cycle(step, total, largest):
    """The scheduler of Géron's chapter 11, from its formulas."""
    start = largest / 10
    last_steps = total // 10 + 1
    half = (total - last_steps) // 2
    if step < half:
        return start + (largest - start) * step / half
    if step < 2 * half:
        return largest + (start - largest) * (step - half) / half
    return start + (start / 1000 - start) * (step - 2 * half) / (total - 2 * half)


@pytest.mark.parametrize(("total", "largest"), [(10_750, 0.05), (5_280, 0.05), (37, 0.1)])
def test_linear_one_cycle_is_the_books(total, largest):
    steps = np.arange(total + 1)
    expected = [book_one_cycle(step, total, largest) for step in steps]
    np.testing.assert_allclose(
        evaluate(OneCycle(largest, total), steps), expected, rtol=1e-5, atol=1e-9
    )


def test_cosine_one_cycle_is_fastais():
    def cosine(position, start, end):
        return end + (start - end) * (1 + math.cos(math.pi * position)) / 2

    def expected(step, start, middle, end):
        if step < 100:
            return cosine(step / 100, start, middle)
        return cosine((step - 100) / 300, middle, end)

    cycle, steps = OneCycle(0.5, 400, form="cosine"), np.arange(401)
    rates = [expected(step, 0.5 / 25, 0.5, 0.5 / 1e5) for step in steps]
    np.testing.assert_allclose(evaluate(cycle, steps), rates, rtol=1e-5, atol=1e-7)
    momenta = [expected(step, 0.95, 0.85, 0.95) for step in steps]
    np.testing.assert_allclose(evaluate(cycle.momentum, steps), momenta, rtol=1e-6)


@pytest.mark.parametrize("form", ["linear", "cosine"])
def test_momentum_mirrors_the_rate(form):
    cycle, steps = OneCycle(0.1, 200, form=form), np.arange(200)
    rates, momenta = evaluate(cycle, steps), evaluate(cycle.momentum, steps)
    assert rates.argmax() == momenta.argmin()
    assert (rates.max(), momenta.min()) == (np.float32(0.1), np.float32(0.85))
    if form == "linear":
        np.testing.assert_allclose(momenta[180:], 0.95, rtol=2e-7)


@pytest.mark.parametrize("total", range(1, 6))
@pytest.mark.parametrize("form", ["linear", "cosine"])
def test_the_shortest_cycles_work(total, form):
    cycle = OneCycle(0.1, total, form=form)
    values = evaluate(cycle, np.arange(total + 2))
    assert (values > 0).all()
    assert values[total] == values[-1] == np.float32(cycle.phases[-1].end)


def test_constant_phases_jump_at_their_boundaries():
    schedule = Phases([("constant", 5, 0.01, 0.01), ("constant", 10, 0.005, 0.005),
                       ("constant", 1, 0.001, 0.001)])  # fmt: skip
    expected = [0.01] * 5 + [0.005] * 10 + [0.001] * 10
    assert evaluate(schedule, np.arange(25)).tolist() == np.float32(expected).tolist()


def test_restarts_are_exact_to_the_step():
    schedule = Phases([("cosine", steps, 1.0, 0.5) for steps in (10_000, 20_000, 40_000)])
    steps = np.arange(70_001)
    restarts = np.flatnonzero(np.diff(evaluate(schedule, steps)) > 0.1) + 1
    assert restarts.tolist() == [10_000, 30_000]
    # Between them the same as Keras', which knows no end.
    stock = keras.optimizers.schedules.CosineDecayRestarts(1.0, 10_000, alpha=0.5)
    for step in (0, 1, 5_000, 10_001, 29_999, 45_000):
        assert float(schedule(step)) == pytest.approx(float(stock(step)), abs=1e-6)


@every_schedule
def test_an_array_of_steps_equals_one_at_a_time(schedule):
    steps = np.arange(0, 90, 3)
    single = [float(schedule(int(step))) for step in steps]
    np.testing.assert_allclose(evaluate(schedule, steps), single, rtol=1e-6, atol=1e-12)
    assert np.shape(schedule(3)) == ()


@every_schedule
def test_the_configuration_survives_json(schedule):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(schedule)))
    twin = keras.saving.deserialize_keras_object(config)
    assert type(twin) is type(schedule)
    assert keras.saving.serialize_keras_object(twin) == config
    steps = np.arange(90)
    np.testing.assert_array_equal(evaluate(twin, steps), evaluate(schedule, steps))


@st.composite
def joined_phases(draw):
    """Phases whose every start is the end before."""
    values = st.floats(1e-6, 10.0)
    value, phases = draw(values), []
    for _ in range(draw(st.integers(1, 5))):
        shape = draw(st.sampled_from(sorted(annealing.SHAPES)))
        end = value if shape == "constant" else draw(values)
        phases.append(Phase(shape, draw(st.integers(1, 1000)), value, end))
        value = end
    return phases


@settings(max_examples=40, deadline=None)
@given(joined_phases())
def test_phases_are_bounded_joined_and_clamped(phases):
    schedule = Phases(phases)
    total = sum(phase.steps for phase in phases)
    joints = np.cumsum([0, *(phase.steps for phase in phases)])
    ends = [phases[0].start, *(phase.end for phase in phases)]
    # Exactly there, so that no step before or after it is off by one.
    np.testing.assert_allclose(evaluate(schedule, joints), ends, rtol=1e-6)
    # From either side, too.
    np.testing.assert_allclose(evaluate(schedule, joints[1:] - 1e-3), ends[1:], rtol=0.1, atol=0.3)
    values = evaluate(schedule, np.linspace(0, total, 200))
    assert values.min() >= np.float32(min(ends)) * (1 - 1e-5)
    assert values.max() <= np.float32(max(ends)) * (1 + 1e-5)
    assert set(evaluate(schedule, [total, total + 1, 10 * total + 7])) == {np.float32(ends[-1])}


@settings(max_examples=40, deadline=None)
@given(
    st.floats(1e-5, 10.0), st.integers(3, 10**6), st.sampled_from(["linear", "cosine"]), st.data()
)
def test_one_cycle_stays_within_its_bounds(largest, total, form, data):
    steps = data.draw(st.lists(st.integers(0, 2 * total), min_size=1, max_size=20))
    cycle = OneCycle(largest, total, form=form)
    rates, momenta = evaluate(cycle, steps), evaluate(cycle.momentum, steps)
    assert (rates > 0).all()
    assert (rates <= np.float32(largest) * (1 + 1e-6)).all()
    assert ((momenta > 0.85 - 1e-6) & (momenta < 0.95 + 1e-6)).all()


def test_a_cycle_ends_with_the_training_whatever_steps_per_execution_divides():
    x = np.ones((75, 1), "float32")  # 10 batches, the last one short
    cycle = OneCycle(0.1, total_steps=2 * 10)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(cycle.optimizer("sgd"), "mse", steps_per_execution=4)
    model.fit(x, x, batch_size=8, epochs=2, verbose=0)
    assert int(model.optimizer.iterations) == cycle.total_steps


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: OneCycle(0.0, 10), "max_learning_rate must be a number above 0"),
        (lambda: OneCycle(-1.0, 10), "max_learning_rate must be"),
        (lambda: OneCycle(math.nan, 10), "max_learning_rate must be"),
        (lambda: OneCycle("0.1", 10), "max_learning_rate must be"),
        (lambda: OneCycle(0.1, 0), r"total_steps must be a whole .*\n?.*count its batches"),
        (lambda: OneCycle(0.1, None), "total_steps must be a whole number above 0.*None"),
        (lambda: OneCycle(0.1, -2), "total_steps must be"),
        (lambda: OneCycle(0.1, math.inf), "total_steps must be"),
        (lambda: OneCycle(0.1, 2.5), "total_steps must be"),
        (lambda: OneCycle(0.1, True), "total_steps must be"),
        (lambda: OneCycle(0.1, 10, form="round"), "one of.*cosine.*linear.*'round'"),
        (lambda: OneCycle(0.1, 10, start_learning_rate=0.2), "not above max_learning_rate"),
        (lambda: OneCycle(0.1, 10, start_learning_rate=0.0), "start_learning_rate must be"),
        (lambda: OneCycle(0.1, 10, final_learning_rate=0.2), "not above max_learning_rate"),
        (lambda: OneCycle(0.1, 10, final_learning_rate=-0.2), "final_learning_rate must be"),
        (lambda: OneCycle(0.1, 10, min_momentum=0.96), "not above max_momentum"),
        (lambda: OneCycle(0.1, 10, max_momentum=1.0), "max_momentum must be .* below 1"),
        (lambda: Phases([]), "at least one phase"),
        (lambda: Phases([Phase("linear", 0, 0.0, 1.0)]), "at least one phase"),
        (lambda: Phases([Phase("round", 5, 0.0, 1.0)]), "one of.*'round'"),
        (lambda: Phases([Phase("linear", -1, 0.0, 1.0)]), "steps must be"),
        (lambda: Phases([Phase("linear", 1, 0.0, -1.0)]), "end of a phase"),
        (lambda: Phases([Phase("exponential", 1, 0.0, 1.0)]), "above 0 if it is exponential"),
    ],
)
def test_bad_input_is_a_clear_error(build, message):
    with pytest.raises(ValueError, match=message):
        build()
