"""Commands in processes of their own, which are killed."""

import contextlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import time
import warnings
from pathlib import Path

from recipes.cli import main

#: What changes files, as the interpreter tells an audit hook.
_CHANGES = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir")


def in_child(arguments, hook=None, told=None) -> int:
    """Starts a command in a process of its own, which has what this one imported; its id.

    This process must not have computed anything: threads do not come along.

    Args:
        arguments: Those of the command.
        hook: An audit hook to set there.
        told: File to write the names of the imported modules to.
    """
    child = os.fork()
    if child:
        return child
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    code = 1
    try:
        if hook:
            sys.addaudithook(hook)
        code = main(list(map(str, arguments)))
        if told:
            told.write_text(json.dumps(sorted(sys.modules)))
    finally:
        os._exit(code)


def whole(arguments, folder: Path, left: Path, share: float, seed: int) -> float:
    """Lets a command reach its end; its seconds.

    At a share of the moments before it changes a file, a copy of the process dies by SIGKILL, and
    what then lies in the folder is copied.

    Args:
        arguments: Those of the command.
        folder: What is copied, and where changes are seen.
        left: Where copies go, by the number of the moment.
        share: Probability of a moment to be taken.
        seed: Seed of the moments.
    """
    began, told = time.monotonic(), left / "modules.json"
    left.mkdir(parents=True)
    child = in_child(arguments, _dying(folder, left, share, random.Random(seed)), told)
    if os.waitpid(child, 0)[1]:
        raise SystemExit(f"zoo {' '.join(map(str, arguments))} failed")
    took = time.monotonic() - began
    _import(json.loads(told.read_text()))
    told.unlink()
    return took


def ended(arguments) -> int:
    """Lets a command reach its end; its status."""
    return os.waitpid(in_child(arguments), 0)[1]


def killed(arguments, seconds: float) -> int | None:
    """Kills a command after so many seconds; its status where it was at its end before."""
    child, end = in_child(arguments), time.monotonic() + seconds
    while not (status := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < end:
        time.sleep(0.002)
    if status[0]:
        return status[1]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _dying(folder, left, share, chance):
    """An audit hook that sees changes in a folder, as `whole` says."""
    seen, busy = [0], []

    def hook(event, found):
        if busy or event not in _CHANGES or isinstance(found[0], int):
            return
        if event == "open" and not (found[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return
        # What removes a tree names its files within open folders.
        inside = event in ("os.remove", "os.rmdir") and found[1] != -1
        if not inside and not os.fsdecode(found[0]).startswith(str(folder)):
            return
        seen[0] += 1
        if chance.random() < share:
            busy.append(True)
            copy = os.fork()
            if not copy:
                os.kill(os.getpid(), signal.SIGKILL)
            os.waitpid(copy, 0)
            shutil.copytree(folder, left / f"{seen[0]:04}")
            busy.clear()

    return hook


def _import(modules):
    """Imports what a command did, so that those that follow need not; it computes nothing."""
    own = ("recipes.", "zoo.", "callbacks.", "pandas.", "matplotlib.", "sklearn.", "scipy.")
    more = ("tensorboard.", "keras_tuner.", "fastapi.", "pydantic.", "uvicorn.", "rich.", "PIL.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in modules:
            if name.startswith(own + more) and name not in sys.modules:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)


def warm() -> None:
    """Imports what takes longest, for all that follow."""
    # What takes longest to import; a process of its own would do it anew at every kill.
    for name in ("tensorflow", "keras"):
        importlib.import_module(name)
