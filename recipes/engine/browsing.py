"""`zoo tensorboard`: serves the event files of all runs, or of a choice of them."""

import contextlib
import io
import itertools
import os
import signal
import sys
import tempfile
import threading
import types
import warnings
from pathlib import Path

from recipes.engine.environment import quiet_start
from recipes.engine.folder import RunFolder, find_run
from recipes.errors import UserError

#: Runs that TensorBoard's pages tick when they are opened; where there are more, none is.
TICKED = 40


def open_tensorboard(logdir: str, port: int, runs=(), last: int | None = None) -> None:
    """Serves TensorBoard in this process until it is ended, by Ctrl+C or SIGTERM.

    It shows the runs that are named, or the `last` ones, begun last; by default all below `logdir`,
    or as many as TensorBoard draws curves of. The port 0 is one that is free.

    A `UserError` if a run or the folder does not exist, or the port is taken.
    """
    if last is not None and last < 1:
        raise UserError(f"--last must be at least 1. Received: {last}")
    if runs and last:
        raise UserError("Name runs, or give --last, not both.")
    if not runs and not Path(logdir).is_dir():
        raise UserError(f"There is no folder {logdir}. `zoo train forecast` makes the first run.")
    chosen = [RunFolder.open(find_run(run), finished=False).path for run in runs]
    if not runs:
        begun = Path(logdir).glob("*/*/config.yaml")
        newest = sorted(begun, key=lambda path: path.stat().st_mtime, reverse=True)
        chosen = [path.parent for path in newest][:last]
        if last is None:
            chosen = _ticked(chosen)
    with contextlib.ExitStack() as stack:
        if chosen:
            logdir = stack.enter_context(tempfile.TemporaryDirectory(prefix="zoo-runs-"))
            for path in map(Path.resolve, chosen):
                link = Path(logdir, path.parent.name, path.name)
                link.parent.mkdir(exist_ok=True)
                if link.is_symlink() or link.exists():
                    raise UserError(f"Two runs are called {path.parent.name}/{path.name}.")
                link.symlink_to(path, target_is_directory=True)
        print("note: for browsers on this machine alone (localhost)", file=sys.stderr)
        print(_launch(logdir, port), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            threading.Event().wait()


def _ticked(newest):
    """As many runs as TensorBoard ticks by itself, trials and folds counted; none if all are."""
    sizes = [len({file.parent for file in run.rglob("*tfevents*")}) for run in newest]
    count = max(1, sum(total <= TICKED for total in itertools.accumulate(sizes)))
    if count >= len(newest):
        return []
    print(
        f"note: the newest {count} of {len(newest)} runs: TensorBoard draws no curve by itself "
        f"where there are more than {TICKED}, trials counted; --last N opens others",
        file=sys.stderr,
    )
    return newest[:count]


def _launch(logdir, port):
    """Starts the server in a thread, and its reader in a process that ends with this one."""
    # Its own stand-in for TensorFlow reads event files as well, and starts in a fraction. The
    # plugin for profiles, where it is installed, imports TensorFlow all the same.
    sys.modules.setdefault("tensorboard.compat.notf", types.ModuleType("notf"))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    silence = contextlib.redirect_stderr(io.StringIO())
    with quiet_start(True), silence, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboard import default, program

        board = program.TensorBoard(plugins=default.get_plugins())
        where = ["--logdir", str(logdir), "--port", str(port), "--host=localhost"]
        board.configure(argv=["zoo", *where])
        try:
            return board.launch()
        except program.TensorBoardPortInUseError:
            raise UserError(f"Port {port} is taken. Choose another one with --port.") from None
        except program.TensorBoardServerException as error:
            raise UserError(f"TensorBoard cannot be started. {error.msg}") from None
