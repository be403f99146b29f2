"""One device's part of `gpu`, in a process of its own: prints a line of JSON for each measurement.

The first line names the device, or says that there is none.
"""

import json
import os
import statistics
import sys
import time
from dataclasses import dataclass

from recipes.engine.environment import prepare

#: Policy of dtypes, and type of the matrix products that the peak is measured with.
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Args:
        batches: Batch sizes.
        steps: Training steps that are timed together.
        repeats: How often each is timed.
        matrix: Size of the matrices whose product gives the peak.
        length: Length of sequences, at most; None for the book's.
    """

    batches: tuple[int, ...]
    steps: int
    repeats: int
    matrix: int
    length: int | None = None


#: The book's batch, and one that fills a card; the CPU beside it; and what a test has time for.
SIZES = {
    "card": Size((32, 512), 64, 5, 8192),
    "beside": Size((32,), 2, 2, 1024),
    "small": Size((2,), 2, 2, 256, length=8),
}


def main(device, size, precisions, names):
    """Measures the cases of these names on a device, `"gpu"` or `"cpu"`."""
    prepare(os.environ.get("KERAS_BACKEND", "tensorflow"), "cpu" if device == "cpu" else "auto")
    found = _cpu() if device == "cpu" else accelerator()
    _say({"device": found})
    if found is None:
        return
    import keras

    for precision in precisions:
        _say({"precision": precision, "peak": peak(SIZES[size].matrix, precision)})
    for name in names:
        for precision in precisions:
            for batch in SIZES[size].batches:
                keras.config.set_dtype_policy(PRECISIONS[precision])  # `clear_session` forgets it
                said = {"case": name, "batch": batch, "precision": precision, "kind": "step"}
                try:
                    for each in measured(name, batch, SIZES[size]):
                        _say({**said, **each})
                        said["kind"] = "what follows"
                except Exception as error:  # the others are measured all the same
                    _say({**said, "error": f"{type(error).__name__}: {str(error)[:200]}"})
                keras.utils.clear_session()
        _say({"done": name})


def _say(line):
    print(json.dumps(line), flush=True)


def _cpu():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"CPU, cores: {cores}"


def accelerator() -> str | None:
    """The name of the first device of Keras' backend that is no CPU; None without one."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        for device in tf.config.list_physical_devices("GPU"):
            return tf.config.experimental.get_device_details(device).get("device_name", device.name)
    elif keras.backend.backend() == "jax":
        import jax

        for device in jax.devices():
            if device.platform != "cpu":
                return device.device_kind
    return None


def peak(size, precision, products=20) -> float:
    """GFLOP/s of products of two square matrices of a precision, the best of three tries."""
    import numpy as np
    from keras import ops

    random = np.random.default_rng(0).normal(size=(size, size)) / size**0.5
    matrix = ops.cast(ops.convert_to_tensor(random.astype("float32")), precision)
    seconds = []
    for _ in range(4):  # the first one warms up
        began, x = time.perf_counter(), matrix
        for _ in range(products):
            x = ops.matmul(matrix, x)
        float(ops.convert_to_numpy(ops.cast(x[0, 0], "float32")))  # waits for the device
        seconds.append(time.perf_counter() - began)
    return 2 * size**3 * products / min(seconds[1:]) / 1e9


def measured(name, batch, size):
    """Measures the training step of a case, and all that it writes.

    Yields dictionaries with the `kind`, `"step"` or what is written, the median `seconds`, and the
    `tokens` and `gigaflop` of it.
    """
    from scripts.benchmarks.gpu_cases import CASES

    case = CASES[name]
    example = case.example(batch, size.length)
    yield {
        "kind": "step",
        "seconds": step_seconds(example, batch, size),
        "tokens": example.tokens,
        "gigaflop": 3 * example.work / 1e9,
    }
    for kind, write in case.writes.items():
        writing = write(example)
        writing.run()  # compiles
        seconds = [_timed(writing.run) for _ in range(size.repeats)]
        yield {
            "kind": kind,
            "seconds": statistics.median(seconds),
            "tokens": writing.tokens,
            "gigaflop": writing.work / 1e9,
        }


def _timed(run):
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def step_seconds(example, batch, size, callbacks=()) -> float:
    """Seconds of a training step as a recipe makes it: its feed, its rule of what is compiled.

    `callbacks` are more of them for `fit`.
    """
    import keras
    import numpy as np

    from recipes.data.batches import ArrayBatches
    from recipes.engine.compiling import compiled_by
    from scripts.benchmarks.random_networks import LongRun

    class Watch(keras.callbacks.Callback):
        """Seconds of each epoch."""

        seconds = ()

        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            float(logs["loss"])  # waits for the device
            self.seconds += (time.perf_counter() - self.began,)

    batches = ArrayBatches(example.x, example.y, batch, seed=1)
    batches.examples = np.tile(batches.examples, size.steps)
    model = example.compiled(**compiled_by(LongRun(), example.model, batches))
    watch = Watch()
    epochs = 1 + size.repeats  # the first one compiles
    callbacks = [*callbacks, watch]
    model.fit(batches.feed(), shuffle=False, epochs=epochs, verbose=0, callbacks=callbacks)
    return statistics.median(watch.seconds[1:]) / size.steps


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3].split(","), sys.argv[4].split(","))
