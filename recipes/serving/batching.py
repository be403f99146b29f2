"""One thread that owns the models: requests that fit together are answered together."""

import itertools
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram

from recipes.engine.predict import SavedRun
from recipes.serving.schema import Contract
from zoo.layers import HubLayer

#: Requests that wait at most, and seconds between looks at the files of the runs.
WAITING, LOOK = 1000, 1.0
#: Files that say that a run is another one than before; the last may come and go.
_MARKS = ("model.keras", "config.yaml", "metrics.json", "refit.keras")


class Served:
    """A run in the folder `path`, served from a copy in `home`, so that it changes as a whole."""

    def __init__(self, path: Path, home: str, limits):
        self.path, self.home, self.limits = path, home, limits
        self.marks = self._now()
        HubLayer.trusted.add(str(path))  # modules inside of the run
        self._read()

    def _now(self):
        stats = {name: (self.path / name).stat() for name in _MARKS if (self.path / name).exists()}
        return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}

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
            now = self._now()
            if now == self.marks or {*self.marks} - {*now, _MARKS[-1]}:
                return ""
            self.marks = now
            self._read()
            return "done"
        except Exception as error:  # whatever it is, it is no reason to stop
            print(f"note: {self.path} changed, and is served as before: {error}", file=sys.stderr)
            return "failed"


class Job(Future):
    """A request that waits: the name of a run, what it asks about, and flags of `zoo predict`.

    `put` takes the parts of a stream and, at its end, `None` or an error, until it is `gone`.
    """

    def __init__(self, run: str, items: list, flags: dict, put=None):
        super().__init__()
        self.run, self.items, self.flags, self.put = run, items, flags, put
        self.gone, self.began = False, time.monotonic()


class Worker(threading.Thread):
    """Answers requests to the `Served` by their names, one batch after the other."""

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

    def submit(self, job: Job) -> Job:
        """Lets a request wait for its answer; an `InterruptedError` if too many do."""
        with self.ready:
            if len(self.waiting) >= WAITING:
                raise InterruptedError("Too many requests wait. Come again.")
            self.waiting.append(job)
            self.ready.notify()
        return job

    def run(self):
        """Works until the process ends."""
        while True:
            batch = [job for job in self._next() if job.set_running_or_notify_cancel()]
            if time.monotonic() - self.looked > LOOK:
                for name, run in self.runs.items():
                    if done := run.refresh():
                        self.reloads.labels(name, done).inc()
                        self.changed.set()
                self.looked = time.monotonic()
            if batch and batch[0].put:
                (job,) = batch
                stream = self.runs[job.run].contract.saved.stream(*job.items, **job.flags)
                self.streams.append((job, stream))
            elif batch:
                self._answer(batch)
            # Each stream has its turn, and so have other requests.
            self.streams = [stream for stream in self.streams if self._step(*stream)]

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
            fitting = [job for job in self.waiting if self._key(job) == key] if key else []
            sizes = itertools.accumulate(len(job.items) for job in fitting)
            fits = [size <= self.limits.max_rows for size in sizes]
            batch = list(itertools.compress(fitting, fits)) or self.waiting[:1]
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
            batch[0].set_exception(error)
        else:
            found = iter(found)
            for job in batch:
                job.set_result(([*itertools.islice(found, len(job.items))], notes))

    def _step(self, job, parts):
        """Whether there may be more of a stream."""
        try:
            if time.monotonic() - job.began > self.limits.time_limit:
                raise TimeoutError("The time is up.")
            job.put(job.gone or next(parts, None))
        except Exception as error:
            job.put(error)
            return False
        return not job.gone and parts.gi_frame is not None
