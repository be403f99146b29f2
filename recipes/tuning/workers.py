"""The processes of a search: one that trains, or several workers, looked after by one more.

A worker is `python -m recipes.tuning.workers RUN`. It dies with the process that started it, and
is replaced after some trials: TensorFlow never gives back all the memory of a model.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from recipes.errors import RunError

#: A worker that dies so many times in the same trial has that trial given up.
LIVES = 3

#: Trials that one process trains.
TRIALS_PER_PROCESS = 10


def serve(search, folder, workers: int) -> None:
    """Runs a search to its end: in this process where it is short, else in that many workers.

    No process trains more than `TRIALS_PER_PROCESS` trials. Other machines may take part. A
    `RunError` if a worker dies again and again.
    """
    if workers == 1 and search.remaining <= TRIALS_PER_PROCESS:
        return search.run()
    staff = Workers(folder, search, workers)
    try:
        while not search.over:
            staff.tend()
            time.sleep(0.2)
    finally:
        staff.stop()


class Workers:
    """The workers of this machine that take part in a `callbacks.tuning.Search`."""

    def __init__(self, folder, search, count):
        self._folder = folder
        self._search = search
        self._processes = dict.fromkeys(f"worker-{number}" for number in range(1, count + 1))
        self._deaths = {}

    def tend(self):
        """Starts all of them at first, and those anew that died or had their turn.

        A `RunError` if one dies outside of any trial, again and again.
        """
        for name, process in self._processes.items():
            status = process.poll() if process else 0
            if status is None:
                continue
            if status:
                trial = self._search.running(process.pid)
                deaths = self._deaths[trial or name] = self._deaths.get(trial or name, 0) + 1
                cause = f"signal {-status}" if status < 0 else f"exit status {status}"
                words = self._log(name).read_text(errors="replace").strip().splitlines()[-1:]
                reason = f"the worker died ({': '.join([cause, *words])})"
                if deaths >= LIVES and trial is None:
                    raise RunError(f"A worker does not start: {reason}.")
                if deaths >= LIVES:
                    self._search.give_up(trial, f"{reason}, {deaths} times")
            if process:
                process.stdin.close()
            self._start(name)

    def stop(self):
        """Ends all workers."""
        processes = [*filter(None, self._processes.values())]
        for process in processes:
            with contextlib.suppress(OSError):
                process.stdin.close()  # which is what they watch
        for process in processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, name):
        paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        command = [sys.executable, "-m", "recipes.tuning.workers", str(self._folder.path)]
        with self._log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
            )

    def _log(self, name):
        self._folder.state.mkdir(parents=True, exist_ok=True)
        return self._folder.state / f"{name}.log"


def main(path: str) -> int:
    """What a worker does in the folder of a run; returns the exit status."""
    threading.Thread(target=_die_with_the_parent, daemon=True).start()
    from recipes.engine import environment
    from recipes.tuning.plan import open_search
    from recipes.tuning.trials import work

    folder, plan = open_search(path)
    environment.prepare(plan.config.backend, plan.config.device)
    work(plan, folder, limit=TRIALS_PER_PROCESS)
    return 0


def _die_with_the_parent():
    """Waits until standard input ends, which is when the parent is gone, however it went."""
    while os.read(0, 1024):  # not sys.stdin, whose lock would be held when the interpreter ends
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
