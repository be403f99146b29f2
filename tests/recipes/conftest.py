"""Small files and small runs, shared by the tests of the recipes."""

import contextlib
import itertools
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from tests.shared import uncompiled

TINY = {
    "model": "linear_forecaster", "window": 14, "horizon": 3, "difference": 0, "epochs": 2,
    "batch_size": 16, "learning_rate": 0.001, "jit_compile": "false", "progress": "false",
}  # fmt: skip


def daily(rows=90, start="2024-01-01", columns=("y",), series=(), seed=1):
    """A CSV text of days with a weekly season: `t[,s],y[,...]`."""
    days = np.arange(rows) + np.datetime64(start)
    noise = np.random.default_rng(seed).normal(0, 0.1, (len(series) or 1, len(columns), 400))
    lines = [",".join(["t", *(["s"] if series else []), *columns])]
    for index, name in enumerate(series or [None]):
        for row, day in enumerate(days):
            season = 10 + index + 0.02 * row + np.sin(2 * np.pi * row / 7)
            values = [f"{season + noise[index, c, row]:.4f}" for c in range(len(columns))]
            lines.append(",".join([str(day), *([name] if name else []), *values]))
    return "\n".join(lines) + "\n"


@pytest.fixture(autouse=True, scope="session")
def _no_garbage_collected():
    """Each run and prediction would, which takes longer than much that is tested."""
    with mock.patch("recipes.data.memory.gc"):
        yield


@pytest.fixture(autouse=True, scope="session")
def _nothing_kept():
    """Tests change what baselines read: no other test is to find what they predicted then."""
    with mock.patch("recipes.engine.kept_baselines.WORTH", float("inf")):
        yield


def small_forest():
    """Boosted trees of 20 rounds at most; `tabular/test_loading.py` grows them to their end."""
    return mock.patch.multiple("recipes.tabular.baselines", FEWEST_ROUNDS=20, MOST_ROUNDS=20)


@pytest.fixture
def few_trees():
    with small_forest():
        yield


@contextlib.contextmanager
def without_pictures():
    """Drawing takes longer than training here, and so do trees and shuffling columns ten times."""
    touch = lambda self, path, **_: Path(path).touch()  # noqa: E731
    with (
        mock.patch("matplotlib.figure.Figure.savefig", touch),
        mock.patch("callbacks.TensorBoard._write_figures"),
        mock.patch("recipes.tabular.importances.REPEATS", 2),
        small_forest(),
    ):
        yield


@contextlib.contextmanager
def quick():
    """For all runs but the first of a module: without pictures and compiled steps."""
    with without_pictures(), uncompiled():
        yield


@pytest.fixture(scope="session")
def quickly():
    return quick


@pytest.fixture(scope="session")
def make_csv():
    return daily


@pytest.fixture(scope="session")
def undrawn():
    return without_pictures


@pytest.fixture(scope="session")
def trainer(tmp_path_factory):
    """Makes functions that call `zoo train RECIPE` and return the folder of the run."""
    from recipes.cli import main

    def make(recipe, quiet=quick, **tiny):
        if recipe == "forecast":  # which test_statistics.py fits
            tiny = {"statistics_seconds": 0, **tiny}
        numbers, logs = itertools.count(), tmp_path_factory.mktemp("logs")

        def run(*flags, draw=False, compiled=False, status=0, command="train", **settings):
            settings = {**tiny, "logdir": logs, "name": f"run{next(numbers)}", **settings}
            given = [f"--{name}={value}" for name, value in settings.items() if value is not None]
            context = contextlib.nullcontext if draw else without_pictures if compiled else quiet
            with small_forest(), context():
                assert main([command, recipe, *given, *map(str, flags)]) == status
            return Path(settings["logdir"], recipe, settings["name"])

        return run

    return make


@pytest.fixture(scope="session")
def train(trainer):
    """Calls `zoo train forecast` with a tiny model and returns the folder of the run."""
    return trainer("forecast", **TINY)
