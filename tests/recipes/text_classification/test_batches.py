"""Batches of texts: each text once, similar lengths together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.text_classification.data.text_batches import TextBatches


def some_ids(seed, count):
    generator = np.random.default_rng(seed)
    return [generator.integers(1, 99, generator.integers(1, 70)).astype("int32")
            for _ in range(count)]  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 99), st.integers(1, 40), st.integers(1, 9), st.booleans(), st.booleans())
def test_batches_hold_every_text_once(seed, count, size, shuffled, bucketing):
    ids, labels = some_ids(seed, count), np.arange(count) * 2
    batches = TextBatches(ids, labels, size, seed if shuffled else None, bucketing=bucketing)
    batches.epoch = 3
    order, found = batches.order(), []
    assert (batches.order() == order).all()
    for first in range(0, len(order), batches.batch_size):
        chosen = order[first : first + batches.batch_size]
        rows, targets = batches.assemble(chosen)
        assert rows.dtype == np.int32
        np.testing.assert_array_equal(targets, labels[chosen])
        longest = max(len(ids[n]) for n in (chosen if bucketing else range(count)))
        assert longest <= rows.shape[1] <= max(8, 1.25 * longest)
        for row, number in zip(rows, chosen, strict=True):
            np.testing.assert_array_equal(row[: len(ids[number])], ids[number])
            assert not row[len(ids[number]) :].any()
        found += chosen.tolist()
    left_out = count % batches.batch_size if shuffled else 0
    assert len(set(found)) == len(found) == count - left_out


def test_similar_lengths_come_together_in_another_order_each_epoch():
    batches = TextBatches(some_ids(0, 640), np.zeros(640), 32, seed=1)
    widths, orders = [], []
    for batches.epoch in range(2):
        orders.append(batches.order())
        shapes = [batches.assemble(batch)[0].shape for batch in orders[-1].reshape(20, 32)]
        widths.append([width for _, width in shapes])
    assert widths[0] != widths[1]
    assert widths[0] != sorted(widths[0])
    real = batches.lengths.sum()
    assert sum(widths[0]) * 32 < 1.35 * real
    padded = TextBatches(some_ids(0, 640), np.zeros(640), 32, seed=1, bucketing=False)
    assert padded.assemble(padded.order()[:32])[0].size * 20 > 1.8 * real
    first, second = (order.reshape(20, 32) for order in orders)
    assert not {frozenset(batch) for batch in first} & {frozenset(batch) for batch in second}


@pytest.mark.parametrize("bucketing", [True, False])
@pytest.mark.parametrize("seed", [None, 5])
def test_the_pipeline_of_tensorflow_gives_the_same_batches(seed, bucketing):
    weights = np.linspace(1, 2, 21).astype("float32")
    labels = np.arange(21, dtype="float32")[:, None]
    batches = TextBatches(some_ids(1, 21), labels, 4, seed, weights, bucketing)
    order, feed = batches.order(), list(batches.feed())
    assert len(feed) == len(batches)
    for step, found in enumerate(feed):
        expected = batches.assemble(order[4 * step : 4 * step + 4])
        assert len(found) == 3
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.numpy().dtype == other.dtype
