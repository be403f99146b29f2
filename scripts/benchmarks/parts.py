"""Training on 20 GB in 20 files, in a process that may allocate 3 GB.

The files are one, linked: what is read is what counts, not what it says. The limit is the operating
system's on a process' data; pages of files that it has mapped are the system's to drop.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from recipes.engine.folder import RunFolder
from recipes.engine.tables import markdown
from scripts.benchmarks.large import MAKERS
from scripts.benchmarks.runs import kept

#: Bytes of a file, how many there are, and what the process may allocate.
SIZE, FILES, LIMIT = 1_000_000_000, 20, 3_000_000_000
#: A network that is soon trained: reading is what is measured. Each row is read once.
FLAGS = (
    *("--target", "bought", "--model", "mlp", "--model.units", "64", "--batch_size", "4096"),
    *("--epochs", "20", "--patience", "0", "--progress", "false"),
)


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Trains a table's network on all rows of the files, once; see `__main__`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = kept(folder / "tabular.json", _trained, fresh)
    rows = [
        ["files", "bytes", "rows", "limit", "allocated at most", "first step", "whole run",
         "accuracy", "boosted trees"],
        [str(FILES), f"{found['bytes'] / 1e9:.1f} GB", f"{found['rows']:,}", f"{LIMIT / 1e9:g} GB",
         f"{found['peak'] / 1e9:.2f} GB", f"{found['first_step']:,.0f} s",
         f"{found['seconds']:,.0f} s", f"{found['accuracy']:.4f}", f"{found['trees']:.4f}"],
    ]  # fmt: skip
    return {"A folder of 20 GB under a limit of 3 GB": markdown(rows)}


def _trained():
    with tempfile.TemporaryDirectory() as name:
        folder, rng, rows = Path(name), np.random.default_rng(0), 0
        first = folder / "parts" / "00.csv"
        first.parent.mkdir()
        while not first.exists() or first.stat().st_size < SIZE:
            frame = MAKERS["tabular"](200_000, rng)
            frame.to_csv(first, mode="a", header=not rows, index=False)
            rows += len(frame)
        for number in range(1, FILES):
            os.link(first, first.with_name(f"{number:02}.csv"))
        command = [sys.executable, "-m", "recipes", "train", "tabular", "--data", first.parent]
        command += [*FLAGS, "--logdir", folder, "--name", "parts"]
        began = time.perf_counter()
        process = subprocess.Popen(command, preexec_fn=_limited)
        peak = 0
        while process.poll() is None:
            peak = max(peak, _allocated(process.pid))
            time.sleep(0.05)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        metrics = json.loads(RunFolder(folder / "tabular" / "parts").metrics.read_text())
        return {
            "bytes": FILES * first.stat().st_size,
            "rows": FILES * rows,
            "peak": peak,
            "first_step": metrics["seconds_to_first_step"],
            "seconds": time.perf_counter() - began,
            "accuracy": metrics["test"]["accuracy"],
            "trees": metrics["baselines"]["boosted_trees"]["test"]["accuracy"],
        }


def _limited():
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))


def _allocated(pid):
    """Bytes of a process' memory that no file stands for, as Linux tells."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
