"""How much faster cached generation is than recomputing the window at every step."""

import time

import keras
import numpy as np

import zoo
from zoo.decoding import forecast_recursively


def generation_speed(steps=1000, repeats=3, num_layers=10, filters=32):
    """Times a WaveNet that forecasts step by step, cached and recomputed.

    The model is `zoo.wavenet` with one block (dilations 1, 2, 4, ... 512) and a batch of one. Both
    sides start from the same context, as long as the receptive field, make the same forecasts,
    and run as one compiled loop on the same backend:

    - cached: reads the context step by step, then makes `steps` steps of constant cost.
    - recomputed: calls the model on a window as long as its receptive field at every step, the
      shortest that gives the same forecasts. It runs once with XLA and once without (where the
      backend offers both), and the faster one counts.

    The first call of each compiles and is not timed; then they take turns, and the fastest of
    `repeats` runs counts.

    Args:
        steps: Number of steps to generate. Defaults to 1000.
        repeats: Runs of each side. Defaults to 3.
        num_layers: Dilated layers. Defaults to 10.
        filters: Channels of every layer. Defaults to 32.

    Returns:
        Dict with `cached_seconds`, `recomputed_seconds`, `ratio`, `largest_difference`,
        `receptive_field`, `steps` and `backend`.

    >>> from scripts.benchmarks.generation import generation_speed
    >>> result = generation_speed(steps=5, repeats=1, num_layers=3, filters=4)
    >>> result["receptive_field"], result["largest_difference"] < 1e-5
    (9, True)
    """
    keras.utils.set_random_seed(42)
    model = zoo.wavenet((None, 1), filters=filters, num_blocks=1, num_layers=num_layers)
    field = zoo.receptive_field(2, [1, *(2**index for index in range(num_layers))])
    context = np.random.default_rng(42).normal(size=(1, field, 1)).astype("float32")
    sides = {
        "cached": lambda: forecast_recursively(model, context, steps, cached=True),
        "recomputed": lambda: forecast_recursively(model, context, steps, cached=False),
    }
    if keras.backend.backend() == "tensorflow":
        sides["recomputed without XLA"] = _without_xla(model, context, steps)
    outputs = {name: run() for name, run in sides.items()}
    seconds = dict.fromkeys(sides, float("inf"))
    for _ in range(repeats):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    recomputed = min(value for name, value in seconds.items() if name != "cached")
    return {
        "cached_seconds": seconds["cached"],
        "recomputed_seconds": recomputed,
        "ratio": recomputed / seconds["cached"],
        "largest_difference": max(
            float(np.abs(outputs["cached"] - output).max()) for output in outputs.values()
        ),
        "receptive_field": field,
        "steps": steps,
        "backend": keras.backend.backend(),
    }


def _without_xla(model, context, steps):
    import tensorflow as tf

    @tf.function
    def generate(window):
        outputs = tf.TensorArray(tf.float32, steps)
        for step in tf.range(steps):
            value = model(window, training=False)[:, -1, 0]
            outputs = outputs.write(step, value)
            window = tf.concat([window[:, 1:], value[:, None]], axis=1)
        return tf.transpose(outputs.stack(), (1, 0, 2))

    return lambda: generate(tf.constant(context)).numpy()
