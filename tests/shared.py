"""What several test modules need: fresh processes, and weights that show every mistake."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np


def run_fresh(code, *arguments, backend="tensorflow"):
    """Runs a program in a process of its own, which must end well; returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def shaken(model):
    """The model with random weights everywhere, biases and moving averages included."""
    rng = np.random.default_rng(7)
    for weight in model.weights:
        value = rng.uniform(-0.5, 0.5, weight.shape).astype("float32")
        weight.assign(np.abs(value) + 0.2 if "variance" in weight.path else value)
    return model
