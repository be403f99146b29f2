"""How much memory large files take beside the data itself, and how soon a run on them begins.

One short epoch of plain defaults on a generated file, in a process of its own, beside a tiny run of
the same recipe: the framework's floor.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from recipes.engine.folder import RunFolder
from recipes.engine.tables import markdown
from scripts.benchmarks.runs import kept

#: Rows of each recipe's file, and of the tiny one beside it.
ROWS = {"forecast": 2_000_000, "tabular": 1_000_000, "text_classification": 200_000}
TINY = 4000
#: What is said of each file: what is to be learned.
FLAGS = {
    "forecast": ("--target", "load", "--past_covariates", "temperature"),
    "tabular": ("--target", "bought"),
    "text_classification": ("--text", "body", "--target", "folder"),
}
#: One epoch: what takes memory is done by then.
SHORT = ("--epochs", "1", "--progress", "false")
#: What the peak may be beyond the floor, in sizes of the data, and seconds to the first step.
TIMES, SECONDS = 3, 30
#: Different words of the texts, and words of a text.
WORDS, LENGTH = 50_000, 60

_HEADER = ("rows", "data", "floor", "until the first step", "peak", "(peak - floor) / data")


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Trains each recipe once on its file, and once on a tiny one; see `__main__`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [["recipe", *_HEADER, "first step", "whole run", f"{TIMES} times, {SECONDS} s"]]
    for recipe, count in ROWS.items():
        if any(part in recipe for part in only):
            found = kept(folder / f"{recipe}.json", lambda r=recipe, n=count: _both(r, n), fresh)
            rows.append(_line(recipe, found))
    return {"Large files, one epoch of plain defaults": markdown(rows)}


def _line(recipe, found):
    floor, large = found["tiny"], found["large"]
    times = (large["peak"] - floor["peak"]) / large["data"]
    reached = (times <= TIMES, large["first_step"] <= SECONDS)
    return [
        f"`{recipe}`",
        f"{large['rows']:,}",
        *(f"{each / 1e6:,.0f} MB" for each in (large["data"], floor["peak"])),
        *(f"{large[each] / 1e6:,.0f} MB" for each in ("peak_before", "peak")),
        f"{times:.1f}",
        *(f"{large[each]:.0f} s" for each in ("first_step", "seconds")),
        ", ".join("yes" if each else "**no**" for each in reached),
    ]


def _both(recipe, count):
    with tempfile.TemporaryDirectory() as folder:
        large = _run(recipe, count, Path(folder))
        compiled = ("--jit_compile", str(large["compiled"]).lower())  # the compiler takes its share
        return {"large": large, "tiny": _run(recipe, min(TINY, count), Path(folder), compiled)}


def _run(recipe, rows, folder, more=()):
    """Bytes of the data and of the process at its peak, seconds to the first step and in all."""
    path = folder / f"{recipe}-{rows}.csv"
    frame = MAKERS[recipe](rows, np.random.default_rng(0))
    frame.to_csv(path, index=False)
    data = int(frame.memory_usage(index=False, deep=True).sum())
    del frame
    command = [sys.executable, "-m", "recipes", "train", recipe, "--data", path, *FLAGS[recipe]]
    command += [*SHORT, *more, "--logdir", folder, "--name", path.stem, "--overwrite"]
    peaks, seconds = watched(command)
    run = RunFolder(folder / recipe / path.stem)
    first = json.loads(run.metrics.read_text())["seconds_to_first_step"]
    before = max((peak for at, peak in peaks if at <= first), default=0)
    found = {"rows": rows, "data": data, "peak_before": before, "peak": peaks[-1][1]}
    compiled = run.read_config()["jit_compile"]
    return found | {"first_step": first, "seconds": seconds, "compiled": compiled}


def watched(command, every=0.02) -> tuple[list[tuple[float, int]], float]:
    """Runs a command, and watches how its memory grows.

    Returns:
        When the largest memory that it had so far changed, in seconds from its start, and the bytes
        (those of its children, each at its peak, included); and the seconds that it took.
    """
    began, peaks = time.perf_counter(), []
    process = subprocess.Popen(command)
    while process.poll() is None:
        peak = _peak(process.pid)
        if not peaks or peak > peaks[-1][1]:
            peaks.append((time.perf_counter() - began, peak))
        time.sleep(every)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return peaks, time.perf_counter() - began


def _peak(pid):
    """Bytes of a process and its children, each at its own peak, as Linux tells."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        children = [child for task in tasks for child in task.read_text().split()]
    except OSError:  # it has ended
        return 0
    lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
    return sum(1024 * int(line[1]) for line in lines) + sum(map(_peak, children))


def _load(rows, rng):
    """Minutes, with a day's and a week's course, and a temperature that it follows."""
    minutes = np.arange(rows)
    day, week = (np.sin(2 * np.pi * minutes / (1440 * days)) for days in (1, 7))
    temperature = 12 + 6 * np.roll(day, 60) + rng.normal(0, 0.5, rows)
    load = 500 + 80 * day + 40 * week - 2 * temperature + rng.normal(0, 5, rows)
    times = pd.date_range("2020-01-01", periods=rows, freq="min").as_unit("s")
    values = {"load": load.round(2), "temperature": temperature.round(2)}
    return pd.DataFrame({"time": times, **values})


def _table(rows, rng):
    """17 numbers and three columns of categories, of which some decide among three classes."""
    x = rng.normal(size=(rows, 17)).round(4)
    kinds = {"city": 40, "device": 4, "plan": 3}
    codes = {name: rng.integers(0, count, rows) for name, count in kinds.items()}
    score = x[:, 0] + x[:, 1] * x[:, 2] + 0.1 * (codes["city"] % 7) + (codes["plan"] == 2)
    score += rng.normal(0, 0.5, rows)
    columns = {f"x{place}": x[:, place] for place in range(17)}
    columns |= {
        name: np.array([f"{name}_{code}" for code in range(kinds[name])])[each]
        for name, each in codes.items()
    }
    bought = np.array(["nothing", "some", "much"])[np.digitize(score, [0.2, 1.5])]
    return pd.DataFrame({**columns, "bought": bought})


def _texts(rows, rng):
    """Words by Zipf's law, some of which are more frequent in one of two folders."""
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    names = ["".join(rng.choice(letters, 2 + size)) for size in rng.poisson(4, WORDS)]
    ends = np.cumsum(1 / np.arange(1, WORDS + 1))
    folder, lengths = rng.integers(0, 2, rows), np.maximum(1, rng.poisson(LENGTH, rows))
    drawn = np.searchsorted(ends, rng.uniform(0, ends[-1], lengths.sum()))
    # Of some pairs of words, each folder has one more often than the other.
    wrong = (drawn % 20 == 10 + np.repeat(folder, lengths)) & (rng.random(len(drawn)) < 0.5)
    words = np.array(names, object)[np.where(wrong, drawn ^ 1, drawn)]
    body = [" ".join(part) for part in np.split(words, np.cumsum(lengths)[:-1])]
    return pd.DataFrame({"body": body, "folder": np.array(["work", "home"])[folder]})


MAKERS = {"forecast": _load, "tabular": _table, "text_classification": _texts}
