"""Searches that several processes share, of which some are killed."""

import json
import os
import random
import signal
import time
from pathlib import Path
from unittest import mock

import pytest

from tests.recipes.tuning.programs import children, program, rows, scores, wait_for
from tests.shared import refusal


@pytest.mark.slow
def test_two_workers_find_what_one_does(tune, compiled_search):
    folder = tune(trials=4, workers=2)
    assert scores(folder) == scores(compiled_search)
    assert "equal to the trial's" in (folder / "report.md").read_text()
    for log in folder.glob("tuner/worker-*.log"):
        assert "Error" not in log.read_text()


@pytest.mark.kill
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux' /proc")
def test_a_killed_worker_loses_only_its_trial(flags, compiled_search):
    arguments, folder = flags(trials=4, workers=2, epochs=2)
    process = program(arguments)
    struck = set()
    for number in ("1", "3"):
        wait_for((folder / "trials" / number).exists, process)
        victim = sorted(set(children(process.pid)) - struck)[0]
        os.kill(victim, signal.SIGKILL)
        struck.add(victim)
    assert process.wait(300) == 0
    assert scores(folder) == scores(compiled_search)


@pytest.mark.kill
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux' /proc")
def test_a_killed_chief_takes_its_workers_along_and_is_resumed(flags, compiled_search):
    arguments, folder = flags(trials=4, workers=2)
    process = program(arguments)
    wait_for((folder / "trials" / "2").exists, process)
    workers = children(process.pid)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    resumed = program(["tune", "--resume", str(folder), "--workers", "1"])
    assert resumed.wait(300) == 0
    assert scores(folder) == scores(compiled_search)


@pytest.mark.kill
def test_a_kill_in_every_trial_and_in_the_last_training(flags, compiled_search):
    def ended():
        try:
            return len(
                json.loads((folder / "tuner" / "search.json").read_text())["oracle"]["end_order"]
            )
        except OSError:
            return 0

    arguments, folder = flags(trials=4)
    chance, kills = random.Random(0), 0
    while True:
        process, before = program(arguments), ended()
        while process.poll() is None and (before == ended() < 5):
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.5))
        if process.poll() is not None:
            break
        process.kill()
        process.wait()
        kills += 1
        arguments = ["tune", "--resume", str(folder)]
        if ended() == 5:
            break
    assert kills >= 4
    assert program(arguments).wait(300) == 0
    assert scores(folder) == scores(compiled_search)


@pytest.mark.kill
def test_another_machine_takes_part_and_finds_the_run_complete(flags, compiled_search):
    arguments, folder = flags(trials=4)
    first = program(arguments)
    wait_for((folder / "trials" / "1").exists, first)
    second = program(["tune", "--resume", str(folder)])
    assert [process.wait(300) for process in (first, second)] == [0, 0]
    assert scores(folder) == scores(compiled_search)
    assert (folder / "report.md").read_text().count("## Tuning") == 1


@pytest.mark.kill
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux' /proc")
def test_four_workers_of_which_two_are_killed_lose_no_trial(flags):
    pytest.importorskip("optuna")
    arguments, folder = flags(trials=8, workers=4, tuner="tpe", epochs=4)
    process = program(arguments)
    for number, victim in (("1", 0), ("5", -1)):
        wait_for((folder / "trials" / number).exists, process)
        os.kill(sorted(children(process.pid))[victim], signal.SIGKILL)
        kept = {path: path.stat().st_mtime_ns for path in ended(folder)}
    assert process.wait(500) == 0
    assert [row["trial"] for row in rows(folder)] == list("012345678")
    assert {row["error"] for row in rows(folder)} == {""}
    assert all(path.stat().st_mtime_ns == before for path, before in kept.items())


def ended(folder):
    """Event files of the trials that have ended."""
    found = json.loads((folder / "tuner" / "search.json").read_text())["oracle"]["end_order"]
    return [file for number in found for file in (folder / "trials" / number).glob("events*")]


def test_workers_that_do_not_start_end_the_search(capsys, flags):
    arguments, folder = flags(trials=4, workers=2)
    with mock.patch("recipes.tuning.workers.sys.executable", "/bin/false"):
        message = refusal(capsys, *arguments, status=1)
    assert "A worker does not start: the worker died (exit status 1" in message
    assert not (folder / "metrics.json").exists()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux' /proc")
def test_memory_does_not_grow(tune):
    from recipes.tuning.report import Trials

    def resident(pid):
        try:
            return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6
        except OSError:
            return 0.0

    found = []

    def note(self, trial):
        pids = [os.getpid(), *children(os.getpid())]
        found.append([resident(pid) for pid in pids])

    with mock.patch.object(Trials, "tell", note):
        tune(trials=24)
    chief = [sizes[0] for sizes in found]
    worker = [max(sizes[1:]) for sizes in found]
    assert chief[-1] - chief[0] < 20
    # Three processes of 10, 10 and 5 trials; the second one needs what the first one did.
    assert max(worker[10:20]) < 1.05 * max(worker[:10])
    assert max(worker[20:]) < 1.05 * max(worker[:5])
