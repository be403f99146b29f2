"""`zoo find-lr` from end to end, on a tiny file."""

import csv
import re
from dataclasses import asdict
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import yaml

from callbacks.rate_curve import RateCurve
from recipes.cli import main
from recipes.data.batches import Batches
from recipes.engine.arguments import parse
from recipes.engine.config import TrainConfig
from recipes.engine.finding import endless

# The recipe's own defaults have a cosine schedule and several steps in a call.
TINY = {
    "model": "linear_forecaster", "window": 14, "horizon": 3, "batch_size": 16,
    "jit_compile": "false", "progress": "false", "steps": 30, "statistics_seconds": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory, make_csv):
    path = tmp_path_factory.mktemp("files") / "daily.csv"
    path.write_text(make_csv())
    return path


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return tmp_path_factory.mktemp("logs")


@pytest.fixture
def find(data, logs, capsys):
    """Calls the program; returns its status and what it printed."""

    def run(*flags, **settings):
        settings = {**TINY, "data": data, "logdir": logs, **settings}
        given = [f"--{name}={value}" for name, value in settings.items()]
        status = main(["find-lr", "forecast", *given, *flags])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def test_it_prints_suggestions_and_writes_the_curve(find, logs):
    status, printed, errors = find(name="first")
    folder = logs / "forecast" / "find-lr-first"
    assert status == 0
    assert errors == "" or errors.startswith("The loss diverged after")
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "find-lr.csv", "find-lr.png"}
    assert (folder / "find-lr.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((folder / "find-lr.csv").read_text().splitlines()))
    assert 5 < len(rows) <= 30
    assert float(rows[0]["learning_rate"]) == 1e-6
    found = yaml.safe_load((folder / "config.yaml").read_text())["run"]["find_lr"]
    for name in ("valley", "steepest", "minimum", "slide"):
        shown = re.search(rf"{name} .*--learning_rate (\S+)", printed)
        assert (shown is None) == (found[name] is None)
        assert shown is None or float(shown[1]) == pytest.approx(found[name], rel=0.06)

    before = (folder / "find-lr.csv").read_bytes()
    status, _, errors = find(name="first")
    assert status == 2
    assert "exists" in errors
    assert find("--overwrite", name="first")[0] == 0
    assert (folder / "find-lr.csv").read_bytes() == before  # same seed, same answer

    command = re.search(r"zoo train forecast (--config .*)", printed)[1]
    config = parse("forecast", command.split())
    assert config.learning_rate == pytest.approx(found["valley"], rel=0.06)
    assert (config.model, config.schedule, config.name) == ("linear_forecaster", "cosine", None)
    assert not Path(logs, "forecast", "first").exists()


def test_a_loss_that_is_no_number_is_told(find, logs):
    error = ValueError("The loss of the first batch is nan")
    with mock.patch("callbacks.find_learning_rate", side_effect=error):
        status, printed, errors = find(name="lost")
    assert (status, printed) == (1, "")
    assert "first batch is nan" in errors
    assert not (logs / "forecast" / "find-lr-lost").exists()


def test_a_curve_that_suggests_nothing_fails_and_is_written(find, logs):
    rising = RateCurve(np.geomspace(1e-6, 10.0, 30), np.arange(30.0))
    with mock.patch("callbacks.find_learning_rate", return_value=rising):
        status, printed, errors = find(name="bad")
    assert (status, printed) == (1, "")
    assert "never fell" in errors.splitlines()[-1]
    assert (logs / "forecast" / "find-lr-bad" / "find-lr.png").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_rate": 0}, "--min_rate must be above 0"),
        ({"max_rate": "nan"}, "--max_rate must be above 0"),
        ({"max_rate": "inf"}, "--max_rate must be above 0"),
        ({"min_rate": 1, "max_rate": 0.1}, "--min_rate 1 must be below --max_rate 0.1"),
        ({"steps": 5}, "--steps must be at least 10"),
        ({"steps": "many"}, "--steps: invalid int value"),
        ({"batch_size": 0}, "--batch_size must be at least 1"),
        ({"stepz": 3}, "There is no flag --stepz"),
        ({"data": "nowhere.csv"}, "nowhere.csv"),
        ({"name": "a/b"}, "--name must be a plain name"),
    ],
)
def test_wrong_flags_are_one_message_and_nothing_written(find, tmp_path, settings, message):
    status, printed, errors = find(logdir=tmp_path, **settings)
    assert (status, printed) == (2, "")
    assert message in errors
    assert len(errors.splitlines()) == 1
    assert not any(tmp_path.iterdir())


def test_a_recipe_is_needed_and_help_helps(capsys):
    assert main(["find-lr"]) == 2
    assert main(["find-lr", "forcast"]) == 2
    assert "Did you mean forecast?" in capsys.readouterr().err
    assert main(["find-lr", "--help"]) == 0
    assert main(["find-lr", "forecast", "--help-all"]) == 0
    printed = capsys.readouterr().out
    assert "--min_rate" in printed
    names = {*asdict(TrainConfig())} - {"model_arguments", "start_from"}  # `--model.ARG`, `--from`
    assert all(f"--{name}" in printed for name in names)


def test_the_epochs_go_on_one_after_the_other():
    class Training:
        epoch = 0

        def feed(self):
            return Feed()

    training = Training()

    class Feed:
        def __iter__(self):
            return iter([(training.epoch, step) for step in range(2)])

    stream = endless(training)
    assert [next(stream) for _ in range(5)] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
    assert hasattr(Batches, "feed")
