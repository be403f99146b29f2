"""`zoo serve` over HTTP, in this process: runs that an older version saved, and one of bands."""

import base64
import http.client
import json
import re
import shutil
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from recipes.cli import main
from recipes.errors import UserError
from tests.test_browser import free_port

if find_spec("fastapi") is None:
    pytest.skip("needs the serve extra, which dev includes", allow_module_level=True)

import uvicorn

from recipes.serving import batching, schema
from recipes.serving.serve import serve

RUNS = Path(__file__).parents[1] / "engine" / "format_1"
INPUT = RUNS / "input"


class Server:
    """Serves runs in a thread of this process."""

    def __init__(self, *runs, **limits):
        self.port, made = free_port(), []

        class Kept(uvicorn.Server):
            def __init__(self, config):
                super().__init__(config)
                made.append(self)

        flags = {"port": self.port, "backend": keras.backend.backend(), **limits}
        with mock.patch("uvicorn.Server", Kept):
            self.thread = threading.Thread(target=serve, args=(runs,), kwargs=flags)
            self.thread.start()
            while not (made and made[0].started):
                assert self.thread.is_alive()
                time.sleep(0.01)
        self.server = made[0]
        self.worker = self.server.config.app.worker

    def ask(self, path, content=None, headers=()):
        """Status and answer: to GET without content; bytes are sent as they are."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        body = content if isinstance(content, bytes | None) else json.dumps(content).encode()
        kind = {"Content-Type": "application/json", **dict(headers)}
        line.request("GET" if content is None else "POST", path, body, kind)
        answer = line.getresponse()
        text = answer.read().decode()
        line.close()
        json_text = answer.headers["Content-Type"] == "application/json"
        return answer.status, json.loads(text) if json_text else text

    def predict(self, run, **content):
        status, found = self.ask(f"/runs/{run}/predict", content)
        assert status == 200, found
        return found

    def stop(self):
        self.server.should_exit = True
        self.thread.join(30)
        assert not self.thread.is_alive()


def until(question):
    deadline = time.monotonic() + 20
    while not (answer := question()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return answer


@pytest.fixture(scope="module")
def server(drawing):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(INPUT)  # where the runs' own data lies
        runs = ["tabular", "forecast", "images", "language_model", "text_classification"]
        server = Server(*(RUNS / name for name in [*runs, "translation"]), drawing, max_text=500)
        yield server
        server.stop()


def churn(count=3):
    rows = pd.read_csv(INPUT / "churn.csv").head(count).astype(object)
    return rows.where(rows.notna(), None).to_dict("records")


def test_rows_are_answered_as_by_predict(server):
    found = server.predict("tabular", rows=churn())
    table = pd.DataFrame(churn()).drop(columns="left")
    expected = zoo.load(RUNS / "tabular").predict(table).drop(columns="row")
    assert list(found["rows"][0]) == list(expected)
    for row, right in zip(found["rows"], expected.to_dict("records"), strict=True):
        assert row == pytest.approx(right)
    assert server.ask("/predict", {"rows": churn()})[1] == found  # that of the first run


def test_forecasts_go_on_from_the_runs_own_data_or_from_rows(server):
    own = server.predict("forecast")["rows"]
    sales = pd.read_csv(INPUT / "sales.csv").to_dict("records")
    holidays = pd.read_csv(INPUT / "holidays.csv").to_dict("records")
    assert server.predict("forecast", rows=sales, future_covariates=holidays)["rows"] == own
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", own[0]["day" if "day" in own[0] else "date"])


def test_pictures_and_texts_and_sentences(server):
    pictures = [(INPUT / "photos" / f"0{i}.png").read_bytes() for i in (1, 0, 1)]
    sent = [base64.b64encode(each).decode() for each in pictures]
    found = server.predict("images", pictures=sent)["pictures"]
    expected = zoo.load(RUNS / "images").predict(INPUT / "photos").to_dict("records")
    assert found[0] == found[2]
    for row, right in zip(found[:2], expected[::-1], strict=True):
        del right["file"]
        assert row == pytest.approx(right)
    texts = ["a great story", "dull", "a great story"]
    found = server.predict("text_classification", texts=texts)["texts"]
    assert found[0] == found[2] != found[1]
    line = "the red cat sees the old dog"
    (found,) = server.predict("translation", texts=[f" {line}\n"])["texts"]
    assert found["text"] == zoo.load(RUNS / "translation").predict(line).strip()
    best = server.predict("translation", texts=[line, "the dog"], beam=2, n_best=2)["texts"]
    assert [len(each["best"]) for each in best] == [2, 2]
    assert best[0]["best"][0]["score"] >= best[0]["best"][1]["score"]


def test_attention_is_told(server):
    (found,) = server.predict("translation", texts=["the red cat"], explain=True)["texts"]
    told = found["explained"]
    assert told["source"] == ["the", "red", "cat"]
    assert np.shape(told["weights"]) == (len(told["target"]), 3)
    np.testing.assert_allclose(np.sum(told["weights"], axis=1), 1, atol=1e-3)


def test_a_text_streams(server):
    asked = {"text": "the film", "length": 70, "seed": 1}
    null = {**asked, "samples": None}  # as if it were not there
    status, events = server.ask("/runs/language_model/generate", null)
    assert status == 200
    parts = [json.loads(data)["text"] for data in re.findall(r"data: (.*text.*)\n", events)]
    assert len(parts) > 2
    assert events.endswith("event: end\ndata: {}\n\n")
    whole = server.predict("language_model", **asked)["text"]
    assert "".join(parts).removesuffix("\n") == whole
    assert whole == zoo.load(RUNS / "language_model").predict("the film", length=70, seed=1)[:-1]


def test_a_reader_who_leaves_ends_the_stream(server):
    body = json.dumps({"text": "the film", "length": 10_000}).encode()
    line = socket.create_connection(("127.0.0.1", server.port))
    head = "POST /runs/language_model/generate HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    line.sendall(head.encode() + body)
    assert b"200 OK" in line.recv(1000)
    (job, pieces), *_ = until(lambda: server.worker.streams)
    line.close()
    until(lambda: job.gone)
    assert server.predict("tabular", rows=churn(1))["rows"]  # others are answered
    until(lambda: not server.worker.streams)
    assert next(pieces)  # there would be more


def test_new_pictures(server, drawing):
    found = server.predict(drawing.name, samples=4)
    assert base64.b64decode(found["picture"]).startswith(b"\x89PNG")


def test_requests_at_once_are_answered_together(server):
    rows = churn(12)
    alone = [server.predict("tabular", rows=[row]) for row in rows]
    sizes, answer = [], schema.Contract.answer

    def counted(self, items, flags):
        sizes.append(len(items))
        return answer(self, items, flags)

    with mock.patch.object(schema.Contract, "answer", counted), ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda row: server.predict("tabular", rows=[row]), rows))
    assert found == alone
    assert sum(sizes) == 12
    assert len(sizes) < 9


def test_one_that_fails_does_not_take_others_with_it(server):
    texts = [["the cat"], ["the dog", "the \u2603"], ["the red cat"]]
    path = "/runs/translation/predict"
    alone = [server.ask(path, {"texts": each}) for each in texts]
    sizes, answer = [], schema.Contract.answer

    def counted(self, items, flags):
        sizes.append(len(items))
        if len(items) > 2 or "\u2603" in "".join(items):
            raise UserError("no snow")
        return answer(self, items, flags)

    with (
        mock.patch.object(schema.Contract, "answer", counted),
        mock.patch.object(server.worker.limits, "max_wait", 0.3),
        ThreadPoolExecutor(3) as pool,
    ):
        found = list(pool.map(lambda each: server.ask(path, {"texts": each}), texts))
    assert max(sizes) > 2
    assert [status for status, _ in found] == [200, 422, 200]
    assert found[0] == alone[0]
    assert found[2] == alone[2]
    assert found[1][1] == {"error": "no snow"}


ROW = churn(1)[0]
BAD = {
    "no JSON": ("tabular", b'{"rows": [', 422, "JSON decode error"),
    "nested": ("tabular", b"[" * 100_000, 400, "error parsing"),
    "no rows": ("tabular", {"rows": []}, 422, "rows: List should have at least 1 item"),
    "not a number": ("tabular", b'{"rows": [%s]}', 422, "finite number. Received: nan"),
    "a text for a number": ("tabular", {"rows": [{**ROW, "age": "3"}]}, 422, "valid number"),
    "unknown category": ("tabular", {"rows": [{**ROW, "plan": "zzz"}]}, 422, "'zzz'"),
    "missing column": ("tabular", {"rows": [{}]}, 422, "Field required"),
    "unknown flag": ("tabular", {"rows": [ROW], "batch": 3}, 422, "batch: Extra inputs"),
    "a file": ("tabular", {"rows": [ROW], "keep": "a"}, 422, "keep: Extra inputs"),
    "a path": ("forecast", {"future_covariates": "/etc/passwd"}, 422, "should be a valid list"),
    "too few steps": ("forecast", {"rows": [{"a": 1}]}, 422, "a column"),
    "no picture": ("images", {"pictures": ["eHh4"]}, 422, "Cannot read the image 0.png"),
    "no base64": ("images", {"pictures": ["a"]}, 422, "pictures.0: Base64"),
    "a megabyte": ("text_classification", {"texts": ["a" * 2**20]}, 422, "at most 500 char"),
    "more than the limit": ("text_classification", b" " * 2**24 + b"{}", 413, "bytes at most"),
    "many texts": ("text_classification", {"texts": ["a"] * 10_001}, 422, "at most 10000 items"),
    "an empty sentence": ("translation", {"texts": [" "]}, 422, "should match pattern"),
    "beams": ("translation", {"texts": ["a"], "beam": 10**9}, 422, "less than or equal to 10000"),
    "a flag": ("language_model", {"text": "the", "top_k": 9, "top_p": 1}, 422, "Give one of"),
    "a number and a text": ("forecast", {"rows": [{"a": 1}, {"a": "b"}]}, 422, "one kind"),
    "cold": ("language_model", {"text": "the", "temperature": 0}, 422, "must be above 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said(server, case):
    run, content, status, message = BAD[case]
    if isinstance(content, bytes):
        content = content.replace(b"%s", json.dumps({**ROW, "age": float("nan")}).encode())
    found, answer = server.ask(f"/runs/{run}/predict", content)
    assert found == status
    assert message in answer["error"]
    assert "/tmp" not in answer["error"]


def test_other_addresses(server):
    assert server.ask("/health") == (200, {"status": "ok"})
    assert server.ask("/nothing")[0] == 404
    assert server.ask("/runs/images/generate", {})[0] == 404
    assert server.ask("/health", headers={"Host": "example.com"})[0] == 400
    status, found = server.ask("/openapi.json")
    assert status == 200
    assert "/runs/tabular/predict" in found["paths"]
    server.predict("tabular", rows=churn(1))
    counts = server.ask("/metrics")[1]
    assert 'zoo_requests_count{path="/runs/tabular/predict",status="200"}' in counts
    assert set(server.ask("/runs")[1]) == {*server.worker.runs}


def test_a_model_that_takes_too_long_and_a_body_that_never_comes(server):
    slow = lambda self, items, flags: (time.sleep(0.6), ([{}], []))[1]  # noqa: E731
    with (
        mock.patch.object(server.worker.limits, "time_limit", 0.3),
        mock.patch.object(schema.Contract, "answer", slow),
    ):
        status, found = server.ask("/predict", {"rows": churn(1)})
        assert status == 504
        assert "longer than 0.3 seconds" in found["error"]
        line = socket.create_connection(("127.0.0.1", server.port))
        head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
        line.sendall(head + b"Content-Type: application/json\r\n\r\n{")
        assert b"408" in line.recv(100)
        line.close()
    assert server.predict("tabular", rows=churn(1))["rows"]


def test_too_many_wait(server):
    with mock.patch.object(batching, "WAITING", 0):
        status, found = server.ask("/predict", {"rows": churn(1)})
    assert status == 503
    assert "Come again" in found["error"]


def test_a_changed_run_is_read_again_and_nothing_is_lost(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(batching, "LOOK", 0.1)
    run = tmp_path / "run"
    shutil.copytree(RUNS / "text_classification", run)
    server = Server(run)
    texts = {"texts": ["a great story"]}
    before = server.ask("/predict", texts)
    found, ended = [], threading.Event()

    def ask():
        while not ended.is_set():
            found.append(server.ask("/predict", texts))

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        whole = (run / "model.keras").read_bytes()
        (run / "model.keras").write_bytes(whole[:-200])
        until(lambda: 'outcome="failed"' in server.ask("/metrics")[1])
        assert server.ask("/predict", texts) == before
        model = zoo.load(RUNS / "text_classification" / "model.keras")
        for weight in model.trainable_weights:
            weight.assign(0 * weight)
        model.save(tmp_path / "new.keras")
        (tmp_path / "new.keras").replace(run / "model.keras")
        until(lambda: server.ask("/predict", texts)[1]["texts"][0]["probability"] == 0.5)
    finally:
        ended.set()
        asker.join()
        server.stop()
    assert {status for status, _ in found} == {200}
    assert "is served as before" in capsys.readouterr().err


def test_what_runs_is_answered_before_the_end():
    server = Server(RUNS / "text_classification")
    answer, begun = schema.Contract.answer, threading.Event()

    def slow(*arguments):
        begun.set()
        time.sleep(0.3)
        return answer(*arguments)

    with mock.patch.object(schema.Contract, "answer", slow), ThreadPoolExecutor(1) as pool:
        found = pool.submit(server.ask, "/predict", {"texts": ["a great story"]})
        assert begun.wait(10)
        server.stop()
        assert found.result()[0] == 200
    with pytest.raises(ConnectionRefusedError):
        server.ask("/health")


def test_mistakes_on_the_command_line(capsys, tmp_path):
    def refused(*arguments):
        assert main(["serve", *map(str, arguments)]) == 2
        return capsys.readouterr().err

    run = RUNS / "tabular"
    assert "There is no run" in refused(tmp_path / "none")
    assert "--max_rows to be above 0" in refused(run, "--max_rows", 0)
    assert "Two runs are called tabular" in refused(run, run)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with mock.patch("zoo.load", side_effect=AssertionError):
            assert "in use" in refused(run, "--port", taken.getsockname()[1])
            assert "Cannot listen on" in refused(run, "--port", 70_000)
    with mock.patch("recipes.serving.serve.find_spec", return_value=None):
        assert "pip install 'handson-zoo[serve]'" in refused(run)
    (tmp_path / "config.yaml").write_text((run / "config.yaml").read_text())
    assert "is not a finished run" in refused(tmp_path)


def test_the_page_needs_no_other_machine(server):
    status, page = server.ask("/")
    assert status == 200
    script = server.ask("/page.js")[1]
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//|@import|\bimport\b", page + script)
