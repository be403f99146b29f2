"""What the benchmark of training steps makes of its turns, and of its workers."""

import numpy as np
import pytest
from keras import Input, Model, layers

from scripts.benchmarks import speed
from scripts.benchmarks.speed_worker import _work


def way(*processor):
    return {
        "seconds": [2 * each for each in processor], "processor": [*processor], "first": 3.0,
        "examples": 64, "gigaflop": 4.0, "megabytes": 512.0,
    }  # fmt: skip


FOUND = {
    "peak": [50.0, 40.0, 30.0],
    "book": way(4.0, 4.0, 4.4),
    "tensorflow": way(1.0, 1.0, 1.1),
    "torch": way(0.5, 0.5, 0.55),
}


def test_rows_hold_ratios_and_the_part_of_the_peak():
    rows = {row[0]: row[1:] for row in speed._rows("mlp", FOUND)}
    assert rows["mlp: ours, TensorFlow"] == [
        "64", "4.00 ± 0.00", "0.50 ± 0.00", "4.0", "10%", "3.0 s", "0.5 GB",
    ]  # fmt: skip
    assert rows["mlp: plain `fit`"][1:3] == ["", "0.12 ± 0.00"]
    assert "mlp: ours, JAX" not in rows  # it was left out


def test_a_bar_is_missed_where_the_interval_says_so():
    assert [*speed._missed("mlp", FOUND)] == ["mlp on tensorflow 0.5 of 2 times PyTorch"]


def test_what_is_not_installed_is_left_out(monkeypatch, capsys):
    monkeypatch.setattr(speed, "find_spec", lambda name: None)
    found = speed.in_turns("mlp", ("book", "torch"))
    assert [*found] == ["peak"]
    assert "PyTorch is left out: torch is not installed" in capsys.readouterr().err


def test_a_worker_that_ends_is_named(monkeypatch):
    monkeypatch.setattr(speed, "STEPS", {"mlp": "no number"})
    with pytest.raises(RuntimeError, match="speed_worker mlp book no number ended"):
        speed.in_turns("mlp", ("book",))


class Batches:
    """Two texts of three places, one of them padding."""

    examples = np.arange(2)

    def assemble(self, examples):
        return np.int32([[1, 2, 3], [4, 5, 0]]), np.zeros(2)


def test_padding_is_no_work():
    ids = Input((None,), dtype="int32")
    x = layers.Embedding(6, 4)(ids)
    outputs = layers.Dense(1, name="head")(layers.SimpleRNN(4)(x))
    model = Model(ids, outputs, name="text_classifier")
    positions, sizes = (5, 5, 2), (16, 16, 4)  # two kernels of the cell, and the head's
    expected = 6 * sum(p * s for p, s in zip(positions, sizes, strict=True)) / 1e9
    assert _work(model, Batches())["gigaflop"] == pytest.approx(expected)


def test_the_peak_is_a_speed():
    assert 0.1 < speed.peak(size=256) < 10_000
