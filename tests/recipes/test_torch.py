"""The core of every recipe on PyTorch, which has no extra of its own: train, resume, predict."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from recipes import RECIPES
from tests.shared import write_small_data

TOP = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.torch,
    pytest.mark.skipif(find_spec("torch") is None, reason="needs torch"),
]

TINY = {
    "forecast": "--data series.csv --target y --model wavenet --model.filters 4 --window 16 "
    "--model.num_layers 3 --model.num_blocks 1 --horizon 2 --loss_steps 0 --statistics_seconds 0",
    "images": "--model mlp --model.units 8",
    "generate_images": "--model gan --model.units 6 --gradient_penalty 10 --score_samples 50",
    "tabular": "--model.units 8 --model.members 2",
    "language_model": "--data text.txt --model.units 8 --model.embedding_dim 4 --window 16 "
    "--sample_length 10",
    "text_classification": "--data texts.csv --target kind --model.embedding_dim 4 "
    "--model.buckets 100",
    "translation": "--data pairs.tsv --tokenizer words --held_out 10 --model.units 8 "
    "--model.embedding_dim 4 --model.attention_layer_size 8",
}
PREDICT = {
    "forecast": ["--backtest"],
    "generate_images": ["-o", "drawn.npy"],
    "language_model": ["--text", "the cat", "--length", "12"],
    "text_classification": ["--text", "good"],
    "translation": ["--text", "one two", "--beam", "2"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("torch")
    rng = np.random.default_rng(0)
    write_small_data(path, rng, steps=120)
    return path


def zoo(folder, *arguments):
    """The program, in a process of its own, which must end well; what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "recipes", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=600,
        env={**os.environ, "PYTHONPATH": f"{TOP}:{os.environ.get('PYTHONPATH', '')}",
             "KERAS_BACKEND": "torch"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_on_torch(folder, recipe):
    flags = [*TINY[recipe].split(), "--epochs", "2", "--progress", "false", "--name", "torch"]
    zoo(folder, "train", recipe, *flags)
    run = folder / "logs" / recipe / "torch"
    assert "backend: torch\n" in (run / "config.yaml").read_text()
    metrics = json.loads((run / "metrics.json").read_text())
    assert all(np.isfinite(value) for value in metrics["test"].values())
    (run / "metrics.json").unlink()  # as if it had been killed before its end
    zoo(folder, "train", "--resume", str(run))
    again = json.loads((run / "metrics.json").read_text())
    for name, value in metrics["test"].items():
        assert again["test"][name] == pytest.approx(value, rel=1e-4), name
    asked = ["predict", str(run), *PREDICT.get(recipe, [])]
    found = zoo(folder, *asked)
    if recipe == "generate_images":
        assert np.ptp(np.load(folder / "drawn.npy"), axis=0).max() > 0
        return
    assert found.count("\n") >= 1  # a model that has hardly learned may translate into nothing
    if recipe in ("forecast", "text_classification"):  # the same run on another backend
        other = zoo(folder, *asked, "--backend", "tensorflow")
        assert len(other.splitlines()) == len(found.splitlines())
