"""The benchmark of several processes: its arithmetic, and the table that it reads."""

import doctest

import pytest

from scripts.benchmarks import scaling
from scripts.benchmarks.gpu_cases import CASES


def test_examples():
    assert doctest.testmod(scaling).failed == 0


def test_the_table_of_the_card_is_read_and_its_networks_exist():
    steps = scaling.card_steps(scaling.TABLE.read_text())
    assert {*scaling.CASES} <= {*steps} <= {*CASES}
    assert all({*each} == {32, 512} for each in steps.values())


def test_on_paper():
    text = scaling.on_paper({"images_mlp": 266_610, "forecast_wavenet": 10**9, "unknown": 1})
    mlp, wavenet = [line for line in text.splitlines() if line.startswith(("| images", "| fore"))]
    assert "| 266,610 | 1.04 ms |" in mlp
    assert "| 1 | 1 (1.0 times) |" in wavenet  # 4 GB over a slow link
    assert "unknown" not in text


@pytest.mark.slow
def test_two_processes_are_timed(monkeypatch):
    monkeypatch.setitem(scaling.CASES, "tabular", 2)
    monkeypatch.setattr(scaling, "TURNS", 1)
    (found,) = scaling.turns("tabular")
    assert {*found} == {"alone", "apart", "shared", "both"}
    assert all(seconds > 0 for seconds in found.values())
