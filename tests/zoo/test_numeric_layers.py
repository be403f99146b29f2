"""Scaling and filling of numeric columns."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.preprocessing import QuantileTransformer, RobustScaler

from zoo.layers import FillMissing, QuantileNormalization, RobustScaleSmoothClip, StandardScale

SCALERS = [StandardScale, RobustScaleSmoothClip, QuantileNormalization]


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def skewed(rows=500):
    """A log-normal, a uniform and a much repeated feature, on very different scales."""
    rng = np.random.default_rng(1)
    columns = [
        np.exp(rng.normal(size=rows)),
        rng.uniform(1e4, 2e4, rows),
        rng.integers(0, 4, rows),
    ]
    return np.stack(columns, axis=1)


def with_gaps(x):
    x = x.copy()
    x[::7, 0] = np.nan
    x[3, 1] = np.inf
    return x


def test_standard_scaling_is_minus_mean_over_deviation():
    x = skewed()
    outputs = to_numpy(StandardScale.from_data(x)(x))
    np.testing.assert_allclose(outputs, (x - x.mean(0)) / x.std(0), atol=1e-4)
    clipped = to_numpy(StandardScale.from_data(x, clip=1.5)(x))
    np.testing.assert_allclose(clipped, np.clip(outputs, -1.5, 1.5))
    assert np.abs(outputs).max() > 3


def test_robust_scaling_follows_its_formula():
    x = skewed()
    outputs = to_numpy(RobustScaleSmoothClip.from_data(x)(x))
    scaled = RobustScaler().fit_transform(x)
    np.testing.assert_allclose(outputs, scaled / np.sqrt(1 + (scaled / 3) ** 2), atol=1e-4)


def test_the_row_at_525_deviations_stays_within_3():
    occupancy = np.append(np.random.default_rng(0).normal(3, 2.3, 11_609), 230.0)[:, None]
    layer = RobustScaleSmoothClip.from_data(occupancy)
    x = np.array([[3.0 + 525 * 2.3], [1e30], [np.inf], [-np.inf], [-1e30]], "float32")
    outputs = to_numpy(layer(x)).ravel()
    assert np.all(np.abs(outputs) <= 3)
    np.testing.assert_allclose(np.abs(outputs), 3, atol=1e-3)
    assert outputs[0] > 2.99
    assert (outputs[1:3] > 0).all()
    assert (outputs[3:] < 0).all()


def test_mostly_equal_and_constant_and_empty_features_are_not_divided_by_0():
    x = np.zeros((9, 4))
    x[0, 0] = 8.0  # inter-quartile range 0, range 8
    x[:, 1] = 0.1
    x[:, 2] = 1e6 + 0.1
    x[:, 3] = np.nan
    robust = RobustScaleSmoothClip.from_data(x)
    np.testing.assert_array_equal(robust.scale, [8, 1, 1, 1])
    np.testing.assert_array_equal(robust.median, [0, 0.1, 1e6 + 0.1, 0])
    standard = StandardScale.from_data(x)
    np.testing.assert_allclose(standard.scale, [x[:, 0].std(), 1, 1, 1])
    quantile = QuantileNormalization.from_data(x)
    for layer in (robust, standard, quantile):
        outputs = to_numpy(layer(x.astype("float32")))
        np.testing.assert_array_equal(outputs[:, 1:3], 0)
        assert np.isnan(outputs[:, 3]).all()
        assert np.isfinite(outputs[:, 0]).all()


@pytest.mark.parametrize("scaler", SCALERS)
def test_constants_ignore_what_is_missing(scaler):
    x = with_gaps(skewed())
    layer, config = scaler.from_data(x), {}
    for feature in range(3):
        column = x[np.isfinite(x[:, feature]), feature : feature + 1]
        alone = scaler.from_data(column)
        outputs = to_numpy(alone(x[:, feature : feature + 1]))[:, 0]
        np.testing.assert_allclose(to_numpy(layer(x))[:, feature], outputs, atol=1e-6)
        config = alone.get_config()
    assert config["dtype"]["config"]["name"] == "float32"
    assert np.isnan(to_numpy(layer(x))[::7, 0]).all()
    with pytest.raises(ValueError, match=r"\(rows, features\).*\(3,\)"):
        scaler.from_data(np.zeros(3))


@pytest.mark.parametrize("scaler", SCALERS)
def test_whole_numbers_and_half_precision_do_not_change_the_result(scaler):
    x = np.random.default_rng(0).integers(0, 100_000, (50, 2))
    expected = to_numpy(scaler.from_data(x)(x.astype("float32")))
    np.testing.assert_array_equal(scaler.from_data(x)(x), expected)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        np.testing.assert_array_equal(scaler.from_data(x)(x), expected)
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("rows", [1000, 300, 40])
def test_quantile_normalization_agrees_with_scikit_learn(rows):
    """To 2e-3 standard deviations between the bounds, and at the bounds 5 for their 5.2."""
    x = skewed(rows)[:, :2]
    reference = QuantileTransformer(
        n_quantiles=min(256, rows), output_distribution="normal", subsample=None
    ).fit(x)
    new = np.random.default_rng(5).permuted(x, axis=0)[:200] * 1.0001
    for inputs in (x, new):
        expected = np.clip(reference.transform(inputs), -5, 5)
        outputs = to_numpy(QuantileNormalization.from_data(x)(inputs))
        inside = np.abs(expected) < 4
        np.testing.assert_allclose(outputs[inside], expected[inside], atol=2e-3)
        np.testing.assert_allclose(outputs[~inside], expected[~inside], atol=0.5)
    assert np.abs(to_numpy(QuantileNormalization.from_data(x)(x))).max() <= 5


def test_a_repeated_value_goes_to_the_middle_of_its_share():
    x = np.concatenate([np.arange(-30, 0), np.zeros(40), np.arange(1, 31)])[:, None] * 1.0
    reference = QuantileTransformer(n_quantiles=100, output_distribution="normal").fit(x)
    expected = np.clip(reference.transform(x), -5, 5)
    outputs = to_numpy(QuantileNormalization.from_data(x)(x))
    np.testing.assert_allclose(outputs, expected, atol=0.02)
    np.testing.assert_allclose(outputs[1:-1], expected[1:-1], atol=1e-4)
    # At either end too, where scikit-learn's transformer goes to its bound.
    halves = np.repeat([0.0, 1.0], [60, 40])[:, None]
    outputs = to_numpy(QuantileNormalization.from_data(halves)(halves))
    np.testing.assert_allclose(outputs[[0, -1], 0], norm.ppf([0.3, 0.8]), atol=0.03)


numbers = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False)


@settings(max_examples=60, deadline=None)
@given(
    training=st.lists(numbers, min_size=1, max_size=40),
    values=st.lists(numbers, min_size=1, max_size=20),
    max_knots=st.sampled_from([2, 3, 17, 256]),
)
def test_quantile_normalization_is_monotone_and_bounded(training, values, max_knots):
    layer = QuantileNormalization.from_data(np.array(training)[:, None], max_knots=max_knots)
    x = np.sort(np.array([*values, *training], "float32"))[:, None]
    z = to_numpy(layer(x)).ravel()
    assert np.all(np.isfinite(z))
    assert np.abs(z).max() <= 5
    assert np.diff(z).min(initial=0) >= -1e-5
    assert layer.knots[0].size <= max_knots


@settings(max_examples=60, deadline=None)
@given(values=st.lists(numbers, min_size=2, max_size=20), scale=st.floats(1e-3, 1e3))
def test_the_smooth_clip_keeps_the_order(values, scale):
    z = to_numpy(RobustScaleSmoothClip([1.0], [scale])(np.sort(np.float32(values))[:, None]))
    assert np.abs(z).max() <= 3
    assert np.diff(z[:, 0]).min() >= -1e-6


def test_filling_writes_the_learned_value_and_flags():
    layer = FillMissing(flags=[2, 0])
    x = np.array([[1.0, np.nan, np.inf], [np.nan, 5.0, 6.0]], "float32")
    zeros = [[1, 0, 0, 1, 0], [0, 5, 6, 0, 1]]
    np.testing.assert_array_equal(layer(x), zeros)
    layer.set_weights([np.array([0.1, 0.2, 0.3], "float32")])
    np.testing.assert_allclose(layer(x), [[1, 0.2, 0.3, 1, 0], [0.1, 5, 6, 0, 1]])
    assert layer.compute_output_shape((None, 3)) == (None, 5)
    assert FillMissing()(x).shape == (2, 3)


@pytest.mark.parametrize("scaler", SCALERS)
def test_no_nan_reaches_a_gradient(scaler):
    x = with_gaps(skewed(64)).astype("float32")
    model = keras.Sequential(
        [scaler.from_data(x), FillMissing(flags=[0]), keras.layers.Dense(4, "tanh")]
    )
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    model.build((None, 3))
    before = [np.array(weight) for weight in model.trainable_weights]
    model.train_on_batch(x, np.ones((64, 4), "float32"))
    after = [np.array(weight) for weight in model.trainable_weights]
    assert all(np.isfinite(weight).all() for weight in after)
    moved = [np.abs(b - a).max() for a, b in zip(after, before, strict=True)]
    assert min(moved) > 0
    value = after[0]
    assert value[0] != 0  # feature 0 has gaps, feature 2 has none
    assert value[2] == 0


@pytest.mark.parametrize("flags", [[3], [-1], [1, 1]])
def test_wrong_flags_are_named(flags):
    with pytest.raises(ValueError, match=rf"below 3\. Received: flags=\[{flags[0]}"):
        FillMissing(flags).build((None, 3))


WRONG = [
    (lambda: StandardScale([0.0], [0.0]), r"scale above 0\. Received: mean=\[0.0\], scale=\[0.0\]"),
    (lambda: StandardScale([0.0, 1.0], [1.0]), r"one for each feature.*\[0.0, 1.0\]"),
    (lambda: StandardScale([np.nan], [1.0]), r"finite .*mean=\[nan\]"),
    (lambda: StandardScale([0.0], [1.0], clip=0), "clip must be above 0, or None.*clip=0"),
    (lambda: RobustScaleSmoothClip([0.0], [-1.0]), r"median=\[0.0\], scale=\[-1.0\]"),
    (lambda: QuantileNormalization([[1.0, 1.0]], [[0.0, 1.0]]), r"knots must increase.*\[1.0, 1.0"),
    (
        lambda: QuantileNormalization([[1.0, 2.0]], [[1.0, 0.0]]),
        r"shares must increase.*\[1.0, 0.0",
    ),
    (lambda: QuantileNormalization([[1.0, 2.0]], [[1.0]]), r"\[2\] knots, \[1\] shares"),
    (lambda: QuantileNormalization([], []), r"\[\] knots, \[\] shares"),
    (lambda: QuantileNormalization([[]], [[]]), r"knots must increase.*\[\]"),
]


@pytest.mark.parametrize(("build", "message"), WRONG)
def test_wrong_constants_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
