"""One thread that owns the models: requests that fit together are answered together."""

import itertools
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from recipes.engine.predict import SavedRun
from recipes.serving.schema import Contract
from zoo.layers import HubLayer

#: Requests that wait at most, and seconds between looks at the files of the runs.
WAITING, LOOK = 1000, 1.0
#: Files that say that a run is another one than before; the last may come and go.
_MARKS = ("model.keras", "config.yaml", "metrics.json", "refit.keras")


class Served:
    """A run that is served from a copy of its files, so that it changes as a whole.

    Args:
        path: Its folder.
        home: A folder for copies.
        limits: Those of `serve`.
    """

    def __init__(self, path: Path, home: str, limits):
        self.path, self.home, self.limits, self.marks = path, home, limits, self._now(path)
        HubLayer.trusted.add(str(path))  # modules inside of the run
        self._read()

    def _now(self, path):
        files = {name: path / name for name in _MARKS if (path / name).exists()}
        return {name: (file.stat().st_ino, file.stat().st_mtime_ns) for name, file in files.items()}

    def _read(self):
        copy = tempfile.mkdtemp(dir=self.home)
        for file in self.path.iterdir():
            if file.is_file() and "tfevents" not in file.name:
                shutil.copy2(file, copy)
        self.contract = Contract(SavedRun(copy), self.limits)

    def refresh(self) -> str:
        """Reads the run again if it changed: "done" or "failed", or "" if it did not.

        A run that is trained again is left alone until it is finished.
        """
        try:
            now = self._now(self.path)
            if now == self.marks or {*self.marks} - {*now, _MARKS[-1]}:
                return ""
            self.marks = now
            self._read()
            return "done"
        except Exception as error:  # whatever it is, it is no reason to stop
            print(f"note: {self.path} changed, and is served as before: {error}", file=sys.stderr)
            return "failed"


@dataclass(eq=False)
class Job:
    """A request that waits for the models.

    Args:
        run: Name of the run.
        items: What it asks about.
        flags: Flags of `zoo predict`.
        put: Takes the parts of a stream, and `None` or an error at its end.
        future: Where the answer goes, of a stream that it begins; cancelled if nobody waits.
        gone: Whether nobody reads the stream any more.
    """

    run: str
    items: list
    flags: dict
    put: Any = None
    future: Future = field(default_factory=Future)
    gone: bool = False
    began: float = field(default_factory=time.monotonic)


class Worker(threading.Thread):
    """Answers requests, one batch after the other.

    Args:
        runs: The `Served`, by name.
        limits: How long a batch waits for more, and how many items it has at most.
    """

    def __init__(self, runs: dict[str, Served], limits):
        super().__init__(name="zoo-models", daemon=True)
        self.runs, self.limits, self.registry = runs, limits, CollectorRegistry()
        self.waiting: list[Job] = []
        self.streams: list[tuple] = []
        self.ready, self.changed, self.looked = threading.Condition(), threading.Event(), 0.0
        sizes = {"buckets": [2**power for power in range(14)], "registry": self.registry}
        self.sizes = Histogram("zoo_batch_items", "Items of a batch", ["run"], **sizes)
        names = ["run", "outcome"]
        self.reloads = Counter("zoo_reloads", "Changed runs", names, registry=self.registry)

    def submit(self, job: Job) -> Future:
        """Lets a request wait for its answer; an `InterruptedError` if too many do."""
        with self.ready:
            if len(self.waiting) >= WAITING:
                raise InterruptedError("Too many requests wait. Come again.")
            self.waiting.append(job)
            self.ready.notify()
        return job.future

    def run(self):
        """Works until the process ends."""
        while True:
            batch = [job for job in self._next() if job.future.set_running_or_notify_cancel()]
            if time.monotonic() - self.looked > LOOK:
                for name, run in self.runs.items():
                    if done := run.refresh():
                        self.reloads.labels(name, done).inc()
                        self.changed.set()
                self.looked = time.monotonic()
            if batch and batch[0].put:
                self._begin(*batch)
            elif batch:
                self._answer(batch)
            for stream in [*self.streams]:  # each has its turn, and so have other requests
                if not self._step(*stream):
                    self.streams.remove(stream)

    def _key(self, job):
        """Equal for requests that can be answered together; `None` for one that stays alone."""
        alone = job.put or not self.runs[job.run].contract.merges
        return None if alone else (job.run, repr(sorted(job.flags.items())))

    def _next(self):
        """Requests to be answered together; none after a while without any."""
        with self.ready:
            self.ready.wait_for(lambda: self.waiting or self.streams, LOOK / 4)
            key = self._key(self.waiting[0]) if self.waiting else None
            if key and len(self.waiting) == 1:
                self.ready.wait_for(lambda: False, self.limits.max_wait)
            batch, size = self.waiting[:1], 0
            for job in self.waiting if key else ():
                size += len(job.items) * (self._key(job) == key)
                if size <= self.limits.max_rows and self._key(job) == key and job not in batch:
                    batch.append(job)
            self.waiting = [job for job in self.waiting if job not in batch]
        return batch

    def _answer(self, batch):
        items = [item for job in batch for item in job.items]
        self.sizes.labels(batch[0].run).observe(len(items))
        found = notes = error = None
        try:
            found, notes = self.runs[batch[0].run].contract.answer(items, batch[0].flags)
        except Exception as raised:
            error = raised
        if len(batch) > 1 and (error or notes):  # which of them is meant shows alone
            for job in batch:
                self._answer([job])
        elif error:
            batch[0].future.set_exception(error)
        else:
            found = iter(found)
            for job in batch:
                job.future.set_result(([*itertools.islice(found, len(job.items))], notes))

    def _begin(self, job):
        try:
            saved = self.runs[job.run].contract.saved
            pieces = iter(saved.stream(*job.items, **job.flags))
            job.put(next(pieces))
            self.streams.append((job, pieces))
            job.future.set_result(None)
        except Exception as error:
            job.future.set_exception(error)

    def _step(self, job, pieces):
        """Whether there may be more of a stream."""
        try:
            if time.monotonic() - job.began > self.limits.time_limit:
                raise TimeoutError("The time is up.")
            job.put(job.gone or next(pieces))
        except StopIteration:
            job.put(None)
            return False
        except Exception as error:
            job.put(error)
            return False
        return not job.gone
