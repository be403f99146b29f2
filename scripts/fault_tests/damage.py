"""Every file of a run, damaged in every way, and what each command makes of it."""

import contextlib
import io
import random
import shutil
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recipes.cli import main
from scripts.fault_tests import runs

#: What is tried with a finished run, by the name of what it does.
COMMANDS = {
    "runs": ("runs", "--logdir", "{logdir}"),
    "show": ("show", "{run}"),
    "compare": ("compare", "{run}", "{other}", "-o", "{logdir}/comparison.png"),
    "predict": ("predict", "{run}"),
    "resume": ("train", "--resume", "{run}"),
}
#: What a run has that was not cut off.
_LAST = "metrics.json"


def flipped(content: bytes, seed: int = 0, count: int = 4) -> bytes:
    """A file's content with some bits turned, in its middle half."""
    changed = bytearray(content)
    generator = np.random.default_rng(seed)
    places = generator.integers(len(changed) // 4, max(len(changed) * 3 // 4, 1), count)
    for place, bit in zip(places, generator.integers(0, 8, count), strict=True):
        changed[place] ^= 1 << bit
    return bytes(changed)


#: What becomes of a file's content; None for no file at all.
DAMAGES = {
    "missing": lambda content: None,
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "other type": lambda content: b"[1, 2]\n",
    "other keys": lambda content: b"{}\n",
    "no text": lambda content: b"\xff\xfe\x00\xd8 \x81",
    "zeros": lambda content: bytes(len(content)),
    "bits turned": flipped,
    "a folder": lambda content: ...,
}


@dataclass(frozen=True)
class Tried:
    """What became of one damaged file.

    Args:
        file: Its name in the run.
        damage: One of `DAMAGES`.
        command: One of `COMMANDS`.
        verdict: `"unharmed"` (done as if nothing were), `"clear"` (refused with one message),
            `"wrong"` (other predictions, without a word) or `"traceback"`.
        said: What was printed.
    """

    file: str
    damage: str
    command: str
    verdict: str
    said: str


def try_all(
    run: Path, folder: Path, files=None, commands=tuple(COMMANDS), sample=None
) -> list[Tried]:
    """Damages each file of a copy of a run in each way, and tries each command.

    Args:
        run: A finished run.
        folder: Where copies go.
        files: Names of the files; defaults to all but event files and pictures.
        commands: Names of `COMMANDS`.
        sample: How many damages to draw for each command, and a seed. Defaults to all.
    """
    names = files or sorted(
        str(path.relative_to(run))
        for path in run.rglob("*")
        if path.is_file()
        and path.stat().st_size
        and "tfevents" not in path.name
        and path.suffix not in (".png", "")
    )
    expected = {name: _try(run, folder / "whole", None, None, name) for name in commands}
    found = []
    for name in commands:
        tries = [(f, d) for f in names for d in DAMAGES if (f, name) != (_LAST, "resume")]
        if sample:
            tries = random.Random(sample[1]).sample(tries, min(sample[0], len(tries)))
        for file, damage in tries:
            code, said, output = _try(run, folder / "copy", file, damage, name)
            if code is None:
                verdict = "traceback"
            elif code:
                lines = [line for line in said.splitlines() if line.startswith("zoo: ")]
                verdict = "clear" if len(lines) == 1 else "no message"
            else:
                verdict = "unharmed" if output == expected[name][2] else "wrong"
            found.append(Tried(file, damage, name, verdict, said))
    return found


def _try(run, folder, file, damage, name):
    """Exit status, what was said, and the predictions of a command on a damaged copy."""
    shutil.rmtree(folder, ignore_errors=True)
    copy = folder / run.parent.name / run.name
    other = copy.with_name("other")
    shutil.copytree(run, copy)
    shutil.copytree(run, other)
    if name == "resume":
        (copy / _LAST).unlink()
    if file:
        _damage(copy / file, DAMAGES[damage])
    places = {"run": copy, "other": other, "logdir": folder}
    arguments = [part.format(**places) for part in COMMANDS[name]]
    asked, predicted = runs.asked(run.parent.name, folder / "predictions")
    arguments += asked if name == "predict" else []
    out, error = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            code = main(arguments)
    except Exception:
        return None, traceback.format_exc(), None
    written = {"predict": predicted, "resume": copy / "predictions.csv"}.get(name)
    output = written.read_bytes() if written and code == 0 and written.is_file() else None
    return code, error.getvalue(), output


def _damage(path, damage):
    changed = damage(path.read_bytes() if path.exists() else b"")
    path.unlink(missing_ok=True)
    if changed is ...:
        path.mkdir()
    elif changed is not None:
        path.write_bytes(changed)
