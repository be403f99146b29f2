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
    """An ASGI application that is made again when one of the runs changed.

    Args:
        worker: Holds the runs, and answers.
        host: Address that the server is bound to.
    """

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
        app = FastAPI(title="zoo serve", docs_url=None, redoc_url=None)
        if self.host in LOOPBACK:
            app.add_middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK)
        for kind in (RequestValidationError, HTTPError, *_STATUS):
            app.add_exception_handler(kind, _refused)

        def file(name, kind):
            text = resources.files("recipes.serving").joinpath(name).read_text(encoding="utf-8")
            return lambda: Response(text, media_type=f"text/{kind}")

        def health():
            works = self.worker.is_alive()
            return JSONResponse({"status": "ok" if works else "failed"}, 200 if works else 503)

        app.add_api_route("/", file("page.html", "html"), include_in_schema=False)
        app.add_api_route("/page.js", file("page.js", "javascript"), include_in_schema=False)
        app.add_api_route("/health", health, summary="Whether the server works")
        counts = lambda: Response(generate_latest(self.worker.registry), media_type="text/plain")  # noqa: E731
        app.add_api_route("/metrics", counts, summary="Counts and times, for Prometheus")
        about = {}
        app.add_api_route("/runs", lambda: JSONResponse(about), summary="What is served")
        for name, run in self.worker.runs.items():
            recipe, contract = run.contract.saved.recipe, run.contract
            streams = contract.kind == "prompt" and recipe.stream is not None
            for prefix in (f"/runs/{name}", *([] if about else [""])):
                self._add(app, prefix, name, contract, streams)
            about[name] = {"title": recipe.title, "kind": contract.kind, "asks": contract.asks}
            about[name] |= {"streams": streams, "schema": contract.request.model_json_schema()}
            about[name]["time"] = contract.saved.metadata.get("time")
        return app

    def _add(self, app, prefix, name, contract, streams):
        model = contract.request

        def job(body):
            flags = body.model_dump(exclude={contract.asks}, exclude_unset=True)
            asked = getattr(body, contract.asks or "none", None)
            return Job(name, asked if isinstance(asked, list) else [asked], flags)

        async def predict(body: model):
            found, notes = await self._answered(job(body))
            answer = {contract.asks: found} if contract.several else found[0]
            return JSONResponse({"run": name, **answer, "notes": notes})

        async def generate(body: model):
            asked, loop, parts = job(body), asyncio.get_running_loop(), asyncio.Queue()
            asked.put = lambda part: loop.call_soon_threadsafe(parts.put_nowait, part)
            await self._answered(asked)
            return StreamingResponse(_events(asked, parts), media_type="text/event-stream")

        title = f"{contract.saved.recipe.title}: {name}"
        for path, ask in {
            "predict": predict,
            **({"generate": generate} if streams else {}),
        }.items():
            path = f"{prefix}/{path}"
            app.add_api_route(path, ask, methods=["POST"], tags=[name], summary=title)

    async def _answered(self, job):
        try:
            answer = asyncio.wrap_future(self.worker.submit(job))
            return await asyncio.wait_for(answer, self.limits.time_limit)
        except TimeoutError:
            job.gone = True
            limit = f"{self.limits.time_limit:g} seconds"
            raise TimeoutError(f"The answer took longer than {limit}. Ask for less.") from None


async def _events(job, parts):
    """Parts of a stream as server-sent events, until it ends or nobody reads on."""
    try:
        while isinstance(part := await parts.get(), str):
            yield f"data: {json.dumps({'text': part})}\n\n"
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
