"""Commands that are killed with SIGKILL and given again, beside one that was left alone."""

import contextlib
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import time
import urllib.request
import zipfile
from pathlib import Path

from scripts.fault_tests import runs
from scripts.fault_tests.processes import ended, in_child, killed, warm, whole

#: What two runs of the same settings need not share.
_TIMES = {"seconds": 0, "seconds_to_first_step": 0}
#: What a run leaves that is compared byte by byte.
_RESULTS = ("predictions.csv", "translations.tsv", "samples.txt")
#: Kills of one run; then it is left to reach its end.
_MOST = 10
#: Copies of a run that die at moments of its life, of which so many are resumed.
_RESUMED = 1
#: Kinds of what copies of a command left, on so many of which it is given again.
_REPEATED = 2
_JSON = {"Content-Type": "application/json"}
#: Requests to a server, for those recipes that are served here.
REQUESTS = {
    "tabular": {"rows": [{"size": 0.5, "kind": "a", "text": "the cat"}]},
    "language_model": {"text": "the cat", "length": 5, "seed": 1},
}


def counts() -> dict[str, int]:
    """What is counted, so far nothing."""
    return {"kills": 0, "ends": 0, "equal": 0, "differ": 0, "half": 0, "failed": 0}


def try_kills(
    recipe: str, flags, folder: Path, kills: int, share: float, seed: int, tune=()
) -> dict[str, int]:
    """Kills a run or a search of a recipe, and resumes it.

    Some kills strike at any time of its life, after which it goes on and is killed again; where it
    lives to its end before it was killed often enough, another one begins. Others strike copies of
    it, of which one, drawn by chance, is resumed.

    Args:
        recipe: Name of the recipe.
        flags: Flags of the run, without its name.
        folder: Where runs go; the one that was left alone is called `whole`.
        kills: How many strike at any time.
        share: Share of moments at which a copy dies; see `whole`.
        seed: Seed of the moments.
        tune: Flags of `zoo tune`, which is tried where there are any.

    Returns:
        Counts: `"kills"`; `"ends"`, those runs that reached theirs, and how many of them are
        `"equal"` to the whole one (scores and predictions), `"differ"` from it or `"failed"`; and
        `"half"`, kills that left something half-written or lost a trial that was finished.
    """
    warm()
    verb, chance = "tune" if tune else "train", random.Random(seed)
    logs, left = folder / verb, folder / f"{verb}-left"
    inside = logs / recipe
    inside.mkdir(parents=True)
    begin = [verb, recipe, *flags, *tune, f"--logdir={logs}"]
    life = whole([*begin, "--name=whole"], inside, left, share, seed)
    found, number, trials = counts(), 0, {}

    def count(status, run):
        found["ends"] += 1
        found["failed" if status else "equal" if _equal(inside / "whole", run) else "differ"] += 1

    for copy in sorted(left.iterdir()):
        found["kills"] += 1
        now = _finished_trials(copy / "whole")
        found["half"] += _is_half(copy / "whole") or not trials.items() <= now.items()
        trials = now
    begun = [copy for copy in sorted(left.iterdir()) if (copy / "whole").exists()]
    for copy in chance.sample(begun, min(_RESUMED, len(begun))):
        run = (copy / "whole").rename(inside / f"copy-{copy.name}")
        count(ended([verb, "--resume", run]), run)
    while number < kills:
        run, trials = inside / f"cut-{number}", {}
        for more in range(min(_MOST, kills - number), -1, -1):
            command = [verb, "--resume", run] if run.exists() else [*begin, f"--name={run.name}"]
            status = killed(command, chance.uniform(0.1, 1) * life) if more else ended(command)
            if status is not None:
                break
            number, found["kills"] = number + 1, found["kills"] + 1
            now = _finished_trials(run)
            found["half"] += _is_half(run) or not trials.items() <= now.items()
            trials = now
        count(status, run)
    return found


def _is_half(run):
    """Whether a run is there without what it begins with, or has scores without the rest."""
    if not run.exists():
        return False
    begun = ["config.yaml"] + ["tuning.yaml"] * run.parent.parent.name.startswith("tune")
    if not all((run / name).exists() for name in begun):
        return True
    if not (run / "metrics.json").exists():
        return "run:" not in (run / "config.yaml").read_text()
    json.loads((run / "metrics.json").read_text())
    return not zipfile.is_zipfile(run / "model.keras") or not (run / "report.md").exists()


def _finished_trials(run):
    """Scores of the trials that a search has finished, by their numbers."""
    file = run / "tuner" / "search.json"
    read = json.loads(file.read_text())["trials"] if file.exists() else {}
    return {n: trial["score"] for n, trial in read.items() if trial["status"] == "COMPLETED"}


def try_writes(verb: str, run: Path, kills: int, share: float, seed: int) -> dict[str, int]:
    """Kills `zoo predict` or `zoo export` of a run, and gives the command again.

    After a kill there is nothing under the name of what it writes, or the whole. Copies of the
    process die at moments of a first life, and of a second that replaces what is there; the command
    is given again on two kinds, drawn by chance, of what they left, told apart by names of files.
    Other kills strike at any time. Arguments and counts are those of `try_kills`.
    """
    warm()
    recipe, chance, found = run.parent.name, random.Random(seed), counts()
    place = run.parent.parent.parent / verb
    place.mkdir()
    how, output = ["--format=onnx", "-o", str(place / "output")], place / "output"
    if verb == "predict":
        how, output = runs.asked(recipe, output)
    command, before, name = [verb, run, *how], _content(run), output.name
    left = [place.with_name(f"{verb}-{life}-left") for life in ("first", "second")]
    for life in left:
        took = whole(command, place, life, share, seed)
    expected = _content(place / name)

    def count(status):
        found["ends"] += 1
        same = _content(place / name) == expected and _content(run) == before
        found["failed" if status else "equal" if same else "differ"] += 1

    kinds = {}
    for copy in [copy for life in left for copy in sorted(life.iterdir())]:
        found["kills"] += 1
        found["half"] += _content(copy / name) not in ({}, expected)
        kinds[tuple(sorted(path.name for path in copy.iterdir()))] = copy
    for copy in chance.sample([*kinds.values()], min(_REPEATED, len(kinds))):
        shutil.rmtree(place)
        copy.rename(place)
        count(ended(command))
    for _ in range(kills):
        status = killed(command, chance.uniform(0.1, 1) * took)
        found["kills"] += status is None
        found["half"] += _content(place / name) not in ({}, expected)
    if kills:
        count(ended(command))
    return found


def try_servers(run: Path, kills: int, seed: int) -> dict[str, int]:
    """Kills `zoo serve` of a run so often, before it answers or after that.

    A server that is started again at the same address gives the same answer, and the run is what it
    was. Counts as of `try_kills`.
    """
    warm()
    chance, found, port = random.Random(seed), counts(), _free_port()
    command, before = ["serve", run, "--port", port], _content(run)
    body = json.dumps(REQUESTS[run.parent.name]).encode()

    def served():
        """The answer, and the seconds until it is there; then the server is killed."""
        child, began, answer = in_child(command), time.monotonic(), None
        while answer is None and not os.waitpid(child, os.WNOHANG)[0]:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", body, _JSON)
            with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=60) as told:
                answer = json.loads(told.read())
            time.sleep(0.02)
        if answer is None:
            raise SystemExit(f"zoo serve {run} does not answer")
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return answer, time.monotonic() - began

    expected, life = served()
    while found["kills"] < kills:
        for _ in range(min(_MOST, kills - found["kills"] - 1)):
            killed(command, chance.uniform(0.1, 1) * life)
            found["kills"] += 1
            found["half"] += _content(run) != before
        found["kills"] += 1  # that of `served`
        found["ends"] += 1
        found["equal" if served()[0] == expected else "differ"] += 1
    return found


def _free_port():
    """A port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _content(path):
    """What is compared of a file, or of the files of a folder, by their names."""
    files = sorted(each for each in path.rglob("*") if each.is_file()) or [path]
    # The card of an export and its graph hold times and names that differ.
    varied = ("CARD.md", ".onnx")
    return {
        str(each.relative_to(path)): each.name.endswith(varied)
        or hashlib.sha256(each.read_bytes()).hexdigest()
        for each in files
        if each.is_file()
    }


def _equal(whole, cut):
    scores = [json.loads((run / "metrics.json").read_text()) | _TIMES for run in (whole, cut)]
    files = [name for name in _RESULTS if (whole / name).exists()]
    same = all((whole / name).read_bytes() == (cut / name).read_bytes() for name in files)
    trials = [_rows(run / "tuning.csv") for run in (whole, cut)]
    return same and scores[0] == scores[1] and trials[0] == trials[1]


def _rows(path):
    """The trials of a search, but for their times."""
    rows = csv.DictReader(path.read_text().splitlines()) if path.exists() else ()
    return [{**row, "seconds": ""} for row in rows]
