"""The training toolkit: what 1cycle saves, and what scheduled momentum and callbacks cost."""

import math
import statistics
import tempfile
import time

import keras
import numpy as np
from keras import layers

from callbacks import OneCycle, TensorBoard
from recipes.data.images.idx import read_idx
from recipes.engine.tables import markdown
from scripts.benchmarks.monte_carlo import monte_carlo_speed
from scripts.benchmarks.runs import kept
from scripts.benchmarks.timing import paired_ratio
from scripts.benchmarks.turns import train_in_turn

#: Epochs of the book's plain run (2nd edition, chapter 10, cell 57), and where its 1cycle run ends
#: on validation (chapter 11, cell 151).
PLAIN_EPOCHS, BOOK_ACCURACY = 30, 0.8934
CYCLE = {"epochs": 16, "batch_size": 128, "max_learning_rate": 0.15}
OVERHEAD = {"batch_size": 16, "steps_a_turn": 125}
CLOCKS = ("wall-clock", "processor")


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Measures what `only` names; see `scripts.benchmarks.forecast.measure`."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        "fashion": lambda: fashion(seeds),
        "overhead": overhead,
        "monte_carlo": monte_carlo_speed,
    }
    sections = {}
    for name, measured in parts.items():
        if any(part in name for part in only):
            found = kept(folder / f"{name}.json", measured, fresh)
            sections[_TITLES[name]] = _TEXTS[name](found)
    return sections


def mlp():
    """The book's 784-300-100-10 network (chapter 10, cell 42), pixels scaled inside."""
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(300, activation="relu"),
            layers.Dense(100, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def fashion(seeds=3) -> list[dict]:
    """Trains the book's plain run and the 1cycle run in turn, with seeds 1, 2, ...

    The wall-clock is that of `fit`: compilation and validation after each epoch included.

    Returns:
        One dict a seed: `plain_seconds`, `plain_accuracy`, `cycle_seconds`, `cycle_accuracy`, on
        the book's split (validation is the first 5,000 training pictures).
    """
    (x, y), _ = read_idx("fashion_mnist")
    train, validation = (x[5000:], y[5000:]), (x[:5000], y[:5000])
    results = []
    for seed in range(1, seeds + 1):
        found = {}
        for name, run in {"plain": _plain, "cycle": _cycle}.items():
            keras.utils.set_random_seed(seed)
            model, arguments = run(len(train[0]))
            started = time.perf_counter()
            history = model.fit(*train, validation_data=validation, verbose=0, **arguments)
            found[f"{name}_seconds"] = time.perf_counter() - started
            found[f"{name}_accuracy"] = history.history["val_accuracy"][-1]
        results.append(found)
    return results


def _plain(_):
    model = mlp()
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, {"epochs": PLAIN_EPOCHS, "batch_size": 32}


def _cycle(size):
    epochs, batch_size = CYCLE["epochs"], CYCLE["batch_size"]
    cycle = OneCycle(CYCLE["max_learning_rate"], epochs * math.ceil(size / batch_size))
    model = mlp()
    model.compile(
        optimizer=cycle.optimizer("sgd"),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=True,
        steps_per_execution=50,
    )
    return model, {"epochs": epochs, "batch_size": batch_size}


def overhead(repeats=20) -> dict:
    """Cost of scheduled momentum, and of the default callbacks, for an epoch of several seconds.

    Three twins of the book's network train in turns of a fraction of a second: Keras' SGD with the
    same rate schedule, the optimizer whose momentum is scheduled too, and the first one with
    `TensorBoard`. A second copy of the first one shows what the measurement itself can tell apart.

    Returns:
        By name and by clock (`"wall-clock"`, `"processor"`) the mean `ratio` and the half-width of
        its 95 % `interval`; also the `seconds` of a plain epoch.
    """
    (x, y), _ = read_idx("fashion_mnist")
    steps = (repeats + 1) * math.ceil(len(x) / OVERHEAD["batch_size"])
    cycle = OneCycle(0.05, steps)

    def fit(optimizer, folder=None):
        keras.utils.set_random_seed(1)
        model = mlp()
        model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")

        def run(callbacks):
            watch = [TensorBoard(folder)] if folder else []
            epochs = {"epochs": repeats + 1, "batch_size": OVERHEAD["batch_size"]}
            model.fit(x, y, verbose=0, callbacks=watch + callbacks, **epochs)

        return run

    def plain():
        return keras.optimizers.SGD(OneCycle(0.05, steps), momentum=0.9)

    with tempfile.TemporaryDirectory() as folder:
        fits = {
            "plain": fit(plain()),
            "scheduled momentum": fit(cycle.optimizer("sgd")),
            "TensorBoard": fit(plain(), folder),
            "plain, once more": fit(plain()),
        }
        taken = train_in_turn(list(fits.values()), OVERHEAD["steps_a_turn"])
    # The first epoch holds the compilation.
    seconds = {name: each[1:] for name, each in zip(fits, taken, strict=True)}
    reference = seconds.pop("plain")
    result = {"seconds": float(np.median(reference[:, 0])), "repeats": repeats}
    for name, each in seconds.items():
        result[name] = {}
        for column, clock in enumerate(CLOCKS):
            ratio, interval = paired_ratio(each[:, column], reference[:, column])
            result[name][clock] = {"ratio": ratio, "interval": interval}
    return result


_TITLES = {
    "fashion": "1cycle on Fashion-MNIST (784-300-100-10, book's split)",
    "overhead": "What the toolkit costs",
    "monte_carlo": "Monte-Carlo dropout (300-100, 100 samples)",
}


def _fashion_text(results):
    rows = [["", "validation accuracy", "seconds", "fraction of the plain run's time"]]
    plain = statistics.fmean(result["plain_seconds"] for result in results)
    for name, label in {"plain": "plain: SGD, batch 32", "cycle": "1cycle"}.items():
        accuracy = [result[f"{name}_accuracy"] for result in results]
        spread = statistics.stdev(accuracy) if len(accuracy) > 1 else 0.0
        taken = statistics.fmean(result[f"{name}_seconds"] for result in results)
        rows.append(
            [
                label,
                f"{statistics.fmean(accuracy):.4f} ± {spread:.4f}",
                f"{taken:.1f}",
                f"{taken / plain:.2f}",
            ]
        )
    return f"{markdown(rows)}\n\nThe book's own 1cycle run ends at {BOOK_ACCURACY}."


def _overhead_text(result):
    rows = [["", *(f"{clock} (95 % interval)" for clock in CLOCKS)]]
    for name in ("scheduled momentum", "TensorBoard", "plain, once more"):
        found = [result[name][clock] for clock in CLOCKS]
        shown = [f"{100 * (r['ratio'] - 1):+.1f} % ± {100 * r['interval']:.1f} %" for r in found]
        rows.append([name, *shown])
    return (
        f"Beside a plain epoch of {result['seconds']:.1f} s, over {result['repeats']} epochs of "
        f"each, in turns of {OVERHEAD['steps_a_turn']} steps:\n\n{markdown(rows)}"
    )


def _monte_carlo_text(result):
    rows = [["inputs", "times faster than 100 calls of the model (95 % interval)"]]
    rows += [[n, f"{r['ratio']:.1f} ± {r['interval']:.1f}"] for n, r in result.items()]
    return markdown(rows, texts=0)


_TEXTS = {
    "fashion": _fashion_text,
    "overhead": _overhead_text,
    "monte_carlo": _monte_carlo_text,
}
