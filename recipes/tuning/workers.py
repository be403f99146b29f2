"""The processes of a search: one that trains, or a chief that hands out trials to workers.

A worker is `python -m recipes.tuning.workers RUN`. It dies with the process that started it, and
is replaced after some trials: TensorFlow never gives back all the memory of a model.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest.mock import patch

from recipes.errors import RunError, UserError

#: A worker that dies so many times in the same trial has that trial given up.
LIVES = 3

#: Trials that one process trains.
TRIALS_PER_PROCESS = 10

#: Seconds that workers of other machines have, when all is done, to hear of it.
GRACE = 30


def serve(search, folder, workers: int) -> None:
    """Runs a search to its end.

    A short one in this process; one of several workers, or with keras-tuner's environment variables
    of a chief, as the chief. No process trains more than `TRIALS_PER_PROCESS` trials.

    Raises:
        RunError: If a worker dies again and again.
        UserError: If the chief's port is taken.
    """
    from callbacks.tuning import is_chief

    if is_chief():
        _lead(search, Workers(folder, search, 0))
    elif workers == 1 and search.remaining <= TRIALS_PER_PROCESS:
        search.run()
    else:
        with patch.dict(
            os.environ,
            KERASTUNER_TUNER_ID="chief",
            KERASTUNER_ORACLE_IP="127.0.0.1",
            KERASTUNER_ORACLE_PORT=str(free_port()),
            no_grpc_proxy="127.0.0.1",
        ):
            _lead(search, Workers(folder, search, workers))


def _lead(search, workers):
    """Waits for a search that others run, and looks after the workers of this machine."""
    failures = []

    def run():
        try:
            search.run()
        except Exception as error:
            failures.append(error)

    # keras-tuner's chief looks for its end every 20 seconds: it is not waited for.
    chief = threading.Thread(target=run, daemon=True)
    chief.start()
    try:
        workers.start()
        while not search.over:
            if failures:
                raise UserError(f"The chief cannot start: {failures[0]}") from failures[0]
            workers.tend()
            time.sleep(0.2)
        deadline = time.monotonic() + GRACE
        while search.waiting_for - workers.names and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        workers.stop()


class Workers:
    """The workers of this machine.

    Args:
        folder: The `TuningFolder`.
        search: The `callbacks.tuning.Search` that they take part in.
        count: Number of workers.
    """

    def __init__(self, folder, search, count):
        self._folder = folder
        self._search = search
        self.names = {f"worker-{number}" for number in range(1, count + 1)}
        self._processes = {}
        self._deaths = {}

    def start(self):
        """Starts all workers."""
        for name in sorted(self.names):
            self._start(name)

    def tend(self):
        """Starts those anew that died, whom keras-tuner gives their trial back, or had their turn.

        A `RunError` if one dies outside of any trial, again and again.
        """
        for name, process in list(self._processes.items()):
            status = process.poll()
            if status is None or (status == 0 and self._search.ending):
                continue
            if status:
                trial = self._search.running(name)
                deaths = self._deaths[name, trial] = self._deaths.get((name, trial), 0) + 1
                cause = f"signal {-status}" if status < 0 else f"exit status {status}"
                words = self._log(name).read_text(errors="replace").strip().splitlines()[-1:]
                reason = f"the worker died ({': '.join([cause, *words])})"
                if deaths >= LIVES and trial is None:
                    raise RunError(f"A worker does not start: {reason}.")
                if deaths >= LIVES:
                    self._search.give_up(name, f"{reason}, {deaths} times")
            process.stdin.close()
            self._start(name)

    def stop(self):
        """Ends all workers."""
        for process in self._processes.values():
            with contextlib.suppress(OSError):
                process.stdin.close()  # which is what they watch
        for process in self._processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, name):
        top = str(Path(__file__).parents[2])
        paths = [top, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            **os.environ,
            "KERASTUNER_TUNER_ID": name,
            "PYTHONPATH": os.pathsep.join(paths),
        }
        command = [sys.executable, "-m", "recipes.tuning.workers", str(self._folder.path)]
        with self._log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
            )

    def _log(self, name):
        self._folder.state.mkdir(parents=True, exist_ok=True)
        return self._folder.state / f"{name}.log"


def check_address(chief: bool) -> None:
    """Raises a `UserError` where keras-tuner's environment variables name no good address."""
    host, port = (os.environ.get(f"KERASTUNER_ORACLE_{part}", "") for part in ("IP", "PORT"))
    try:
        with socket.socket() as listener:
            if chief:
                listener.bind((host, int(port)))
            else:
                int(port)
    except (OSError, ValueError, OverflowError) as error:
        raise UserError(
            f"The chief cannot be at {host}:{port} ({error}). Set KERASTUNER_ORACLE_IP to its "
            "address and KERASTUNER_ORACLE_PORT to a free port."
        ) from error


def free_port() -> int:
    """A port of this machine that nobody listens on.

    >>> 1024 < free_port() < 65536
    True
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


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
