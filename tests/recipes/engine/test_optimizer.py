"""The optimizer, schedule, averaging and precision that the flags ask for."""

from dataclasses import replace
from typing import get_args, get_type_hints

import keras
import numpy as np
import pytest

from callbacks import Checkpoint, SwapEMAWeights
from recipes.engine.config import TrainConfig
from recipes.engine.fitting import start_afresh
from recipes.engine.optimizer import SCHEDULES, make_optimizer
from recipes.errors import UserError

OPTIMIZERS = get_args(get_type_hints(TrainConfig)["optimizer"])
FLAGS = TrainConfig(schedule="constant", learning_rate=0.5)


def rates(schedule, total):
    optimizer = make_optimizer(replace(FLAGS, optimizer="sgd", schedule=schedule), total)
    rate = keras.optimizers.serialize(optimizer)["config"]["learning_rate"]
    if isinstance(rate, float):
        return np.full(total, rate)
    rate = keras.saving.deserialize_keras_object(rate)
    return np.array([float(rate(step)) for step in range(total)])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_trains_a_step(optimizer):
    start_afresh(FLAGS)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    config = replace(FLAGS, optimizer=optimizer, weight_decay=0.01)
    model.compile(optimizer=make_optimizer(config, 10), loss="mse", run_eagerly=True)
    before = model.get_weights()[0]
    model.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
    after = model.get_weights()[0]
    assert np.isfinite(after).all()
    assert not np.array_equal(before, after)
    assert model.optimizer.clipnorm == 1.0


@pytest.mark.parametrize("schedule", get_args(get_type_hints(TrainConfig)["schedule"]))
@pytest.mark.parametrize("total", [1, 2, 3, 5, 100])
def test_every_schedule_fits_a_run_of_any_length(schedule, total):
    found = rates(schedule, total)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert found.max() <= 0.5 + 1e-6


def test_schedules_decay_as_the_help_says():
    np.testing.assert_allclose(rates("exponential", 101)[80], 0.5 * 0.1 ** (80 / 81), rtol=1e-5)
    np.testing.assert_allclose(rates("power", 100)[90], 0.5 / (1 + 90 / 10), rtol=1e-5)
    assert rates("plateau", 10).tolist() == [0.5] * 10
    flat = rates("flat_cosine", 100)
    assert (flat[:75] == 0.5).all()
    assert flat[-1] < 0.01
    assert np.flatnonzero(np.diff(rates("restarts", 70)) > 0.1).tolist() == [9, 29]
    cosine = rates("cosine", 100)
    assert (cosine[0], cosine.argmax(), cosine[5]) == (0, 5, 0.5)
    assert set(SCHEDULES) | {"1cycle"} == set(get_args(get_type_hints(TrainConfig)["schedule"]))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"clipvalue": 1.0}, "Give either --clipnorm or --clipvalue"),
        ({"optimizer": "lion", "schedule": "1cycle"}, "lion has none"),
        ({"nesterov": True}, "--nesterov is a form of momentum"),
        ({"ema": 1.0}, "--ema must be at least 0 and below 1"),
        ({"prune": 1.0}, "--prune must be at least 0 and below 1"),
        ({"prune": 0.5, "ema": 0.9}, "with --prune say --ema 0"),
    ],
)
def test_flags_that_exclude_each_other(flags, message):
    with pytest.raises(UserError, match=message):
        replace(TrainConfig(), **flags).validate()


def test_nesterov_clipvalue_and_momentum_reach_sgd():
    config = replace(FLAGS, optimizer="sgd", nesterov=True, clipnorm=0.0, clipvalue=0.25)
    optimizer = make_optimizer(config, 10)
    assert (optimizer.nesterov, optimizer.momentum, optimizer.clipvalue) == (True, 0.9, 0.25)
    assert optimizer.clipnorm is None


def test_mixed_precision_is_for_the_models_that_follow():
    try:
        start_afresh(replace(FLAGS, precision="bfloat16"))
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
    finally:
        start_afresh(FLAGS)
    assert keras.layers.Dense(1).compute_dtype == "float32"


class Cut(keras.callbacks.Callback):
    """Ends a run after some epoch, as a kill would."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.after:
            raise KeyboardInterrupt


def averaged(folder, cut=None, resume=False):
    """Weights that each epoch validates, and the average that a NumPy loop finds."""
    start_afresh(FLAGS)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    config = replace(FLAGS, optimizer="sgd", momentum=0.0, clipnorm=0.0, ema=0.5, learning_rate=0.1)
    model.compile(optimizer=make_optimizer(config, 10), loss="mse", run_eagerly=True)
    seen = []
    watch = [
        SwapEMAWeights(),
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()[0].copy())
        ),
    ]
    checkpoint = Checkpoint(folder, watch, resume)
    x, y = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[1.0], [0.0]])
    model.fit(
        x, y, batch_size=2, epochs=4, initial_epoch=checkpoint.initial_epoch, shuffle=False,
        validation_data=(x, y), verbose=0, callbacks=[*watch, checkpoint, Cut(cut)],
    )  # fmt: skip
    return seen, checkpoint.history["val_loss"], (x, y)


def test_the_average_is_validated_and_survives_a_resume(tmp_path):
    seen, losses, (x, y) = averaged(tmp_path / "whole")
    start_afresh(FLAGS)
    first = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    weights, average = first.get_weights()[0], None
    for epoch in range(4):
        weights = weights - 0.1 * x.T @ (x @ weights - y)
        average = 0.5 * average + 0.5 * weights if epoch else weights  # Keras begins with it
        np.testing.assert_allclose(seen[epoch], average, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(losses[epoch], np.mean((x @ average - y) ** 2), rtol=1e-4)
    with pytest.raises(KeyboardInterrupt):
        averaged(tmp_path / "cut", cut=2)
    resumed, _, _ = averaged(tmp_path / "cut", resume=True)
    np.testing.assert_array_equal(resumed[-1], seen[-1])
