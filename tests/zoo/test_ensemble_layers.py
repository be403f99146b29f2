"""The parameter-sharing ensemble, against a loop of ordinary dense layers."""

import keras
import numpy as np
import pytest
from scipy.special import expit, logit, softmax

from zoo.layers import EnsembleDense, EnsembleMean, RandomSigns

RNG = np.random.default_rng(42)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


@pytest.mark.parametrize("members_in", [1, 3])
def test_each_member_is_a_dense_layer(members_in):
    layer = EnsembleDense(5, members=3)
    x = normal(7, members_in, 4)
    layer.build(x.shape)
    layer.set_weights([normal(*weight.shape) for weight in layer.weights])
    kernel, r, s, bias = layer.get_weights()
    outputs = keras.ops.convert_to_numpy(layer(x))
    assert outputs.shape == layer.compute_output_shape(x.shape) == (7, 3, 5)
    for member in range(3):
        dense = keras.layers.Dense(5)
        dense.build((None, 4))
        dense.set_weights([r[member][:, None] * kernel * s[member], bias[member]])
        expected = dense(x[:, member % members_in])
        np.testing.assert_allclose(outputs[:, member], expected, rtol=1e-4, atol=1e-5)


def test_members_start_equal_unless_their_input_scales_differ():
    x = normal(4, 1, 6)
    equal = keras.ops.convert_to_numpy(EnsembleDense(5, members=3)(x))
    np.testing.assert_array_equal(equal[:, 0], equal[:, 2])
    layer = EnsembleDense(5, members=3, input_scale_initializer=RandomSigns(seed=1))
    different = keras.ops.convert_to_numpy(layer(x))
    assert np.abs(different[:, 0] - different[:, 1]).max() > 0.1
    _, r, s, bias = layer.get_weights()
    assert set(np.unique(r)) == {-1.0, 1.0}
    assert np.all(s == 1)
    assert np.all(bias == 0)


def test_random_signs_are_fair_and_follow_the_seed():
    signs = np.array(RandomSigns(seed=3)((100, 100)))
    assert abs(signs.mean()) < 0.05
    np.testing.assert_array_equal(signs, RandomSigns(seed=3)((100, 100)))
    keras.utils.set_random_seed(5)
    first, second = (np.array(RandomSigns()((50,))) for _ in range(2))
    assert np.any(first != second)
    keras.utils.set_random_seed(5)
    np.testing.assert_array_equal(first, RandomSigns()((50,)))


def test_other_numbers_of_members_are_refused():
    with pytest.raises(ValueError, match=r"\(batch, 3 or 1, features\).*\(None, 2, 4\)"):
        EnsembleDense(5, members=3).build((None, 2, 4))


def test_the_mean_of_members():
    x = normal(6, 4, 3)
    np.testing.assert_allclose(EnsembleMean()(x), x.mean(axis=1), atol=1e-6)
    probabilities = softmax(np.array(EnsembleMean("multiclass")(x)), axis=-1)
    np.testing.assert_allclose(probabilities, softmax(x, axis=-1).mean(axis=1), atol=1e-6)
    for head in ("binary", "multilabel"):
        logits = np.array(EnsembleMean(head)(x))
        np.testing.assert_allclose(logits, logit(expit(x).mean(axis=1)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("head", ["binary", "multiclass"])
def test_sure_members_give_finite_logits(head):
    x = np.array([[[200.0, -200.0], [200.0, -200.0]], [[-200.0, 200.0], [200.0, -200.0]]])
    logits = np.array(EnsembleMean(head)(x))
    assert np.all(np.isfinite(logits))
    assert logits[0, 0] - logits[0, 1] > 100
    np.testing.assert_allclose(logits[1, 0] - logits[1, 1], 0, atol=1e-5)


def test_an_unknown_head_is_named():
    with pytest.raises(ValueError, match=r"regression, binary.*head='point'"):
        EnsembleMean("point")
