"""PatchTST, beside NumPy."""

import math

import numpy as np
import pytest
from keras import ops

import zoo
from tests.shared import assert_close, shaken
from zoo.layers import Patches

TIME, TARGETS, HORIZON, HEADS = 13, 3, 4, 2
SIZES = {
    "input_shape": (TIME, TARGETS),
    "horizon": HORIZON,
    "targets": TARGETS,
    "patch_length": 4,
    "stride": 3,
    "num_layers": 2,
    "num_heads": HEADS,
    "embedding_dim": 8,
    "feed_forward_dim": 5,
}
X = np.random.default_rng(42).normal(size=(2, TIME, TARGETS)).astype("float32")


def call(model, x):
    return ops.convert_to_numpy(model(x))


@pytest.mark.parametrize(("length", "stride"), [(4, 3), (4, 4), (5, 1), (13, 8), (1, 2), (3, 20)])
def test_patches_of_the_padded_series(length, stride):
    padded = np.concatenate([X, np.repeat(X[:, -1:], stride, axis=1)], axis=1)
    starts = range(0, TIME + stride - length + 1, stride)
    expected = np.stack([padded[:, s : s + length].swapaxes(1, 2) for s in starts], axis=2)
    np.testing.assert_array_equal(Patches(length, stride)(X), expected)


def test_a_series_shorter_than_a_patch():
    with pytest.raises(ValueError, match=r"at least 14 steps.* Received: 13"):
        Patches(14, 1)(X)
    shape = {"input_shape": (6, 1), "num_layers": 1}
    assert zoo.patchtst(**shape).get_layer("patches").length == 6


def test_its_blocks_are_attention_and_dense_layers_normalised_behind():
    model = shaken(zoo.patchtst(**SIZES))

    def weights(name):
        return [np.array(weight) for weight in model.get_layer(name).weights]

    def dense(name, x):
        kernel, bias = weights(name)
        return x @ kernel + bias

    def normalized(name, x):
        gamma, beta, mean, variance = weights(name)
        return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    def attended(name, x):
        q, bq, k, bk, v, bv, o, bo = weights(name)
        q, k, v = (
            np.einsum("bcpe,ehk->bchpk", x, w) + b[:, None] for w, b in ((q, bq), (k, bk), (v, bv))
        )
        scores = np.exp(q @ k.swapaxes(-1, -2) / math.sqrt(k.shape[-1]))
        heads = scores / scores.sum(axis=-1, keepdims=True) @ v
        return np.einsum("bchpk,hke->bcpe", heads, o) + bo

    mean, stddev = X.mean(axis=1, keepdims=True), np.sqrt(X.var(axis=1, keepdims=True) + 1e-5)
    x = dense("embedding", np.array(Patches(4, 3)((X - mean) / stddev)))
    x = x + weights("positions")[0]
    for index in range(2):
        prefix = f"block_{index}"
        x = normalized(f"{prefix}_attention_norm", x + attended(f"{prefix}_attention", x))
        y = dense(f"{prefix}_hidden", x)
        y = y * (1 + np.vectorize(math.erf)(y / math.sqrt(2))) / 2
        x = normalized(f"{prefix}_dense_norm", x + dense(f"{prefix}_dense", y))
    x = dense("head", x.reshape(2, TARGETS, -1)).swapaxes(1, 2)
    assert_close(call(model, X)[:, 0], x * stddev + mean, 512)


def test_series_are_forecast_apart_and_alike():
    model = shaken(zoo.patchtst(**SIZES))
    order = [2, 0, 1]
    assert_close(call(model, X[..., order]), call(model, X)[..., order], 256)


def test_level_and_spread_come_back_in_the_forecast():
    model = shaken(zoo.patchtst(**SIZES, head="gaussian"))
    mean, stddev = np.moveaxis(call(model, X), -1, 0)
    found_mean, found_stddev = np.moveaxis(call(model, 8 * X + 3), -1, 0)
    # Apart from rounding: 1e-5 is added to the variance, here of about 1.
    assert_close(found_mean, 8 * mean + 3, 1024)
    assert_close(found_stddev, 8 * stddev, 1024)


WRONG = [
    ({"num_heads": 3}, "multiple of num_heads.*embedding_dim=8, num_heads=3"),
    ({"patch_length": 0}, "patch_length must be .* 0"),
    ({"stride": 0}, "stride must be .* 0"),
    ({"num_layers": 0}, "num_layers must be .* 0"),
    ({"dropout": 1.0}, r"\[0, 1\).*1\.0"),
    ({"targets": 4}, "at least targets=4 features .* Received: 3"),
    ({"input_shape": (None, 3)}, r"\(time, features\).*None"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.patchtst(**{**SIZES, **arguments})
