"""Which files data lies in, and whether they fit into memory; gives memory back."""

import ctypes
import gc
import glob
import io
import os
import sys
import zipfile
from pathlib import Path

from recipes.data.download import GZIP_MAGIC, open_bytes
from recipes.errors import DAMAGED, UserError, reading

#: How many times its size a file takes in memory while it is read.
GROWTH = {"csv": 3, "gzip": 15, "parquet": 3}


def limit(name: str, value: int) -> int:
    """What is read at most: a number in an environment variable, or else a value.

    >>> limit("ZOO_MAX_PIXELS", 1000)
    1000
    """
    with reading(f"the environment variable {name}"):
        return int(float(os.environ.get(name, value)))


def shards(path) -> list[Path]:
    """The files that a path names; a `UserError` where it is a folder or a pattern of none."""
    path = Path(path)
    several = path.is_dir() or (glob.has_magic(str(path)) and not path.exists())
    found = path.iterdir() if path.is_dir() else map(Path, glob.glob(str(path)))
    files = sorted(each for each in found if each.is_file() and each.name[0] not in "._")
    if several and not files:
        raise UserError(
            f"Expected the files of a table. Received: {path}, which has none (folders in it, and "
            "names that begin with _ or a point, do not count)."
        )
    return files if several else [path]


def check_size(path: str | Path) -> None:
    """Refuses, with both sizes, a file that would take more memory than the machine has.

    The rule: three times the size of a CSV file, fifteen times that of a gzipped one, three times
    the uncompressed size of a Parquet file's columns, or of what is in a zip file (Excel, NumPy).
    """
    if is_too_large(path):
        raise UserError(
            f"{path} is too large to be read: its {_gigabytes(Path(path).stat().st_size)} take "
            f"about {_gigabytes(_needed(path))} of memory, and there are {_gigabytes(memory())}. "
            "Leave rows or columns out of the file, or convert the columns you need to Parquet."
        )


def is_too_large(path: str | Path) -> bool:
    """Whether there is a file, and it takes more memory than the machine has."""
    available = memory()
    try:
        return bool(available) and Path(path).is_file() and _needed(path) > available
    except DAMAGED:  # the reader has the words for it
        return False


def read_bytes(path: str | Path) -> bytes:
    """What a file holds, gzipped or not; refused where it unpacks to more than memory takes."""
    content, most = io.BytesIO(), memory() // GROWTH["csv"]  # a list of parts were a copy more
    with open_bytes(path) as file:
        while part := file.read(1 << 20):
            content.write(part)
            if most and content.tell() > most + (1 << 24):
                raise UserError(
                    f"{path} unpacks to more than {_gigabytes(most)}, which this machine's memory "
                    "does not take. Unpack it, and leave rows or columns out."
                )
    return content.getvalue()


def give_back() -> None:
    """Gives the system what was needed for a time alone, such as to read; allocators keep it."""
    gc.collect()
    if "pyarrow" in sys.modules:  # else a second to import it
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", int)(0)  # of glibc alone


def memory() -> int:
    """Bytes of memory that are used at most, `ZOO_MAX_MEMORY` or all; 0 where that is not known."""
    found = []
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" in names and "SC_PAGE_SIZE" in names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    group = Path("/sys/fs/cgroup/memory.max")  # of a container
    if group.is_file() and group.read_text().strip().isdigit():
        found.append(int(group.read_text()))
    return limit("ZOO_MAX_MEMORY", min(found, default=0))


def _needed(path):
    with open(path, "rb") as file:
        start = file.read(4)
    if start == b"PAR1":
        import pyarrow.parquet

        metadata = pyarrow.parquet.read_metadata(path)
        groups = range(metadata.num_row_groups)
        return GROWTH["parquet"] * sum(metadata.row_group(i).total_byte_size for i in groups)
    if start == b"PK\x03\x04":  # no member is longer than the archive says
        with zipfile.ZipFile(path) as archive:
            return GROWTH["csv"] * sum(each.file_size for each in archive.infolist())
    return GROWTH["gzip" if start[:2] == GZIP_MAGIC else "csv"] * Path(path).stat().st_size


def _gigabytes(size):
    return f"{size / 1e9:,.1f} GB"
