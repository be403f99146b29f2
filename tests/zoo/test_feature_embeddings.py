"""Embeddings of numbers and categories, and dense layers of their own."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.layers import (
    CategoryEmbedding,
    CrossedCategories,
    PeriodicEmbedding,
    PiecewiseLinearEncoding,
    SelectColumns,
    SeparateDense,
)

RNG = np.random.default_rng(42)
EDGES = [[-1.0, 0.0, 0.5, 4.0], [2.0, 3.0], [0.0, 1.0, 10.0]]


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def shaken(layer, shape):
    layer.build(shape)
    layer.set_weights([RNG.normal(size=w.shape).astype("float32") for w in layer.weights])
    return layer


def fill(x, edges, num_bins):
    """The encoding of one number, from its definition."""
    last = len(edges) - 2
    encoding = np.zeros(num_bins)
    for t in range(last + 1):
        share = (x - edges[t]) / (edges[t + 1] - edges[t])
        if t > 0:
            share = max(share, 0.0)
        if t < last:
            share = min(share, 1.0)
        encoding[t] = share
    return encoding


def test_piecewise_linear_encoding_is_its_definition():
    x = RNG.uniform(-4, 12, (50, 3)).astype("float32")
    outputs = to_numpy(PiecewiseLinearEncoding(EDGES)(x))
    assert outputs.shape == (50, 3, 3)
    expected = [[fill(v, e, 3) for v, e in zip(row, EDGES, strict=True)] for row in x]
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(outputs[:, 1, 1:], 0)
    np.testing.assert_array_equal(outputs[:, 2, 2], 0)


@settings(max_examples=40, deadline=None)
@given(
    training=st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=60),
    num_bins=st.integers(1, 12),
)
def test_weighted_with_the_widths_the_encoding_gives_the_number_back(training, num_bins):
    x = np.array(training, "float32")[:, None]
    edges = PiecewiseLinearEncoding.edges(x, num_bins)
    layer = PiecewiseLinearEncoding(edges)
    assert 1 <= layer.num_bins <= num_bins
    values = np.append(x, [[-2e3], [2e3]], axis=0)
    back = to_numpy(layer(values))[:, 0] @ np.diff(edges[0]) + edges[0][0]
    np.testing.assert_allclose(back, values[:, 0], rtol=1e-4, atol=1e-2)


def test_edges_are_the_distinct_quantiles_of_what_is_there():
    x = np.stack([np.arange(101.0), np.repeat([0.0, 1.0], [80, 21]), np.full(101, 7.0)], axis=1)
    x = np.append(x, np.full((101, 1), np.nan), axis=1)
    x[5, 1] = np.inf
    edges = PiecewiseLinearEncoding.edges(x, num_bins=4)
    assert edges == [[0, 25, 50, 75, 100], [0, 1], [7, 14], [0, 1]]
    assert PiecewiseLinearEncoding(edges).num_bins == 4
    large = PiecewiseLinearEncoding.edges(np.full((3, 1), 1e9))
    assert PiecewiseLinearEncoding(large)(np.array([[1e9]])).numpy().tolist() == [[[0.0]]]


@pytest.mark.parametrize("edges", [[[0.0]], [[0.0, 0.0]], [[1.0, 0.0]], [], [[]], [0.0, 1.0]])
def test_wrong_edges_are_named(edges):
    with pytest.raises(ValueError, match="bin_edges must hold"):
        PiecewiseLinearEncoding(edges)


def test_periodic_embedding_is_cosines_and_sines():
    layer = shaken(PeriodicEmbedding(num_frequencies=4, sigma=0.5), (None, 3))
    (frequencies,) = layer.get_weights()
    x = RNG.normal(size=(6, 3)).astype("float32")
    angles = 2 * np.pi * x[..., None] * frequencies
    expected = np.concatenate([np.cos(angles), np.sin(angles)], axis=-1)
    np.testing.assert_allclose(layer(x), expected, atol=1e-4)


def test_periodic_frequencies_start_with_their_deviation():
    layer = PeriodicEmbedding(num_frequencies=1000, sigma=0.25)
    layer.build((None, 8))
    (frequencies,) = layer.get_weights()
    assert abs(frequencies.std() - 0.25) < 0.01
    assert abs(frequencies.mean()) < 0.01
    with pytest.raises(ValueError, match=r"num_frequencies must be a whole number .* 0"):
        PeriodicEmbedding(num_frequencies=0)
    with pytest.raises(ValueError, match=r"sigma must be a number above 0.*0.0"):
        PeriodicEmbedding(sigma=0.0)


@pytest.mark.parametrize("activation", [None, "relu"])
def test_separate_dense_is_a_dense_layer_for_each_position(activation):
    layer = shaken(SeparateDense(4, activation), (None, 3, 5))
    kernel, bias = layer.get_weights()
    x = RNG.normal(size=(6, 3, 5)).astype("float32")
    expected = np.stack([x[:, p] @ kernel[p] + bias[p] for p in range(3)], axis=1)
    expected = np.maximum(expected, 0) if activation else expected
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_separate_dense_starts_with_the_size_of_one_dense_layer():
    layer = SeparateDense(200)
    layer.build((None, 10, 25))
    assert 0.19 < np.abs(layer.get_weights()[0]).max() <= 0.2  # 1 / sqrt(25)


def one_hot(codes, size):
    return np.eye(size, dtype="float32")[codes]


def test_category_embedding_is_a_dense_layer_on_one_hot_columns():
    sizes = (3, 5, 2)
    codes = np.stack([RNG.integers(0, size, 20) for size in sizes], axis=1)
    layer = shaken(CategoryEmbedding(sizes, 4), (None, 3))
    (table,) = layer.get_weights()
    parts = np.split(table, [3, 8])
    vectors = [one_hot(codes[:, i], sizes[i]) @ parts[i] for i in range(3)]
    np.testing.assert_allclose(layer(codes), np.stack(vectors, axis=1), atol=1e-6)
    total = CategoryEmbedding(sizes, 4, combiner="sum")
    total.build((None, 3))
    total.set_weights([table])
    np.testing.assert_allclose(total(codes), sum(vectors), atol=1e-5)


@pytest.mark.parametrize(
    "layer", [CategoryEmbedding((3, 5), 2), CrossedCategories((3, 5), [(0, 1)], 2)]
)
def test_codes_out_of_range_are_unknown(layer):
    shaken(layer, (None, 2))
    wrong = np.array([[3, -1], [10**9, 5], [2, -(2**31)]])
    np.testing.assert_array_equal(layer(wrong), layer(np.array([[0, 0], [0, 0], [2, 0]])))


def test_small_crosses_have_a_weight_for_each_pair():
    sizes, crosses = (3, 5, 2), [(0, 1), (2, 0)]
    layer = shaken(CrossedCategories(sizes, crosses, units=4), (None, 3))
    (kernel,) = layer.get_weights()
    assert kernel.shape == (15 + 6, 4)
    first, second = kernel[:15].reshape(3, 5, 4), kernel[15:].reshape(2, 3, 4)
    codes = np.stack([RNG.integers(0, size, 40) for size in sizes], axis=1)
    a, b, c = codes.T
    np.testing.assert_allclose(layer(codes), first[a, b] + second[c, a], atol=1e-6)


def test_large_crosses_share_a_bounded_number_of_weights_evenly():
    sizes, buckets = (400, 300), 1000
    layer = CrossedCategories(sizes, [(0, 1)], units=1, buckets=buckets)
    layer.build((None, 2))
    layer.set_weights([np.arange(buckets, dtype="float32")[:, None]])
    pairs = np.stack(np.meshgrid(np.arange(400), np.arange(300)), axis=-1).reshape(-1, 2)
    bucket = to_numpy(layer(pairs)).ravel().astype(int)
    counts = np.bincount(bucket, minlength=buckets)
    assert counts.sum() == 120_000
    assert counts.min() > 90  # 120 on average
    assert counts.max() < 150
    # Frequent values have low codes where they are sorted so: these must not collide.
    near = bucket[(pairs < 20).all(axis=1)]
    assert len(np.unique(near)) > 300  # of 400; 330 would be the mean of random draws


def test_the_hash_does_not_overflow():
    sizes, buckets = (2**30, 2**30), 46_340
    layer = CrossedCategories(sizes, [(0, 1)], units=1, buckets=buckets)
    layer.build((None, 2))
    layer.set_weights([np.arange(buckets, dtype="float32")[:, None]])
    codes = RNG.integers(0, 2**30, (1000, 2))
    step = layer._steps[0]
    expected = ((codes[:, 0] % buckets) * step + codes[:, 1]) % buckets
    np.testing.assert_array_equal(to_numpy(layer(codes)).ravel(), expected)


def test_select_columns():
    x = RNG.normal(size=(4, 6)).astype("float32")
    np.testing.assert_array_equal(SelectColumns([4, 0])(x), x[:, [4, 0]])
    codes = np.arange(8).reshape(2, 4)
    assert to_numpy(SelectColumns([2])(codes)).tolist() == [[2], [6]]


WRONG = [
    (lambda: CategoryEmbedding((3, 0), 2), r"sizes must .*\[3, 0\]"),
    (lambda: CategoryEmbedding((), 2), r"sizes must .*\[\]"),
    (lambda: CategoryEmbedding((3,), 2, combiner="mean"), "one of None, sum.*combiner='mean'"),
    (lambda: CategoryEmbedding((3,), 2).build((None, 2)), r"\(batch, 1\).*\(None, 2\)"),
    (lambda: CrossedCategories((3, 4), [(0, 2)], 1), r"below 2.*\[\(0, 2\)\]"),
    (lambda: CrossedCategories((3, 4), [(0, 0)], 1), r"two column numbers.*\[\(0, 0\)\]"),
    (lambda: CrossedCategories((3, 4), [(0,)], 1), r"two column numbers"),
    (lambda: CrossedCategories((3, 4), [(0, 1, 1)], 1), r"two column numbers"),
    (lambda: CrossedCategories((3, 4), [], 1), r"two column numbers"),
    (lambda: CrossedCategories((3, 4), [(0, 1)], 1, buckets=46_341), "46340.*46341"),
    (lambda: CrossedCategories((3, 4), [(0, 1)], 1, buckets=0), "buckets=0"),
    (lambda: CrossedCategories((3, 4), [(0, 1)], 1).build((None, 3)), r"\(batch, 2\)"),
]


@pytest.mark.parametrize(("build", "message"), WRONG)
def test_wrong_arguments_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
