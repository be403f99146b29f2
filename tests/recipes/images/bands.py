"""Tiny pictures, and what the tests of the recipe ask of runs on them."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from recipes import images
from recipes.cli import main

TINY = {
    "epochs": 3, "batch_size": 8, "learning_rate": 0.01, "jit_compile": "false",
    "progress": "false", "model": "mlp", "model.units": "[12,6]",
    "model.dropout": "0.1", "weight_decay": "0",
}  # fmt: skip
NAMES = ("top", "middle", "bottom")


def pictures(count=90, channels=(), seed=0):
    """Pictures with a bright band, whose height is the class; noisy, one in ten mislabelled."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    x = generator.integers(0, 120, (count, 6, 5, *channels))
    for index, label in enumerate(labels):
        x[index, 2 * label : 2 * label + 2] += 60
    labels = np.where(generator.random(count) < 0.1, generator.integers(0, 3, count), labels)
    return x.astype(np.uint8), np.array(NAMES)[labels]


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text())


def rows_of(path):
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def numbers_of(run):
    """Sources, labels, predictions and class probabilities in a run's table."""
    _, *rows = rows_of(run / "predictions.csv")
    columns = list(zip(*rows, strict=True))
    found = np.float32([row[5:] for row in rows])
    return columns[0], np.array(columns[1]), np.array(columns[2]), found


def predict(run, *arguments):
    output = Path(run).parent / "out.csv"
    assert main(["predict", str(run), *map(str, arguments), "-o", str(output)]) == 0
    return rows_of(output)


def task_and_built(data, **flags):
    """What the recipe makes of the tiny settings, in this process."""
    defaults = {"data": str(data), "dataset": None, "batch_size": 8, "jit_compile": False}
    arguments = {"units": [12, 6], "dropout": 0.1}
    config = replace(
        images.default_config(own_data=True, model="mlp"),
        **{**defaults, "model_arguments": arguments, "epochs": 2, **flags},
    )
    config.validate()
    keras.utils.set_random_seed(1)
    task = images.load_data(config)
    return task, images.build_model(config, task)
