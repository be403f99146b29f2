"""What several test modules need: fresh processes, and weights that show every mistake."""

import atexit
import contextlib
import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np

#: What two runs of the same settings need not share, for `metrics | TIMES`.
TIMES = {"seconds": 0, "seconds_to_first_step": 0}

TOP = Path(__file__).parents[1]


def run_fresh(code, *arguments):
    """Runs a program in a process of its own, which must end well; returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=TOP,
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def refusal(capsys, *arguments, status=2):
    """The one line that the program prints on refusing its input."""
    from recipes.cli import main

    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == status
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("zoo: ")
    assert error.count("\n") == 1
    return error.removeprefix("zoo: ").rstrip("\n")


def write_small_data(path, rng, steps):
    """A file for each recipe that reads a series, a text, labelled texts or pairs of texts."""
    days = np.arange(steps) + np.datetime64("2024-01-01")
    rows = [f"{day},{np.sin(i):.3f}" for i, day in enumerate(days)]
    (path / "series.csv").write_text("\n".join(["t,y", *rows]) + "\n")
    words = ["one", "two", "three", "four", "five", "six", "the", "cat", "saw", "a", "dog"]
    texts = [" ".join(rng.choice(words, 5)) for _ in range(400)]
    (path / "text.txt").write_text(". ".join(texts))
    rows = [f"{text} {('good', 'bad')[i % 2]},{i % 2}" for i, text in enumerate(texts[:80])]
    (path / "texts.csv").write_text("\n".join(["text,kind", *rows]) + "\n")
    pairs = sorted({f"{text}\t{text[::-1]}" for text in texts})
    (path / "pairs.tsv").write_text("\n".join(pairs[:120]) + "\n")


#: Runs programs, each read as a line with its arguments; answers what they print or raise.
SERVER = """
import contextlib, io, json, sys, traceback
import keras
for line in sys.stdin:
    program, *sys.argv[1:] = json.loads(line)
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    printed, raised = io.StringIO(), None
    try:
        with contextlib.redirect_stdout(printed):
            exec(program, {"__name__": "__main__"})
    except Exception:
        raised = traceback.format_exc()
    print(json.dumps([printed.getvalue(), raised]), flush=True)
"""


@functools.cache
def _jax():
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], cwd=TOP, env=environment, text=True, **pipe
    )
    atexit.register(process.communicate)
    return process


def run_on_jax(code, *arguments):
    """Runs a program on the JAX backend, in a process that all such share; returns what it prints.

    A process for each would import Keras and JAX anew, which takes longer than most of them.
    """
    process = _jax()
    try:
        print(json.dumps([code, *map(str, arguments)]), file=process.stdin, flush=True)
        printed, raised = json.loads(process.stdout.readline())
    except BaseException:  # what it would answer later is no answer to the next program
        process.kill()
        _jax.cache_clear()
        raise
    assert raised is None, raised
    return printed


def every_day(chosen, names):
    """The parameters of a test of which only those chosen are not slow.

    The others ask the same of more kinds, whose parts the chosen ones have.
    """
    import pytest

    assert set(chosen) <= set(names), chosen
    return [n if n in chosen else pytest.param(n, marks=pytest.mark.slow) for n in names]


@contextlib.contextmanager
def uncompiled():
    """Keras compiles no steps; tracing them takes longer than a few small ones."""
    import keras

    eager = property(lambda model: True, lambda model, value: None)
    with mock.patch.object(keras.Model, "run_eagerly", eager):
        yield


def traced_once(model):
    """Makes the variables of a compiled model's optimizer, as `recipes` do.

    If the first step had to, it would be traced twice, which takes longer than a few small steps.
    """
    model.optimizer.build(model.trainable_variables)
    return model


def shaken(model, largest=0.5):
    """The model with random weights everywhere, biases and moving averages included."""
    rng = np.random.default_rng(7)
    for weight in model.weights:
        if weight.dtype == "int32":  # a list of what is known
            continue
        value = rng.uniform(-largest, largest, weight.shape).astype("float32")
        weight.assign(np.abs(value) + 0.2 if "variance" in weight.path else value)
    return model


def assert_close(actual, expected, ulps=64, eps=2.0**-23, least=1.0, err_msg=""):
    """Two ways to compute the same floats agree, as far as another processor can promise.

    Rounding errs by a fraction of the numbers that are added up, so the tolerance grows with the
    largest of the expected ones, for the small ones too: `ulps * eps * max(abs(expected))`, with
    float32's `eps`. They count as `least` at least: small outputs are sums of numbers around 1.
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=least)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=ulps * eps * scale, err_msg=err_msg)
