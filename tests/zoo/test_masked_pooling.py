"""Pooling of the real steps of a sequence."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.layers import AttentionPooling, MaskedPooling

KINDS = ("last", "mean", "max")


def case(time=7, seed=0):
    """Vectors, and masks of all sorts: full, padded behind, with gaps, empty."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(5, time, 3)).astype("float32")
    mask = rng.random((5, time)) < 0.6
    mask[0], mask[1], mask[4] = True, np.arange(time) < 2, False
    return x, mask


def expected(kind, x, mask):
    """Row by row."""
    pooled = np.zeros((len(x), x.shape[-1]), "float32")
    for row, (vectors, real) in enumerate(zip(x, mask, strict=True)):
        if real.any():
            found = vectors[real]
            pooled[row] = {"last": found[-1], "mean": found.mean(0), "max": found.max(0)}[kind]
    return pooled


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=40)
@given(time=st.integers(1, 9), seed=st.integers(0, 99))
def test_it_pools_the_real_steps(kind, time, seed):
    x, mask = case(time, seed)
    pooled = MaskedPooling(kind)(x, mask=mask)
    np.testing.assert_allclose(pooled, expected(kind, x, mask), atol=1e-6)
    without = MaskedPooling(kind)(x)
    np.testing.assert_allclose(without, expected(kind, x, np.ones_like(mask)), atol=1e-6)


def test_attention_is_a_mean_with_weights():
    x, mask = case()
    layer = AttentionPooling(units=4)
    layer.build(x.shape)
    rng = np.random.default_rng(5)
    kernel, bias, score = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=(4, 1))
    layer.set_weights([kernel, bias, score])
    weights = np.exp(np.tanh(x @ kernel + bias) @ score)[..., 0] * mask
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-30)
    np.testing.assert_allclose(layer.weights_of(x, mask), weights, atol=1e-6)
    np.testing.assert_allclose(layer(x, mask=mask), (weights[..., None] * x).sum(1), atol=1e-5)
    all_real = np.ones_like(mask)
    np.testing.assert_allclose(layer(x), layer(x, mask=all_real), atol=1e-6)
    assert np.all(np.array(layer.weights_of(x[:, :1])) == 1)  # of one step, without a warning


@pytest.mark.parametrize("layer", [*map(MaskedPooling, KINDS), AttentionPooling()])
def test_other_steps_get_no_gradient(layer):
    x, mask = case()
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x, mask=mask) ** 2)
    gradient = np.array(tape.gradient(loss, x))
    assert np.isfinite(gradient).all()
    assert np.all(gradient[~mask] == 0)
    assert np.all(np.abs(gradient[:4]).sum(axis=(1, 2)) > 0)


def test_a_mask_that_came_along_ends_here():
    ids = keras.Input((None,), dtype="int32")
    steps = keras.layers.Embedding(5, 3, mask_zero=True)(ids)
    model = keras.Model(ids, keras.layers.Dense(2)(MaskedPooling("mean")(steps)))
    narrow = np.array([[1, 2]])
    np.testing.assert_allclose(model(np.array([[1, 2, 0]])), model(narrow), atol=1e-6)


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match=r"last, mean, max.*kind='min'"):
        MaskedPooling("min")
