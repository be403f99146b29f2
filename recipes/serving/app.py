"""The application: addresses, limits and errors, on FastAPI; `Worker` answers."""

import asyncio
import json
import time
from importlib import resources

from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from prometheus_client import Histogram, generate_latest
from starlette.exceptions import HTTPException as HTTPError
from starlette.middleware.trustedhost import TrustedHostMiddleware

from recipes.errors import UserError
from recipes.serving.batching import Job, Worker

#: Names of this machine; a server that no other can reach is asked by them alone, not by a name of
#: the web that was made to point here.
LOOPBACK = ["127.0.0.1", "localhost", "::1", "[::1]"]
_STATUS = {UserError: 422, TimeoutError: 504, InterruptedError: 503, Exception: 500}


class Application:
    """An ASGI application that asks a `Worker`; made again when one of the runs changed."""

    def __init__(self, worker: Worker, host: str):
        self.worker, self.host, self.limits = worker, host, worker.limits
        names = ["path", "status"]
        self.seen = Histogram("zoo_requests", "Seconds", names, registry=worker.registry)
        self.app = self._made()

    async def __call__(self, scope, receive, send):
        """Answers a request, if its body is within the limits."""
        if self.worker.changed.is_set():
            self.worker.changed.clear()
            self.app = self._made()
        began, complete, size, status = time.monotonic(), False, 0, "none"

        async def limited():
            nonlocal complete, size
            left = None if complete else began + self.limits.time_limit - time.monotonic()
            try:
                message = await asyncio.wait_for(receive(), left)
            except TimeoutError:
                raise HTTPException(408, "The request took too long to arrive.") from None
            size += len(message.get("body", b""))
            complete = not message.get("more_body")
            if size > self.limits.max_body:
                most = f"Expected a body of {self.limits.max_body:,} bytes at most."
                raise HTTPException(413, most, {"Connection": "close"})
            return message

        async def watched(message):
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self.app(scope, limited, watched)
        path = getattr(scope.get("route"), "path", "other")
        self.seen.labels(path, status).observe(time.monotonic() - began)

    def _made(self):
        app, about = FastAPI(title="zoo serve", docs_url=None, redoc_url=None), {}
        if self.host in LOOPBACK:
            app.add_middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK)
        for kind in (RequestValidationError, HTTPError, *_STATUS):
            app.add_exception_handler(kind, _refused)
        folder, worker = resources.files("recipes.serving"), self.worker
        states = {True: ({"status": "ok"}, 200), False: ({"status": "failed"}, 503)}
        for path, name, kind in (("/", "page.html", "html"), ("/page.js", "page.js", "javascript")):
            page = Response(folder.joinpath(name).read_bytes(), media_type=f"text/{kind}")
            app.add_api_route(path, lambda page=page: page, include_in_schema=False)
        for path, text, answer in (
            ("/health", "Its state", lambda: JSONResponse(*states[worker.is_alive()])),
            ("/metrics", "For Prometheus", lambda: Response(generate_latest(worker.registry))),
            ("/runs", "What is served", lambda: JSONResponse(about)),
        ):
            app.add_api_route(path, answer, summary=text)
        for name, run in worker.runs.items():
            recipe, contract = run.contract.saved.recipe, run.contract
            asks = {"predict": self._predict(name, contract)}
            if contract.kind == "prompt" and recipe.stream:
                asks["generate"] = self._generate(name, contract)
            how = {"methods": ["POST"], "tags": [name], "summary": f"{recipe.title}: {name}"}
            for path, answer in asks.items():
                for prefix in (f"/runs/{name}", *([] if about else [""])):
                    app.add_api_route(f"{prefix}/{path}", answer, **how)
            about[name] = {
                "title": recipe.title, "kind": contract.kind, "asks": contract.asks,
                "streams": "generate" in asks, "time": contract.saved.metadata.get("time"),
                "schema": contract.request.model_json_schema(),
            }  # fmt: skip
        return app

    def _predict(self, name, contract):
        async def predict(body: contract.request):
            job = self.worker.submit(Job(name, *contract.asked(body)))
            found, notes = await self._in_time(asyncio.wrap_future(job))
            answer = {contract.asks: found} if contract.several else found[0]
            return JSONResponse({"run": name, **answer, "notes": notes})

        return predict

    def _generate(self, name, contract):
        async def generate(body: contract.request):
            loop, parts = asyncio.get_running_loop(), asyncio.Queue()
            put = lambda part: loop.call_soon_threadsafe(parts.put_nowait, part)  # noqa: E731
            job = self.worker.submit(Job(name, *contract.asked(body), put))
            first = await self._in_time(parts.get())
            if isinstance(first, Exception):
                raise first
            return StreamingResponse(_events(job, first, parts), media_type="text/event-stream")

        return generate

    async def _in_time(self, answer):
        try:
            return await asyncio.wait_for(answer, self.limits.time_limit)
        except TimeoutError:
            limit = f"{self.limits.time_limit:g} seconds"
            raise TimeoutError(f"The answer took longer than {limit}. Ask for less.") from None


async def _events(job, part, parts):
    """Parts of a stream as server-sent events, until it ends or nobody reads on."""
    try:
        while isinstance(part, str):
            yield f"data: {json.dumps({'text': part})}\n\n"
            part = await parts.get()
        end = {} if part is None else {"error": str(part) or type(part).__name__}
        yield f"event: {'error' if end else 'end'}\ndata: {json.dumps(end)}\n\n"
    finally:
        job.gone = True


async def _refused(request, error):
    """The reason why a request has no answer."""
    if isinstance(error, RequestValidationError):
        return JSONResponse({"error": " ".join(map(_mistake, error.errors()[:3]))}, 422)
    if isinstance(error, HTTPError):
        return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)
    status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
    text = "The server failed; its log says how." if status == 500 else str(error)
    return JSONResponse({"error": text}, status)


def _mistake(found):
    place = ".".join(map(str, found["loc"][1:])) or "the body"
    received = "" if found["type"] == "missing" else f". Received: {found.get('input')!r:.80}"
    return f"{place}: {found['msg']:.300}{received}."
