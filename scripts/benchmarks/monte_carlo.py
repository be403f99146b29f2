"""How much faster Monte-Carlo dropout is than calling the model many times."""

import time

import keras
import numpy as np

import zoo
from scripts.benchmarks.timing import paired_ratio


def monte_carlo_speed(sizes=(1, 10, 100), samples=100, repeats=20) -> dict:
    """Times `zoo.monte_carlo` against as many calls `model(x, training=True)`, taken in turn.

    The model is the book's (chapter 11, cell 161): 300-100, SELU, alpha dropout 0.2.

    Returns:
        `{number of inputs: {"ratio": how many times faster, "interval": its half-width}}`.
    """
    keras.utils.set_random_seed(1)
    model = zoo.mlp(
        (28, 28), 10, "multiclass", preset="self_normalizing", dropout=0.2,
        output_activation="softmax",
    )  # fmt: skip
    result = {}
    for size in sizes:
        x = np.random.default_rng(1).normal(size=(size, 28, 28)).astype("float32")
        sides = {
            "calls": lambda x=x: np.mean(
                [keras.ops.convert_to_numpy(model(x, training=True)) for _ in range(samples)], 0
            ),
            "monte_carlo": lambda x=x: zoo.monte_carlo(model, x, samples).mean,
        }
        seconds = {name: [] for name in sides}
        for _ in range(repeats + 1):
            for name, side in sides.items():
                started = time.perf_counter()
                side()
                seconds[name].append(time.perf_counter() - started)
        ratio, interval = paired_ratio(seconds["calls"][1:], seconds["monte_carlo"][1:])
        result[str(size)] = {"ratio": ratio, "interval": interval}
    return result
