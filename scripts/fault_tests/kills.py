"""Runs that are killed with SIGKILL and resumed, beside one that was left alone."""

import importlib
import json
import os
import random
import signal
import time
from pathlib import Path

from recipes.cli import main

#: What two runs of the same settings need not share.
_TIMES = {"seconds": 0, "seconds_to_first_step": 0}
#: What a run leaves that is compared byte by byte.
_RESULTS = ("predictions.csv", "translations.tsv", "samples.txt")


def in_child(arguments) -> int:
    """Starts a command in a process of its own, which has what this one imported; its id.

    This process must not have computed anything: threads do not come along.
    """
    child = os.fork()
    if child:
        return child
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    code = 1
    try:
        code = main(arguments)
    finally:
        os._exit(code)


def try_kills(recipe: str, flags, folder: Path, kills: int, seed: int) -> dict[str, int]:
    """Kills a run of a recipe so often, at any time of its life, and resumes it each time.

    Where it lives to its end before it was killed often enough, another one begins.

    Args:
        recipe: Name of the recipe.
        flags: Flags of the run, without its name.
        folder: Where runs go.
        kills: How often.
        seed: Seed of the moments.

    Returns:
        Counts: `"kills"`, `"runs"` that reached their end, and those of them that are `"equal"` to
        the whole one (scores and predictions), `"differ"` from it, or `"failed"`.
    """
    logs, chance = folder / "logs" / recipe, random.Random(seed)
    command = ["train", recipe, *flags, f"--logdir={folder / 'logs'}"]
    # What takes longest to import; a process of its own would do it anew at every resume.
    importlib.import_module("tensorflow")
    importlib.import_module("keras")
    began = time.monotonic()
    if os.waitpid(in_child([*command, "--name=whole"]), 0)[1]:
        raise SystemExit(f"the run of {recipe} failed")
    life = time.monotonic() - began
    counts = {"kills": 0, "runs": 0, "equal": 0, "differ": 0, "failed": 0}
    while counts["kills"] < kills:
        run = logs / f"cut{counts['runs']}"
        counts["runs"] += 1
        for left in range(min(10, kills - counts["kills"]), -1, -1):
            begun = (run / "config.yaml").exists()
            child = in_child(["train", "--resume", str(run)] if begun else
                             [*command, f"--name={run.name}"])  # fmt: skip
            end = time.monotonic() + chance.uniform(0.1, 1) * life if left else 1e99
            while not (status := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < end:
                time.sleep(0.002)
            if status[0]:
                break
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            counts["kills"] += 1
        verdict = "failed" if status[1] else "equal" if _equal(logs / "whole", run) else "differ"
        counts[verdict] += 1
    return counts


def _equal(whole, cut):
    scores = [json.loads((run / "metrics.json").read_text()) | _TIMES for run in (whole, cut)]
    files = [name for name in _RESULTS if (whole / name).exists()]
    same = all((whole / name).read_bytes() == (cut / name).read_bytes() for name in files)
    return same and scores[0] == scores[1]
