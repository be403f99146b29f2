"""How long a small run on one's own data takes, and how long until its first step."""

import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from recipes.engine.tables import markdown
from scripts.benchmarks.runs import kept

ROWS, COLUMNS = 1000, 10
TASKS = {"tabular": ["--target", "price"], "forecast": ["--target", "sales"]}
#: One core, and one thread on it.
ALONE = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Times the whole command, each time in a new process; see `__main__`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [["1,000 rows, 10 columns", "first step", "whole run", "processor time", "epochs"]]
    for recipe, flags in TASKS.items():
        if any(part in recipe for part in only):
            runs = kept(folder / f"{recipe}.json", lambda r=recipe: _time(r, folder, seeds), fresh)
            middle = [statistics.median(run[name] for run in runs) for name in runs[0]]
            command = f"zoo train {recipe} --data FILE {' '.join(flags)}"
            rows.append(
                [f"`{command}`", *[f"{value:.1f} s" for value in middle[:3]], str(middle[3])]
            )
    return {f"Small runs, medians of {seeds} on one core": markdown(rows)}


def _time(recipe, folder, count):
    data, found = folder / f"{recipe}.csv", []
    _write(data, recipe)
    command = [sys.executable, "-m", "recipes", "train", recipe, "--data", data, *TASKS[recipe]]
    for number in range(count):
        name = f"start-{number}"
        where = ["--logdir", folder, "--name", name, "--overwrite", "--progress", "false"]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([*command, *where], check=True, env=os.environ | ALONE, preexec_fn=one_core)
        seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        metrics = json.loads(Path(folder, recipe, name, "metrics.json").read_text())
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found.append({"first": metrics.get("seconds_to_first_step") or 0, "seconds": seconds})
        found[-1] |= {"processor": used, "epochs": metrics["epochs"]}
    return found


def one_core():
    """Keeps the process to one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _write(path, recipe):
    """Ten columns: numbers, two of categories and what they make of the target; or dates first."""
    random = np.random.default_rng(0)
    x, noise, t = random.normal(size=(ROWS, COLUMNS - 2)), random.normal(size=ROWS), range(ROWS)
    if recipe == "forecast":
        dates = [date(2021, 1, 1) + timedelta(days=day) for day in t]
        y = 200 + 0.05 * np.arange(ROWS) + 20 * np.sin(2 * np.pi * np.arange(ROWS) / 7) + 4 * noise
        rows = [[dates[i], *x[i].round(4), y[i].round(3)] for i in t]
        names = ["date", *(f"x{i}" for i in range(x.shape[1])), "sales"]
    else:
        city, kind = random.integers(0, 4, ROWS), random.integers(0, 3, ROWS)
        y = 100 + 10 * x[:, 0] + 5 * x[:, 1] * x[:, 2] + 8 * (city == 2) + noise
        rows = [[*x[i, :-1].round(4), "abcd"[city[i]], "xyz"[kind[i]], y[i].round(3)] for i in t]
        names = [*(f"x{i}" for i in range(x.shape[1] - 1)), "city", "kind", "price"]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])
