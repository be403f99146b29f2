"""Starts the child process in which TF-Addons runs, and passes arrays to and fro."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from recipes.errors import RunError, UserError

TOP = Path(__file__).parents[3]


def is_installed() -> bool:
    """Whether the extra `addons` is here; imports nothing."""
    return all(importlib.util.find_spec(name) for name in ("tensorflow_addons", "tf_keras"))


def check_installed() -> None:
    """Raises a `UserError` where TF-Addons cannot run, without importing anything."""
    if sys.version_info >= (3, 12):
        raise UserError(
            "Expected Python 3.11, the last one that tensorflow-addons was made for. Received: "
            f"Python {sys.version_info[0]}.{sys.version_info[1]}. Make a .venv anew with "
            "PYTHON=python3.11 scripts/setup addons."
        )
    if not is_installed():
        raise UserError(
            "Expected the package tensorflow-addons. Received: a Python without it. Install the "
            "extra: scripts/setup addons, or pip install '.[addons]'."
        )


def run(task: str, arrays=None, settings=None, timeout: float | None = None) -> dict:
    """Runs one task in a fresh process with TF-Addons, on the same Python.

    It is `"package.module:function"`, from arrays and settings to arrays, by name. Arrays travel as
    `.npz` files and settings as JSON, in a folder that is deleted afterwards.

    A `UserError` if the extra is not installed; a `RunError` if the child failed, with the end of
    what it wrote, or took longer than the `timeout` in seconds.
    """
    check_installed()
    with tempfile.TemporaryDirectory(prefix="zoo-addons-") as folder:
        folder = Path(folder)
        np.savez(folder / "inputs.npz", **(arrays or {}))
        (folder / "settings.json").write_text(json.dumps({"task": task, **(settings or {})}))
        command = [sys.executable, "-m", "recipes.translation.addons.child", str(folder)]
        try:
            done = subprocess.run(
                command, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True,
                text=True, errors="replace", timeout=timeout,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise RunError(f"TF-Addons had not finished {task!r} after {timeout} s.") from error
        if done.returncode:
            tail = "\n".join(done.stderr.splitlines()[-15:])
            raise RunError(f"TF-Addons failed at {task!r}; its process ended with:\n{tail}")
        with np.load(folder / "outputs.npz") as outputs:
            return dict(outputs)


def _environment():
    """The parent's environment, but for what chooses the Keras."""
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("KERAS_BACKEND", None)
    paths = [str(TOP), *environment.get("PYTHONPATH", "").split(os.pathsep)]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment
