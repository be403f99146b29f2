"""The benchmark of conformal intervals, on a run that asked for none."""

from dataclasses import replace
from unittest import mock

import pytest

from recipes.engine.arguments import parse
from recipes.engine.run import train
from scripts.benchmarks import coverage


def test_the_mean_of_runs_and_of_sets():
    held = {"one": (70, [0.8, 0.91, 0.95]), "two": (90, [0.84, 0.89, 0.95]), "b": (9, [0.7] * 3)}
    with mock.patch.object(coverage, "_held", held.get):
        lines = coverage.table({"a": ["one", "two"], "b": ["b"]}).splitlines()
    assert lines[4] == "| a | 80 | 2 | 82.0 ± 2.8 | 90.0 ± 1.4 | 95.0 ± 0.0 |"
    assert lines[6] == "| mean of the sets |  |  | **76.0** | **80.0** | **82.5** |"


@pytest.mark.slow
def test_runs_that_asked_for_none_are_calibrated_afterwards(tmp_path):
    config = parse("tabular", ["--model", "mlp", "--epochs", "1", "--progress", "false"])
    config = replace(config, logdir=str(tmp_path))
    folder = train("tabular", config)
    lines = coverage.table({"diabetes": [folder.path]}).splitlines()
    cells = [cell.strip() for cell in lines[4].strip("|").split("|")]
    assert cells[:3] == ["diabetes", "70", "1"]
    held = [float(cell) for cell in cells[3:]]
    assert 50 < held[0] <= held[1] <= held[2] <= 100
