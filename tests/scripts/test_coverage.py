"""The benchmark of conformal intervals, on a run that asked for none."""

from dataclasses import replace

from recipes.engine.arguments import parse
from recipes.engine.run import train
from scripts.benchmarks import coverage


def test_runs_that_asked_for_none_are_calibrated_afterwards(tmp_path):
    config = parse("tabular", ["--model", "mlp", "--epochs", "1", "--progress", "false"])
    config = replace(config, logdir=str(tmp_path))
    folder = train("tabular", config)
    lines = coverage.table({"diabetes": [folder.path]}).splitlines()
    cells = [cell.strip() for cell in lines[4].strip("|").split("|")]
    assert cells[:3] == ["diabetes", "70", "1"]
    held = [float(cell) for cell in cells[3:]]
    assert 50 < held[0] <= held[1] <= held[2] <= 100
