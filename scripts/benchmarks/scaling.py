"""What several processes gain: two of them measured here, many of them on paper.

Measured are a training step of a network of each recipe, on JAX, in processes of one core each: one
alone; two that know nothing of each other, which shows what the machine itself loses; two that
share its batch (strong scaling); and two with a batch each (weak scaling).

On paper, N accelerators add up gradients of G bytes in a ring: each sends 2 (N - 1) / N G bytes, in
2 (N - 1) messages. The time of a step is that of its part of the batch, which a straight line
through the two batches in the table of `scripts/benchmark gpu` gives, and that of the ring; none of
it is hidden behind the way back.
"""

import json
import os
import re
import socket
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from recipes.engine.tables import markdown
from scripts.benchmarks.runs import kept
from scripts.benchmarks.start import ALONE
from scripts.launching import ADDRESS, COUNT, INDEX

#: A network of each recipe, and the steps that are timed together.
CASES = {
    "images_mlp": 192, "images_cnn": 4, "tabular": 512, "forecast_wavenet": 32,
    "language_model_gru": 12, "text_classification": 4, "translation_transformer": 4,
    "generate_images_dcgan": 4,
}  # fmt: skip
#: Turns, and the batch of one process.
TURNS, EACH = 5, 32
#: Bytes a second of a device, and seconds of a message.
LINKS = {
    "10 Gbit/s": (1.25e9, 50e-6),
    "100 Gbit/s": (12.5e9, 10e-6),
    "NVLink, 450 GB/s": (450e9, 3e-6),
}
#: The most accelerators that are looked at, and the batch of each, or of all.
MOST, BATCH = 1024, 512
TABLE = Path(__file__).parents[2] / "recipes/README.md"


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Measures the networks that `only` names; see `__main__`."""
    del seeds  # turns tell how sure a ratio is
    folder.mkdir(parents=True, exist_ok=True)
    rows = [["", "step", "two that know nothing", "two share the batch", "two batches", "exchange"]]
    for case in CASES:
        if any(part in case for part in only):
            found = kept(folder / f"{case}.json", lambda case=case: turns(case), fresh)
            rows.append([case.replace("_", " "), *measured(found)])
    sizes = kept(folder / "sizes.json", _sizes, fresh)
    here = (
        f"{markdown(rows)}\n\nMilliseconds of a step of {EACH} examples of one process on one core "
        f"(medians of {TURNS} turns), and how many times as many examples a second two of them "
        "compute, with the range over the turns: 2 is all that two cores can give. The exchange is "
        "the time by which a step of two batches is longer than one of two processes that know "
        "nothing of each other: gradients over loopback, and the waiting for the slower one."
    )
    return {"Two processes, a core each": here, "Many accelerators, on paper": on_paper(sizes)}


def turns(case) -> list[dict]:
    """Seconds of a step in each way, turn by turn."""
    ways = {
        "alone": lambda: _seconds(case, EACH, 1),
        "apart": lambda: _seconds(case, EACH, 2),
        "shared": lambda: _seconds(case, EACH, 2, together=True),
        "both": lambda: _seconds(case, 2 * EACH, 2, together=True),
    }
    return [{name: way() for name, way in ways.items()} for _ in range(TURNS)]


def _seconds(case, batch, count, together=False):
    """Seconds of a step of the slowest of some processes, each on a core of its own."""
    threads = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    shared = {**os.environ, **ALONE, "KERAS_BACKEND": "jax", "XLA_FLAGS": threads}
    if together:
        with socket.create_server(("127.0.0.1", 0)) as free:
            shared |= {ADDRESS: f"127.0.0.1:{free.getsockname()[1]}", COUNT: str(count)}
    cores = sorted(os.sched_getaffinity(0)) * count
    sizes = (str(batch), str(CASES[case]))
    worker = [sys.executable, "-m", "scripts.benchmarks.scaling_worker", case, *sizes]
    started = [
        subprocess.Popen(
            worker, env={**shared, INDEX: str(index)}, stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda core=core: os.sched_setaffinity(0, {core}),
        )
        for index, core in enumerate(cores[:count])
    ]  # fmt: skip
    said = [each.communicate()[0] for each in started]
    if any(each.returncode for each in started):
        raise RuntimeError(f"A process of {case} failed: its message is above.")
    return max(json.loads(each.splitlines()[-1]) for each in said)  # Gloo speaks before


def measured(found) -> list[str]:
    """The cells of a network: milliseconds, ratios of examples a second, and the exchange.

    >>> measured([{"alone": 0.01, "apart": 0.01, "shared": 0.008, "both": 0.0125}])
    ['10.0', '2.00 (2.00 to 2.00)', '1.25 (1.25 to 1.25)', '1.60 (1.60 to 1.60)', '2.5 ms']
    """
    cells = [f"{1000 * statistics.median(turn['alone'] for turn in found):.1f}"]
    for way, batches in (("apart", 2), ("shared", 1), ("both", 2)):
        times = [batches * turn["alone"] / turn[way] for turn in found]
        cells.append(f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})")
    longer = statistics.median(turn["both"] - turn["apart"] for turn in found)
    return [*cells, f"{1000 * longer:.1f} ms"]


def _sizes():
    """Trainable weights of every network."""
    from scripts.benchmarks import gpu_cases

    models = {name: case.example(2).model for name, case in gpu_cases.CASES.items()}
    return {
        name: sum(int(np.prod(each.shape)) for each in model.trainable_variables)
        for name, model in models.items()
    }


def on_paper(sizes) -> str:
    """Where data parallelism stops paying, for every network that was measured on a card."""
    rows = [["", "weights", "step", *(f"{link}: {each}" for link in LINKS for each in ("a", "b"))]]
    steps = card_steps(TABLE.read_text())
    for case, weights in sizes.items():
        if case not in steps:
            continue
        step = line_through(steps[case])
        row = [case.replace("_", " "), f"{weights:,}", f"{1000 * step(BATCH):.2f} ms"]
        for link in LINKS.values():
            most = weak(step(BATCH), 4 * weights, *link)
            count, times = strong(step, 4 * weights, *link)
            row += [f"{most:,}" + " or more" * (most == MOST), f"{count:,} ({times:.1f} times)"]
        rows.append(row)
    return (
        f"{markdown(rows)}\n\nFrom the weights of each network and its step of {BATCH} examples "
        "in the table of `scripts/benchmark gpu` (one H100, float32). (a) With "
        f"{BATCH} examples for each accelerator: how many of them may be used until half of their "
        f"time goes into the exchange of gradients. (b) With {BATCH} examples for all of them "
        "together: the number that makes the shortest step, and how much shorter it is. A message "
        f"takes {', '.join(f'{1e6 * late:.0f} µs ({name})' for name, (_, late) in LINKS.items())}."
    )


def card_steps(text) -> dict[str, dict[int, float]]:
    """Seconds of a step by batch, for each case of `gpu`, out of its table.

    >>> card_steps("| images mlp: step | 32 | 0.5 | 57,002 |")
    {'images_mlp': {32: 0.0005}}
    """
    found: dict[str, dict[int, float]] = {}
    for name, batch, number in re.findall(r"\| ([\w ]+): step \| (\d+) \| ([\d.]+) \|", text):
        found.setdefault(name.replace(" ", "_"), {})[int(batch)] = float(number) / 1000
    return found


def line_through(steps):
    """Seconds of a step of any batch: a straight line through those that were measured.

    >>> line_through({32: 1.0, 512: 4.0})(192)
    2.0
    """
    slope, begin = np.polyfit([*steps], [*steps.values()], 1)
    return lambda batch: round(float(begin + slope * batch), 12)


def ring(count, size, speed, late) -> float:
    """Seconds in which so many devices add up gradients of `size` bytes.

    >>> ring(1, 1e6, 1e9, 1e-5), ring(4, 1e6, 1e9, 0.0)
    (0.0, 0.0015)
    """
    return 2 * (count - 1) / count * size / speed + 2 * (count - 1) * late


def weak(step, size, speed, late) -> int:
    """The most devices, each with a step of its own, that work for half of the time.

    >>> weak(1.0, 1e9, 1e9, 0.0), weak(1.0, 0.0, 1e9, 0.25)
    (2, 3)
    """
    counts = range(1, MOST + 1)
    return max(count for count in counts if ring(count, size, speed, late) <= step)


def strong(step, size, speed, late) -> tuple[int, float]:
    """The number of devices that takes least for one batch, and how many times as fast it is.

    >>> strong(lambda batch: batch, 0.0, 1e9, 4.0)
    (8, 4.266666666666667)
    """
    counts = [2**power for power in range(10) if 2**power <= BATCH]
    seconds = {each: step(BATCH / each) + ring(each, size, speed, late) for each in counts}
    best = min(counts, key=lambda each: seconds[each])
    return best, seconds[1] / seconds[best]
