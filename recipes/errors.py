"""The two ways in which a recipe ends early, and what their messages are made of."""

import contextlib
import errno
import re
import tarfile
import zipfile
import zlib

#: What readers raise where a file is damaged, or nested without end.
DAMAGED = (
    *(OSError, EOFError, ValueError, KeyError, RuntimeError),
    *(zlib.error, tarfile.TarError, zipfile.BadZipFile),
)
#: The same, and what comes of values of other types than were written.
MISSHAPEN = (*DAMAGED, TypeError, AttributeError, IndexError)


@contextlib.contextmanager
def reading(what, cure=""):
    """Whatever a decoder raises inside becomes a `UserError` about the file that was read.

    >>> with reading("a.json"):
    ...     raise KeyError("radii")
    Traceback (most recent call last):
    recipes.errors.UserError: Cannot read a.json: it is damaged ('radii').
    """
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:
        why = getattr(error, "strerror", None) or f"it is damaged ({error or type(error).__name__})"
        raise UserError(f"Cannot read {what}: {why}.{cure}") from error


def printable(text) -> str:
    r"""A text that a terminal only shows: what would steer it stands as an escape.

    >>> printable("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    found = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
    return re.sub(found, lambda sign: ascii(sign[0])[1:-1], str(text))


class UserError(Exception):
    """The user's input is wrong: the program prints this one message and exits with status 2.

    The message says what was expected, what came, and what to do next. No traceback follows it.

    >>> raise UserError("Expected --epochs to be at least 1. Received: 0.")
    Traceback (most recent call last):
    recipes.errors.UserError: Expected --epochs to be at least 1. Received: 0.
    """


class RunError(Exception):
    """The input was fine and the run failed all the same: the program exits with status 1.

    >>> raise RunError("The loss is not a number after step 12. Lower --learning_rate.")
    Traceback (most recent call last):
    recipes.errors.RunError: The loss is not a number after step 12. Lower --learning_rate.
    """


def some(values, most: int = 5) -> str:
    """The first of some values, as a message quotes them.

    >>> some("abc", most=2)
    "'a', 'b', ..."
    """
    values = list(values)
    return ", ".join(map(repr, values[:most])) + (", ..." if len(values) > most else "")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says so, of the system or of any backend's device.

    >>> out_of_memory(MemoryError()), out_of_memory(ValueError("CUDA out of memory"))
    (True, True)
    """
    said = f"{type(error).__name__} {error}".lower().replace("_", "")
    return isinstance(error, MemoryError) or "resourceexhausted" in said or "out of memory" in said


def disk_is_full(error: BaseException | None) -> bool:
    """Whether an error, or what it was raised from, says that there is no room left.

    >>> disk_is_full(OSError(28, "No space left on device")), disk_is_full(OSError(2, "No file"))
    (True, False)
    """
    while error is not None:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        if full or "No space left on device" in str(error):  # HDF5 and TensorFlow put it in words
            return True
        error = error.__cause__ or error.__context__
    return False
