"""How fast the book's networks train: its own way, ours on two backends, and PyTorch's.

All ways train the same network on the same examples with the same optimizer and batches of 32, each
in a process of its own that waits while another has its turn, so that all meet the same machine.
All have one core: on several, threads wait for each other where another program computes, and
PyTorch's most of all.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec

import numpy as np

from recipes.engine.tables import markdown
from scripts.benchmarks.runs import kept
from scripts.benchmarks.speed_worker import BACKENDS, CASES
from scripts.benchmarks.start import ALONE, one_core
from scripts.benchmarks.timing import paired_ratio

WAYS = {
    "book": "plain `fit`",
    "tensorflow": "ours, TensorFlow",
    "jax": "ours, JAX",
    "torch": "PyTorch",
}
#: Steps of a turn, and turns of each way; the first of all is not counted.
STEPS = {
    "mlp": 192, "cnn": 4, "small_resnet": 24, "wavenet": 64, "char_rnn": 12, "translation": 4,
    "text_classification": 4,
}  # fmt: skip
TURNS = 7
#: How many times as fast as the book's way, and as PyTorch, each is to be: TensorFlow and JAX.
BARS = {
    "mlp": ((3, 5), (2, 4)),
    "cnn": ((1, 1), (1, 1)),
    "small_resnet": ((1, 1), (1, 1)),
    "wavenet": ((3, 5), (2, 4)),
    "char_rnn": ((1, 1), (1, 1)),
    "translation": ((4, 4), (1, 1)),
    "text_classification": ((2, 2), (1, 1)),
}


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Measures the networks that `only` names; see `scripts.benchmarks.forecast.measure`."""
    del seeds  # turns tell how sure a ratio is
    folder.mkdir(parents=True, exist_ok=True)
    head = ["", "examples a second", "times the book's way", "times PyTorch", "GFLOP/s", "of peak"]
    sections, rows = {}, [[*head, "first step", "peak memory"]]
    missed, peaks = [], []
    for case in CASES:
        if not any(part in case for part in only):
            continue
        found = kept(folder / f"{case}.json", lambda case=case: in_turns(case), fresh)
        rows += _rows(case, found)
        missed += _missed(case, found)
        peaks.append(statistics.median(found["peak"]))
    text = (
        f"{markdown(rows)}\n\nMedians of {TURNS} turns on one core, by the processor's time; "
        "ratios with their 95 % interval, turn by turn. GFLOP/s count the matrix products of real "
        "positions alone, padding is no work; peak is that of NumPy's product of 1,024 x 1,024 "
        f"matrices in between, {min(peaks):.0f} to {max(peaks):.0f} GFLOP/s. First step: from the "
        "start of Python by the clock, data and compiling included. "
        f"{'Bars that are missed: ' + '; '.join(missed) if missed else 'No bar is missed'}."
    )
    sections["A training step, in turns"] = text
    return sections


def in_turns(case, ways=tuple(WAYS)) -> dict:
    """Seconds of each turn of each way, and facts about its start; and the peak, GFLOP/s.

    A way whose backend is not installed is left out, with a message.
    """
    installed = [way for way in ways if find_spec("torch" if way == "torch" else BACKENDS[way])]
    for way in sorted({*ways} - {*installed}):
        print(f"{WAYS[way]} is left out: {way} is not installed", file=sys.stderr)
    found = {"peak": []}
    workers = {}
    try:
        for way in installed:  # each begins alone
            command = [sys.executable, "-m", "scripts.benchmarks.speed_worker", case, way]
            workers[way] = subprocess.Popen(
                [*command, str(STEPS[case])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | ALONE | {"KERAS_BACKEND": BACKENDS[way]},
                preexec_fn=one_core,
            )
            found[way] = {**_answer(workers[way]), "seconds": [], "processor": []}
        for turn in range(TURNS + 1):
            found["peak"].append(peak())
            for way, worker in workers.items():
                worker.stdin.write("turn\n")
                worker.stdin.flush()
                said = _answer(worker)
                if turn:
                    found[way]["seconds"].append(said["seconds"])
                    found[way]["processor"].append(said["processor"])
                    found[way]["megabytes"] = said["megabytes"]
    finally:
        for worker in workers.values():
            worker.kill()
            worker.communicate()
    return found


def _answer(worker):
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError(f"{' '.join(worker.args)} ended: its message stands above.")
    return json.loads(line)


def peak(size=1024, repeats=3) -> float:
    """GFLOP/s of NumPy's product of two square matrices, the best of some."""
    matrix = np.ones((size, size), np.float32)
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        matrix @ matrix
        seconds.append(time.process_time() - began)
    return 2 * size**3 / min(seconds) / 1e9


def ratios(found, way, other):
    """How many times as fast a way is as another, turn by turn: mean and half of its interval.

    By the processor's time, which other programs hardly disturb where all ways have one core.
    """
    if way == other or way not in found or other not in found:
        return None
    return paired_ratio(found[other]["processor"], found[way]["processor"])


def _rows(case, found):
    peak_now = statistics.median(found["peak"])
    for way, label in WAYS.items():
        if way not in found:
            continue
        each = found[way]
        middle = statistics.median(each["processor"])
        speed = each["gigaflop"] / middle
        shown = [ratios(found, way, other) for other in ("book", "torch")]
        yield [
            f"{case.replace('_', ' ')}: {label}",
            f"{each['examples'] / middle:,.0f}",
            *[f"{ratio[0]:.2f} ± {ratio[1]:.2f}" if ratio else "" for ratio in shown],
            f"{speed:.1f}",
            f"{speed / peak_now:.0%}",
            f"{each['first']:.1f} s",
            f"{each['megabytes'] / 1024:.1f} GB",
        ]


def _missed(case, found):
    for other, bars in zip(("book", "torch"), BARS[case], strict=True):
        for way, bar in zip(("tensorflow", "jax"), bars, strict=True):
            ratio = ratios(found, way, other)
            if ratio and ratio[0] + ratio[1] < bar:
                yield f"{case} on {way} {ratio[0]:.1f} of {bar} times {WAYS[other]}"
