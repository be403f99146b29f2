"""Mutated files and flags for all that reads: a `UserError`, or an answer, and nothing else."""

import contextlib
import gc
import itertools
import math
import os
import random
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from recipes.errors import UserError
from scripts.fault_tests import made_up, readers_of_data, readers_of_runs
from scripts.fault_tests.mutations import mutated

#: What becomes of an input: it is read, refused with a `UserError`, misread, takes too long, or is
#: not met.
VERDICTS = ("read", "clear", "wrong", "slow", "traceback")
#: Seconds of the processor that one input may take.
LIMIT = 10
#: What reads, by name: valid inputs to begin with, and what reads a file of them.
READERS = {**readers_of_data.READERS, **readers_of_runs.READERS}


class _TooSlowError(BaseException):
    """An input that takes longer than `LIMIT`."""


def fuzz(
    reader: str, count: int, seed: int, seconds=None
) -> tuple[Counter, list[tuple[bytes, str]]]:
    """Gives a reader so many inputs, and says what became of them.

    Args:
        reader: One of `READERS`.
        count: Inputs.
        seed: Seed of their mutations.
        seconds: Seconds of the processor after which it is enough.

    Returns:
        How many were `"read"`, `"clear"` (a `UserError`), `"slow"` or a `"traceback"`, and those of
        the last two kinds, one for each place in the code, with what was raised.
    """
    make, read = READERS[reader]
    begun, generator = make(), random.Random(seed)
    content = b""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(Exception):
        path = Path(folder) / "input"
        path.write_bytes(begun[0])
        read(path)  # imports what it needs

    def read_one(path):
        nonlocal content
        content = mutated(generator.choice(begun), begun, generator)
        path.write_bytes(content)
        read(path)

    return tried(read_one, count, seconds, lambda: content)


def make_up(kind: str, count: int, seed: int, seconds=None):
    """The same of tables that are made up: those that are `"read"` are read right."""
    number = itertools.count()

    def read_one(path):
        made_up.KINDS[kind](path, random.Random(f"{seed} {next(number)}"))

    return tried(read_one, count, seconds, lambda: f"the one before {number}")


def tried(read_one, count, seconds, shown):
    """What became of so many inputs, and what those were like of which nothing good became."""
    counts, found = Counter(), {}

    def stop(number, frame):
        raise _TooSlowError

    before = {each: signal.signal(each, stop) for each in (signal.SIGALRM, signal.SIGPROF)}
    gc.collect()
    gc.freeze()  # what is imported is not looked through again with each input
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as silence:
        end = time.process_time() + (seconds or math.inf)
        for number in range(count):
            if time.process_time() > end:
                break
            if number % 500 == 499:  # nor what libraries keep of each, such as studies
                gc.collect()
                gc.freeze()
            verdict, said = _tried(read_one, Path(folder) / "input", silence)
            counts[verdict] += 1
            if verdict not in ("read", "clear"):
                place = [line for line in said.splitlines() if line.startswith("  File")][-1]
                place += said.splitlines()[-1][:40] * (verdict == "wrong")
                found.setdefault(place, (shown(), said))
    gc.unfreeze()
    for number, handler in before.items():
        signal.signal(number, handler)
    return counts, list(found.values())


def _tried(read, path, silence):
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    signal.alarm(12 * LIMIT)  # where it only waits
    try:
        with (
            contextlib.redirect_stdout(silence),
            contextlib.redirect_stderr(silence),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            read(path)
        return "read", ""
    except UserError as error:
        return "clear", str(error)
    except AssertionError:
        return "wrong", traceback.format_exc()
    except OSError as error:  # of which `main` makes a message
        return ("clear", "") if error.filename else ("traceback", traceback.format_exc())
    except _TooSlowError:
        return "slow", traceback.format_exc()
    except KeyboardInterrupt:
        raise
    except BaseException:  # a panic in Rust is no Exception
        return "traceback", traceback.format_exc()
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
