"""`--prune`: sparse weights of any recipe, the best epoch among those that have them."""

import csv
import json

import numpy as np
import pytest

import zoo


@pytest.mark.parametrize("epochs", [1, 5])
def test_a_run_keeps_the_best_of_the_epochs_with_sparse_weights(trainer, epochs):
    """The loss rises from the start, so that without them the first epoch would be kept."""
    run = trainer("images", model="mlp", progress="false")(
        dataset="digits", epochs=epochs, prune=0.75, learning_rate=0.5, **{"model.units": 8}
    )
    kernels = [np.array(w) for w in zoo.load(run).trainable_variables if len(w.shape) > 1]
    assert kernels
    for kernel in kernels:
        assert np.mean(kernel == 0) == pytest.approx(0.75, abs=1 / kernel.size)
    report = (run / "report.md").read_text()
    assert "75.0% of the weights of kernels are 0" in report
    losses = [float(row["val_loss"]) for row in csv.DictReader((run / "history.csv").open())]
    kept = json.loads((run / "metrics.json").read_text())["validation"]["nll"]
    assert kept == pytest.approx(min(losses[max(1, epochs // 2) - 1 :]), rel=1e-4)
    assert epochs == 1 or min(losses) < kept  # an epoch before them was better
