"""TensorBoard event files, written at once and without TensorFlow."""

import os
import re
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class EventFile:
    """One event file. What is added is in the file after `flush()`, so it can be cut back exactly.

    Args:
        folder: Folder to make the file in; TensorBoard shows it as one run.
        suffix: What to end the file's name with. Defaults to nothing.

    >>> import tempfile
    >>> from tensorboardX import summary
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = EventFile(folder)
    ...     file.add(summary.scalar("loss", 0.5), step=1)
    ...     file.close()
    ...     len(event_files(folder))
    1
    """

    def __init__(self, folder: str | Path, suffix: str = ""):
        from tensorboard.summary.writer.record_writer import RecordWriter
        from tensorboardX.proto.event_pb2 import Event

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._event = Event
        # TensorBoard reads a folder's files in the order of their names, whatever the clock says.
        pattern = r"events\.out\.tfevents\.(\d+\.\d+)"
        times = [re.match(pattern, each) for each in event_files(folder)]
        now = max([time.time(), *(float(each[1]) + 1e-6 for each in times if each)])
        name = f"events.out.tfevents.{now:.6f}.{socket.gethostname()}{suffix}"
        self._file = (folder / name).open("xb")
        self._records = RecordWriter(self._file)
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def add(self, summary: Any, step: int) -> None:
        """Adds a summary (from `tensorboardX.summary`) at a step."""
        self._write(self._event(wall_time=time.time(), step=step, summary=summary))

    def add_graph(self, graph: Any) -> None:
        """Adds a `GraphDef`; TensorBoard shows one for each folder."""
        self._write(self._event(wall_time=time.time(), graph_def=graph.SerializeToString()))

    def flush(self) -> None:
        """Hands everything to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _write(self, event):
        self._records.write(event.SerializeToString())


def event_files(folder: str | Path) -> dict[str, int]:
    """Event files in a folder by name, with their sizes in bytes; none of other runs in it."""
    found = sorted(Path(folder).glob("events.out.tfevents.*"))
    return {path.name: path.stat().st_size for path in found}


def rewind(folder: str | Path, sizes: Mapping[str, int]) -> None:
    """Cuts a run's files back to what `event_files` returned; removes those not there then."""
    for name, size in event_files(folder).items():
        path = Path(folder) / name
        if name not in sizes:
            path.unlink()
        elif size > sizes[name]:
            os.truncate(path, sizes[name])
