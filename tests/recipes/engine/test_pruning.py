"""`--prune`: sparse weights of any recipe, the best epoch among those that have them."""

import numpy as np
import pandas as pd
import pytest

import zoo


@pytest.mark.parametrize("epochs", [pytest.param(1, marks=pytest.mark.slow), 8])
def test_a_run_keeps_the_best_of_the_epochs_with_sparse_weights(trainer, epochs):
    run = trainer("images", model="mlp", progress="false")(
        compiled=True,  # more steps than to trace
        dataset="digits",
        epochs=epochs,
        prune=0.9,
        learning_rate=0.03,
        schedule="constant",
        **{"model.units": 8},
    )
    kernels = [np.array(w) for w in zoo.load(run).trainable_variables if len(w.shape) > 1]
    assert kernels
    for kernel in kernels:
        assert np.mean(kernel == 0) == pytest.approx(0.9, abs=1 / kernel.size)
    report = (run / "report.md").read_text()
    assert "90.0% of the weights of kernels are 0" in report
    losses = pd.read_csv(run / "history.csv")["val_loss"].tolist()
    first = max(1, epochs // 2) - 1
    best = first + np.argmin(losses[first:]) + 1
    assert f"the best was epoch {best} by" in report
    assert epochs == 1 or best > np.argmin(losses) + 1  # an epoch before them was better
