"""`zoo serve` under load, beside the model in the process, and among clients that do harm."""

import http.client
import json
import random
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd

from recipes.engine.tables import markdown, number
from scripts.benchmarks.runs import Row, kept, train_all

#: Seconds of a measurement, clients at a time, and requests over which memory is watched.
SECONDS, CLIENTS, MANY = 8, 16, 10_000
ROW = Row("titanic", ("--dataset", "titanic"))
_HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Trains, serves and asks; see `scripts.benchmarks.forecast.measure`."""
    del only, seeds  # one run shows it
    folder.mkdir(parents=True, exist_ok=True)
    train_all("tabular", [ROW], 1, folder, fresh)
    run = folder / "tabular" / f"{ROW.name}-seed-1"
    found = kept(folder / "serve.json", lambda: served(run), fresh)
    rows = [["how", "requests a second", "ms, median", "ms, p99"]]
    for name, each in found["times"].items():
        rows.append([name, f"{each['rate']:,.0f}", number(each["median"]), number(each["p99"])])
    memory = ", ".join(f"{each:.0f}" for each in found["memory"])
    text = (
        f"The last row is of {found['sent']:,} requests, of which one in a hundred each came a "
        "byte at a time, was broken off, and was no JSON. "
        f"Lost or answered wrongly: {found['lost']}. "
        f"Malformed and refused with 4xx: {found['refused']} of {found['malformed']}. Batches held "
        f"{found['batch']:.1f} rows on average. Memory of the server before these, halfway and "
        f"after: {memory} MB."
    )
    return {"One row of Titanic a request": f"{markdown(rows)}\n\n{text}"}


def served(run, seconds=SECONDS, many=MANY) -> dict:
    """Times of requests of one row, in this process and to a server, and what was lost.

    Args:
        run: A run of `tabular` on Titanic.
        seconds: Of each measurement.
        many: Requests among those that do harm.
    """
    import zoo
    from recipes.engine.predict import SavedRun
    from recipes.tabular.loading import load_table

    saved = SavedRun(run)
    frame = load_table(saved.config).frame.astype(object).head(200)
    rows = frame.where(frame.notna(), None).to_dict("records")
    model = zoo.load(run)
    frames = [pd.DataFrame([row]) for row in rows]
    times = {"`zoo.load(run).predict`, one after the other": _alone(model.predict, frames, seconds)}
    keep = zoo.Predictor(model).predict
    times["the bare model (`zoo.Predictor`)"] = _alone(keep, frames, seconds)
    command = [sys.executable, "-m", "recipes", "serve", str(run), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        clients = _Clients(int(process.stdout.readline().rpartition(":")[2]), rows)
        times["`zoo serve`, 1 client"] = clients.load(1, seconds=seconds)
        times[f"`zoo serve`, {CLIENTS} clients"] = clients.load(CLIENTS, seconds=seconds)
        memory = [_memory(process.pid)]
        for _ in range(2):
            among = clients.load(CLIENTS, count=many // 2)
            memory.append(_memory(process.pid))
        times[f"the same among slow, killed and malformed ones, {CLIENTS} clients"] = among
        counts = clients.get("/metrics")
    finally:
        process.terminate()
        code = process.wait(60)
        process.stdout.close()
    assert code == 0, f"the server ended with {code}"
    items, batches = (
        float(re.search(rf"zoo_batch_items_{end}{{.*?}} (.*)", counts)[1])
        for end in ("sum", "count")
    )
    told = {name: getattr(clients, name) for name in ("lost", "malformed", "refused")}
    return {"times": times, "memory": memory, "sent": many, "batch": items / batches, **told}


def _alone(predict, frames, seconds):
    predict(frames[0])
    times, began = [], time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        predict(frames[len(times) % len(frames)])
        times.append(time.perf_counter() - start)
    return _told(times, time.perf_counter() - began)


def _told(times, seconds):
    median, p99 = (1000 * float(np.quantile(times, q)) for q in (0.5, 0.99))
    return {"rate": len(times) / seconds, "median": median, "p99": p99}


def _memory(process):
    text = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+)", text)[1]) / 1024


class _Clients:
    """Threads that ask, and know what is right: what the same row got alone."""

    def __init__(self, port, rows):
        self.port, self.bodies, self.right = port, [], []
        self.lost = self.malformed = self.refused = 0
        self.lock = threading.Lock()
        line = self._line()
        for row in rows:
            body = json.dumps({"rows": [row]}, default=str).encode()
            status, answer = self._ask(line, body)
            if status == 200:  # rare values are not known to the model
                self.bodies.append(body)
                self.right.append(answer)
        line.close()
        assert len(self.bodies) > len(rows) / 2

    def _line(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def _ask(self, line, body):
        line.request("POST", "/predict", body, {"Content-Type": "application/json"})
        answer = line.getresponse()
        return answer.status, answer.read()

    def get(self, path):
        line = self._line()
        line.request("GET", path)
        text = line.getresponse().read().decode()
        line.close()
        return text

    def load(self, clients, seconds=None, count=None):
        """Times of many requests; with a `count`, three in a hundred do harm."""
        times, began = [], time.perf_counter()
        left = iter(range(count)) if count else iter(int, 1)

        def work(seed):
            chance, line = random.Random(seed), self._line()
            while seconds is None or time.perf_counter() - began < seconds:
                with self.lock:
                    if next(left, None) is None:
                        break
                which, harm = chance.randrange(len(self.bodies)), chance.randrange(100)
                if count and harm < 3:
                    (self._slow, self._killed, self._malformed)[harm](which)
                    continue
                start = time.perf_counter()
                fine = self._ask(line, self.bodies[which]) == (200, self.right[which])
                with self.lock:
                    self.lost += not fine
                    times.append(time.perf_counter() - start)
            line.close()

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return _told(times, time.perf_counter() - began)

    def _slow(self, which):
        body = self.bodies[which]
        with socket.create_connection(("127.0.0.1", self.port)) as line:
            line.sendall(_HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
            for byte in body:
                line.sendall(bytes([byte]))
                time.sleep(0.002)
            answer = line.recv(10_000)
            with self.lock:
                self.lost += not answer.startswith(b"HTTP/1.1 200")

    def _killed(self, which):
        with socket.create_connection(("127.0.0.1", self.port)) as line:
            body = self.bodies[which]
            line.sendall(
                _HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body[: 5 * (which % 9)]
            )

    def _malformed(self, which):
        line = self._line()
        status, _ = self._ask(line, self.bodies[which][:-1] + b"\xff\x00"[: which % 3])
        line.close()
        with self.lock:
            self.malformed += 1
            self.refused += 400 <= status < 500
