"""A tiny file, and searches on it."""

import functools
import itertools
from pathlib import Path

import keras
import pytest

from recipes.cli import main

TINY = {
    "model": "linear_forecaster", "window": 14, "horizon": 3, "difference": 0, "epochs": 2,
    "jit_compile": "false", "steps_per_execution": 1, "progress": "false", "statistics_seconds": 0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _garbage_stays(request, monkeypatch):
    """To look for garbage after each trial takes longer than the trial."""
    if "memory" not in request.node.name:
        clear = functools.partial(keras.utils.clear_session, free_memory=False)
        monkeypatch.setattr(keras.utils, "clear_session", clear)


@pytest.fixture(scope="module")
def data(tmp_path_factory, make_csv):
    path = tmp_path_factory.mktemp("files") / "daily.csv"
    path.write_text(make_csv())
    return path


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def flags(data, logs):
    """Builds the arguments of the program; returns them with the folder of the run."""
    numbers = itertools.count()

    def build(*more, command="tune", **settings):
        name = f"run{next(numbers)}"
        settings = {**TINY, "data": data, "logdir": logs, "name": name, **settings}
        given = [f"--{name}={value}" for name, value in settings.items() if value is not None]
        folder = Path(settings["logdir"], "forecast", settings["name"])
        return [command, "forecast", *given, *map(str, more)], folder

    return build


@pytest.fixture(scope="module")
def tune(flags, undrawn, quickly):
    """Calls the program and returns the folder of the run."""

    def run(*more, status=0, compiled=False, **settings):
        arguments, folder = flags(*more, **settings)
        with undrawn() if compiled else quickly():
            assert main(arguments) == status
        return folder

    return run


@pytest.fixture(scope="module")
def compiled_search(tune):
    """The same as it is in the processes that some tests kill or share it among."""
    return tune(trials=4, compiled=True)
