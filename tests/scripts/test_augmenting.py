"""The benchmark of augmentations: what is mixed, and the table."""

import numpy as np
import pytest

from recipes.data.batches import ArrayBatches
from scripts.benchmarks import augmenting
from scripts.benchmarks.images import AUGMENTED


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_labels_are_mixed_as_the_pictures_are(kind):
    count, classes = 64, 64
    pictures = np.repeat(np.arange(count, dtype="uint8"), 12 * 10).reshape(count, 12, 10)
    labels = np.eye(classes, dtype="float32")
    batches = augmenting.mixed_batches(kind, ArrayBatches)(pictures, labels, 8, seed=3)
    shares = []
    for epoch in range(3):
        batches.epoch = epoch
        for rows in batches.order().reshape(-1, 8):
            x, y = batches.assemble(rows)
            np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-6)
            # Each picture is of one value, so its mean is that of the labels' numbers.
            np.testing.assert_allclose(x.mean(axis=(1, 2)), y @ np.arange(classes), rtol=1e-5)
            again, _ = batches.assemble(rows)
            np.testing.assert_array_equal(x, again)
            shares.append((y > 0).sum(axis=1).max())
    assert set(shares) == ({2} if kind == "mixup" else {1, 2}), "CutMix leaves half as they are"
    plain = augmenting.mixed_batches(kind, ArrayBatches)(pictures, labels, 8)
    np.testing.assert_array_equal(plain.assemble(np.arange(8))[0], pictures[:8])


def test_gains_are_of_the_same_seeds(tmp_path):
    assert set(augmenting.rows(tmp_path)) == set(AUGMENTED)
    ways = augmenting.rows(tmp_path / "none")["few"]
    assert {row.program[0] for row in ways.values()} == {"recipes", "scripts.benchmarks.augmenting"}
    runs = {
        "none": [
            {"validation": {"accuracy": 0.5}, "test": {"accuracy": each}} for each in (0.5, 1)
        ],
        "moved": [
            {"validation": {"accuracy": 0.5}, "test": {"accuracy": each}} for each in (0.6, 1)
        ],
    }
    lines = augmenting.table(runs)
    assert lines[1][::3] == ["none", ""]
    assert lines[2][::3] == ["moved", "+0.0500 ± 0.0707"]
