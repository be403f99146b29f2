"""What tests of `zoo tune` ask and start."""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).parents[3]


def rows(folder):
    return list(csv.DictReader((folder / "tuning.csv").read_text().splitlines()))


def scores(folder):
    """The table but for the seconds."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows(folder)]


def program(arguments):
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    command = [sys.executable, "-m", "recipes", *arguments]
    return subprocess.Popen(
        command, cwd=TOP, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def wait_for(condition, process, seconds=240):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children(parent):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, ppid = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(ppid) == parent and state != "Z":
            found.append(int(path.parent.name))
    return found
