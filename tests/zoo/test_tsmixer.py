"""TSMixer, beside NumPy."""

import numpy as np
import pytest
from keras import ops

import zoo
from tests.shared import assert_close, shaken

TIME, HORIZON, PAST, TARGETS, FUTURE = 7, 3, 4, 2, 2
FEATURES = PAST + HORIZON * FUTURE
SIZES = {"horizon": HORIZON, "targets": TARGETS, "feed_forward_dim": 5, "dropout": 0.3}
X = np.random.default_rng(42).normal(size=(3, TIME, FEATURES)).astype("float32")


def call(model, x):
    return ops.convert_to_numpy(model(x))


class Parts:
    """The parts of a model, computed by NumPy with its weights."""

    def __init__(self, model):
        self.model = model

    def weights(self, name):
        return [np.array(weight) for weight in self.model.get_layer(name).weights]

    def dense(self, name, x):
        kernel, bias = self.weights(name)
        return x @ kernel + bias

    def over_time(self, name, x):
        return np.swapaxes(self.dense(name, np.swapaxes(x, 1, 2)), 1, 2)

    def norm(self, name, x):
        gamma, beta = self.weights(name)
        centred = x - x.mean(axis=(1, 2), keepdims=True)
        return centred / np.sqrt(centred.var(axis=(1, 2), keepdims=True) + 1e-3) * gamma + beta

    def mix_time(self, prefix, x):
        y = self.over_time(f"{prefix}_dense", self.norm(f"{prefix}_norm", x))
        return x + np.maximum(y, 0)

    def mix_features(self, prefix, x):
        y = self.dense(f"{prefix}_hidden", self.norm(f"{prefix}_norm", x))
        y = self.dense(f"{prefix}_dense", np.maximum(y, 0))
        return y + (x if x.shape == y.shape else self.dense(f"{prefix}_project", x))

    def blocks(self, x, count):
        for index in range(count):
            x = self.mix_time(f"block_{index}_time", x)
            x = self.mix_features(f"block_{index}_features", x)
        return x


def test_blocks_mix_time_and_features_in_turn():
    model = shaken(zoo.tsmixer((TIME, FEATURES), **SIZES))
    parts = Parts(model)
    expected = parts.over_time("head", parts.blocks(X, 2)[..., :TARGETS])
    assert_close(call(model, X)[:, 0], expected, 256)


def test_the_extended_model_mixes_past_and_future_at_every_step_ahead():
    sizes = {**SIZES, "future_covariates": FUTURE, "units": 6, "num_layers": 1}
    model = shaken(zoo.tsmixer((TIME, FEATURES), **sizes))
    parts = Parts(model)
    past = parts.over_time("past_align_dense", X[..., :PAST])
    future = X[:, -1, PAST:].reshape(-1, HORIZON, FUTURE)
    past = parts.mix_features("past_features", past)
    future = parts.mix_features("future_features", future)
    expected = parts.dense("head", parts.blocks(np.concatenate([past, future], axis=-1), 1))
    assert_close(call(model, X)[:, 0], expected, 256)


def test_what_was_known_of_the_past_alone_is_not_read():
    model = shaken(zoo.tsmixer((TIME, FEATURES), **SIZES, future_covariates=FUTURE))
    changed = X.copy()
    changed[:, :-1, PAST:] += 1.0
    np.testing.assert_array_equal(call(model, changed), call(model, X))
    changed[:, -1, -1] += 1.0  # the last covariate of the last step ahead
    assert np.abs(call(model, changed) - call(model, X)).min() > 1e-6


WRONG = [
    ({"future_covariates": 4}, r"at least 2 features of the past .*future_covariates=4"),
    ({"future_covariates": -1}, "at least 0.* future_covariates=-1"),
    ({"targets": 11}, "at least 11 features of the past"),
    ({"input_shape": (None, 3)}, r"\(time, features\).*None"),
    ({"num_layers": 0}, "num_layers must be .* 0"),
    ({"feed_forward_dim": 0}, "feed_forward_dim must be .* 0"),
    ({"units": 0}, "units must be .* 0"),
    ({"dropout": -0.1}, r"\[0, 1\).*-0\.1"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.tsmixer(**{"input_shape": (TIME, FEATURES), **SIZES, **arguments})
