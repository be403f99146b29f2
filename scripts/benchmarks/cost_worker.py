"""Measures one family of `cost` in a process of its own, and prints what it found as JSON."""

import ctypes
import gc
import json
import re
import sys
import time
from pathlib import Path

#: Turns of each size, and seconds that one of them takes at least: what is short is repeated.
TURNS, LEAST = 5, 0.02


def measured(family, turns=TURNS) -> dict:
    """Processor's seconds of each turn of each size of each axis, and megabytes.

    The sizes of an axis take turns. Memory is how much the resident set grows at its peak while
    the work is done once more, after what the process does not need was given back; `None` where
    the system does not tell (anywhere but on Linux).
    """
    found = {}
    for name, axis in family.axes.items():
        works = [family.make(**{**family.sizes, name: size}) for size in axis.sizes]
        repeats, megabytes = [], []
        for work in works:
            work()  # compiles
            repeats.append(max(1, round(LEAST / max(_seconds(work), 1e-6))))
            megabytes.append(growth(work))
        seconds = [[] for _ in works]
        for _ in range(turns):
            for work, count, taken in zip(works, repeats, seconds, strict=True):
                taken.append(_seconds(work, count) / count)
        found[name] = {"sizes": axis.sizes, "seconds": seconds, "megabytes": megabytes}
        del works
        gc.collect()
    return found


def _seconds(work, count=1):
    began = time.process_time()
    for _ in range(count):
        work()
    return time.process_time() - began


def growth(work) -> float | None:
    """Megabytes by which the resident set grows at its peak while some work is done."""
    status, refs = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not refs.exists():
        return None
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)
    refs.write_text("5")  # the peak begins anew
    before = _kilobytes(status, "VmRSS")
    work()
    return max(0, _kilobytes(status, "VmHWM") - before) / 1024


def _kilobytes(status, name):
    return int(re.search(rf"{name}:\s*(\d+)", status.read_text())[1])


if __name__ == "__main__":
    from scripts.benchmarks.cost_families import FAMILIES

    print(json.dumps(measured(FAMILIES[sys.argv[1]])), flush=True)
