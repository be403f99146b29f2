"""How time and memory grow with a size: length, batch, width, rows; and whether they should so.

Each family of work (`scripts.benchmarks.cost_families`) has a process of its own on one core, in
which the sizes of an axis take turns. The exponent `k` comes from `a + b n^k`, where `a` is what a
call costs whatever the size: a straight line through log axes would take it for growth. Beside it
stands the exponent between the two largest sizes, which knows no formula. What exceeds the
architecture's own order in both is called worse.
"""

import json
import os
import statistics
import subprocess
import sys

import numpy as np
from scipy.optimize import nnls

from recipes.engine.tables import markdown
from scripts.benchmarks.runs import kept
from scripts.benchmarks.start import ALONE, one_core

#: TensorFlow without oneDNN, whose pool keeps memory and hides how much is used; and a heap that
#: keeps what is freed until it is asked to give it back, so that no call pays for new pages.
ENVIRONMENT = {
    **ALONE, "TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "3", "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
}  # fmt: skip
#: What an exponent may exceed an order by: caches fill up on the way.
SLACK = 0.2
#: Megabytes that the largest size must take for an exponent of memory to mean something.
LEAST_MEMORY = 8


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Measures the families that `only` names; see `scripts.benchmarks.forecast.measure`."""
    from scripts.benchmarks.cost_families import FAMILIES

    del seeds  # turns take their place
    folder.mkdir(parents=True, exist_ok=True)
    chosen = {name: each for name, each in FAMILIES.items() if any(part in name for part in only)}
    found = {
        name: kept(folder / f"{name}.json", lambda name=name: _in_process(name), fresh)
        for name in chosen
    }
    _draw(chosen, found, folder / "cost.png")
    head = ["what grows", "sizes", "times as slow", "exponent of time", "at the end", "order"]
    rows = [[*head, "exponent of memory", "order"]]
    worse = []
    for name, family in chosen.items():
        rows.append([f"**{family.title}**", *[""] * 7])
        for axis, each in family.axes.items():
            line, bad = _row(axis, each, found[name][axis])
            rows.append(line)
            worse += [f"{family.title}: {part} by {axis}" for part in bad]
    verdict = f"Worse than their order: {'; '.join(worse)}" if worse else "None is worse"
    text = (
        f"{markdown(rows, texts=2)}\n\nMedians of turns on one core, by the processor's time. "
        "Exponents of `a + b n^k` (± half of the 95 % interval over turns); at the end: between "
        "the two largest sizes. Order: the largest term of the architecture's own, with smaller "
        "ones below it. Memory: how much the process grows at its peak during the work, where the "
        f"largest size takes {LEAST_MEMORY} MB or more. {verdict} (by more than {SLACK} in both)."
    )
    return {"How cost grows with a size": text}


def _in_process(name):
    """What the worker finds about a family, whose backend is that of the environment."""
    command = [sys.executable, "-m", "scripts.benchmarks.cost_worker", name]
    environment = os.environ | ENVIRONMENT
    print(f"cost of {name}", file=sys.stderr, flush=True)
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, env=environment, preexec_fn=one_core
    )
    return json.loads(done.stdout.splitlines()[-1])


def fitted(sizes, costs) -> tuple[float, float]:
    """The exponent `k` of `a + b n^k`, and which fraction of the largest cost `a` is.

    Neither `a` nor `b` is negative, and relative errors are made small, so that no size counts
    more than another. Every exponent from 0 to 4 in steps of a hundredth is tried.

    >>> k, fixed = fitted([1, 2, 4, 8, 16], [5 + 3 * n**2 for n in [1, 2, 4, 8, 16]])
    >>> round(k, 2), round(fixed, 4)
    (2.0, 0.0065)
    """
    sizes, costs = np.array(sizes, float), np.array(costs, float)
    best = (np.inf, 0.0, 0.0)
    for k in np.arange(5, 401) / 100:
        terms = np.stack([np.ones(len(sizes)), (sizes / sizes[-1]) ** k], axis=1)
        (a, _), rest = nnls(terms / costs[:, None], np.ones(len(sizes)))
        best = min(best, (rest, k, a / costs[-1]))
    return float(best[1]), float(best[2])


def at_the_end(sizes, costs) -> float:
    """The exponent between the two largest sizes.

    >>> at_the_end([1, 2, 4], [10, 10, 40])
    2.0
    """
    return float(np.log(costs[-1] / costs[-2]) / np.log(sizes[-1] / sizes[-2]))


def _row(name, axis, found):
    """A line of the table, and which of time and memory grow faster than they should."""
    sizes, bad = found["sizes"], []
    middle = [statistics.median(each) for each in found["seconds"]]
    k, _ = fitted(sizes, middle)
    turns = [fitted(sizes, turn)[0] for turn in zip(*found["seconds"], strict=True)]
    half = 1.96 * statistics.stdev(turns) / len(turns) ** 0.5
    end = at_the_end(sizes, middle)
    if min(k - half, end) > axis.order + SLACK:
        bad.append("time")
    line = [
        name, f"{sizes[0]:,} to {sizes[-1]:,}", f"{middle[-1] / middle[0]:.1f}",
        f"{k:.2f} ± {half:.2f}", f"{end:.2f}", f"{axis.order:g}",
    ]  # fmt: skip
    memory = found["megabytes"]
    if None in memory or memory[-1] < LEAST_MEMORY:
        return [*line, "", ""], bad
    memory = [max(each, 0.01) for each in memory]
    k_memory = fitted(sizes, memory)[0]
    if min(k_memory, at_the_end(sizes, memory)) > axis.memory + SLACK:
        bad.append("memory")
    return [*line, f"{k_memory:.2f}", f"{axis.memory:g}"], bad


def _draw(families, found, path):
    """Log axes, a panel a family: time beside that of the smallest size."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    columns = min(5, len(families))
    rows = -(-len(families) // columns)
    with mpl.rc_context({"font.size": 7}):
        figure = Figure((1.9 * columns, 1.8 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
        for panel in panels[len(families) :]:
            panel.set_axis_off()
        most = 1.0
        for panel, (name, family) in zip(panels, families.items(), strict=False):
            for axis, each in found[name].items():
                sizes = np.array(each["sizes"]) / each["sizes"][0]
                middle = np.median(each["seconds"], axis=1)
                panel.loglog(sizes, middle / middle[0], "o-", ms=2.5, lw=1, label=axis)
                most = max(most, sizes[-1])
            panel.set_title(family.title.replace("`", "").replace(", ", ",\n", 1), fontsize=6)
            panel.legend(frameon=False, fontsize=6)
        doubled = 2.0 ** np.arange(np.log2(most) + 1)
        for panel in panels[: len(families)]:
            for order in (1, 2):
                panel.plot(doubled, doubled**order, ":", color="gray", lw=0.7, zorder=0)
            panel.set_xticks(doubled, [f"{each:g}" for each in doubled])
            panel.tick_params(labelbottom=True)
            panel.minorticks_off()
        figure.supxlabel("size / smallest size")
        figure.supylabel("time / time of the smallest (dotted: powers 1 and 2)")
        figure.savefig(path, dpi=90)
