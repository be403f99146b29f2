"""How long reading a table takes, and how much memory, beside pandas with the right arguments.

Each reading is a process of its own, in turns; of several, the median.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from recipes.data.files import open_table
from recipes.engine.tables import markdown

ROWS = 1_000_000
#: How the files are written, and what pandas has to be told to read them.
KINDS = {
    "plain": ({}, {"parse_dates": ["when"]}),
    "semicolons, decimal commas": (
        {"sep": ";", "decimal": ","},
        {"sep": ";", "decimal": ",", "parse_dates": ["when"]},
    ),
    "a tenth missing": ({}, {"parse_dates": ["when"]}),
    "day first": (
        {"date_format": "%d/%m/%Y %H:%M"},
        {"parse_dates": ["when"], "date_format": "%d/%m/%Y %H:%M"},
    ),
}


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Reads files of 1,000,000 rows and 20 columns.

    Args:
        only: Parts of names of kinds.
        seeds: Repetitions.
        folder: Where the files are written.
        fresh: Whether files that are there are written again.

    Returns:
        Sections of the report.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = [["file", "seconds", "pandas", "ratio", "peak memory", "pandas", "ratio"]]
    for kind in KINDS:
        if not any(part in kind for part in only):
            continue
        path = folder / f"{kind.split(',')[0].replace(' ', '_')}.csv"
        if fresh or not path.exists():
            _write(path, kind)
        found: dict = {"ours": [], "pandas": []}
        for _ in range(seeds):
            for who, seen in found.items():
                seen.append(_child(who, path, kind))
        seconds, bytes_ = (
            {who: statistics.median(each[place] for each in seen) for who, seen in found.items()}
            for place in (0, 1)
        )
        rows.append(
            [
                kind,
                *(f"{seconds[who]:.2f}" for who in found),
                f"{seconds['ours'] / seconds['pandas']:.2f}",
                *(f"{bytes_[who] / 1e9:.2f} GB" for who in found),
                f"{bytes_['ours'] / bytes_['pandas']:.2f}",
            ]
        )
    title = f"Reading {ROWS:,} rows x 20 columns"
    return {title: markdown(rows)}


def _write(path, kind):
    rng = np.random.default_rng(0)
    columns = {f"x{place}": rng.normal(size=ROWS).round(4) for place in range(14)}
    columns |= {f"k{place}": rng.integers(0, 10_000, ROWS) for place in range(4)}
    frame = pd.DataFrame(columns)
    if "missing" in kind:
        frame = frame.mask(rng.random(frame.shape) < 0.1)
    frame["when"] = pd.date_range("2000-01-01", periods=ROWS, freq="min")
    frame["colour"] = rng.choice(["red", "green", "blue"], ROWS)
    frame.to_csv(path, index=False, **KINDS[kind][0])


def _child(who, path, kind):
    command = [sys.executable, "-m", "scripts.benchmarks.reading", who, str(path), kind]
    top = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=top, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _read(who, path, kind):
    begin = time.perf_counter()
    if who == "pandas":
        pd.read_csv(path, **KINDS[kind][1])
    else:
        file = open_table(path)
        for name in file.names:
            if name == "when":
                file.times(name)
            else:
                file.column(name)
    seconds = time.perf_counter() - begin
    # On Linux in kilobytes.
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))


if __name__ == "__main__":
    _read(*sys.argv[1:])
