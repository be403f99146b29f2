"""The benchmark of small models: what is measured of a file, and what is cut."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from scripts.benchmarks import small


def test_a_file_is_asked_in_the_place_of_its_model():
    inputs = keras.Input((3,), name="x")
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    task = SimpleNamespace(
        predictor=lambda model: model.predict_on_batch,
        predict=lambda predictor, part: predictor(np.ones((2, 3))),
        score=lambda found, part: {part: float(np.sum(found))},
    )
    own = small.scores(task, model)
    assert own == {"test": pytest.approx(2 * model.get_weights()[0].sum(), rel=1e-5)}

    def read(arrays):
        assert arrays["x"].dtype == "float16"
        return [7 * arrays["x"]]

    read.spec = {"inputs": {"x": {"dtype": "float16"}}}
    assert small.scores(task, model, read) == {"test": 42.0}


@pytest.mark.slow  # models are trained
def test_zeros_are_as_many_as_asked_for(monkeypatch):
    chance = np.random.default_rng(0)
    part = chance.random((64, 28, 28), "float32"), chance.integers(0, 10, 64)
    monkeypatch.setattr(small, "_clothes", lambda: {"train": part, "validation": part})
    monkeypatch.setattr(small, "SPARSITIES", (0.0, 0.9))
    whole, sparse = small.pruning(epochs=4, batch_size=16)
    assert whole["zeros"] < 0.01 < 0.89 < sparse["zeros"] < 0.91
    assert sparse["bytes"] < 0.3 * whole["bytes"]
    plain, l1 = small.cutting(epochs=2, batch_size=16).values()
    assert len(plain) == len(l1) == 2
    text = small.table({"tensorflow": [whole, sparse]}, "accuracy")
    assert "| none |" in text
    assert "| 90 % |" in text
