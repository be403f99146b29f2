"""Training on more data than memory holds: in a process that may allocate little of it.

Tables: 20 GB in 20 files, which are one, linked: what is read is what counts, not what it says.
Series: a file for each month, with the days of that month of all series. The limit is the operating
system's on a process' data; pages of files that it has mapped are the system's to drop.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from recipes.engine.folder import RunFolder
from recipes.engine.tables import markdown
from scripts.benchmarks.large import MAKERS
from scripts.benchmarks.runs import kept

#: Bytes of a table's file, how many there are; series, days of each, and days in a file.
SIZE, FILES = 1_000_000_000, 20
SERIES, DAYS, MONTH = 30_000, 1_200, 30
#: What the process may allocate.
LIMIT = 3_000_000_000
#: A network that is soon trained: reading is what is measured. Each row is read once.
SHORT = ("--epochs", "20", "--patience", "0", "--batch_size", "4096", "--progress", "false")
FLAGS = {
    "tables": ("tabular", "--target", "bought", "--model", "mlp", "--model.units", "64"),
    "series": ("forecast", "--series", "shop", "--target", "sold", "--horizon", "7",
               "--statistics_seconds", "0"),
}  # fmt: skip
#: The score that is shown, and the baseline beside it.
SCORES = {"tables": ("accuracy", "boosted_trees"), "series": ("mase", "least_squares")}


def measure(only, seeds, folder, fresh, kind) -> dict[str, str]:
    """Trains a network on all rows of the files, once; see `__main__`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = kept(folder / f"{kind}.json", lambda: _trained(kind), fresh)
    total, limit = f"{found['bytes'] / 1e9:.1f} GB", f"{LIMIT / 1e9:g} GB"
    rows = [
        ["files", "bytes", "rows", "limit", "allocated at most", "first step", "whole run",
         *found["scores"]],
        [str(found["files"]), total, f"{found['rows']:,}", limit, f"{found['peak'] / 1e9:.2f} GB",
         f"{found['first_step']:,.0f} s", f"{found['seconds']:,.0f} s",
         *(f"{score:.4f}" for score in found["scores"].values())],
    ]  # fmt: skip
    what = "A folder" if kind == "tables" else "Series in a folder"
    size = f"{found['bytes'] / 1e9:.0f} GB"
    return {f"{what} of {size} under a limit of {limit}": markdown(rows)}


def _trained(kind):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts, recipe = folder / "parts", FLAGS[kind][0]
        parts.mkdir()
        rows = _write_tables(parts) if kind == "tables" else _write_series(parts)
        command = [sys.executable, "-m", "recipes", "train", *FLAGS[kind], *SHORT]
        command += ["--data", parts, "--logdir", folder, "--name", "parts"]
        began = time.perf_counter()
        limited = partial(resource.setrlimit, resource.RLIMIT_DATA, (LIMIT, LIMIT))
        process = subprocess.Popen(command, preexec_fn=limited)
        peak = 0
        while process.poll() is None:
            peak = max(peak, _allocated(process.pid))
            time.sleep(0.05)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        metrics = json.loads(RunFolder(folder / recipe / "parts").metrics.read_text())
        score, baseline = SCORES[kind]
        other = metrics["baselines"][baseline]["test"][score]
        return {
            "files": len([*parts.iterdir()]),
            "bytes": sum(each.stat().st_size for each in parts.iterdir()),
            "rows": rows,
            "peak": peak,
            "first_step": metrics["seconds_to_first_step"],
            "seconds": time.perf_counter() - began,
            "scores": {score: metrics["test"][score], baseline.replace("_", " "): other},
        }


def _write_tables(folder):
    """Writes a file and links it; returns the number of all rows."""
    first, rng, rows = folder / "00.csv", np.random.default_rng(0), 0
    while not first.exists() or first.stat().st_size < SIZE:
        frame = MAKERS["tabular"](200_000, rng)
        frame.to_csv(first, mode="a", header=not rows, index=False)
        rows += len(frame)
    for number in range(1, FILES):
        os.link(first, first.with_name(f"{number:02}.csv"))
    return FILES * rows


def _write_series(folder):
    """Writes the days of each month, day by day: shops with a week of their own, and noise."""
    rng, days = np.random.default_rng(0), np.datetime64("2021-01-01") + np.arange(DAYS)
    shops = pd.DataFrame({"shop": [f"shop-{number:05}" for number in range(SERIES)]})
    for name in ("town", "street", "owner"):  # which no model reads
        shops[name] = [f"the {name} of shop {number:05}" for number in range(SERIES)]
    size, week = 100 * rng.lognormal(size=SERIES), 1 + 0.5 * rng.random((7, SERIES))
    for first in range(0, DAYS, MONTH):
        for day in range(first, min(first + MONTH, DAYS)):
            sold = size * week[day % 7] * rng.lognormal(0, 0.2, SERIES)
            frame = shops.assign(day=days[day], sold=sold.round(2))
            path = folder / f"{days[first]}.csv"
            frame.to_csv(path, mode="a", header=day == first, index=False)
    return DAYS * SERIES


def _allocated(pid):
    """Bytes of a process' memory that no file stands for, as Linux tells."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
