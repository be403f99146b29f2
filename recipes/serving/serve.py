"""`zoo serve`: runs behind an address, until the program is ended."""

import contextlib
import socket
import tempfile
from importlib.util import find_spec
from types import SimpleNamespace

from recipes.engine import environment
from recipes.engine.folder import find_run
from recipes.engine.predict import SavedRun
from recipes.errors import UserError

#: What it imports beyond what is always installed.
NEEDS = ("fastapi", "uvicorn", "prometheus_client")


def serve(
    runs, host: str = "127.0.0.1", port: int = 8000, backend: str | None = None,
    trust_hub: bool = False, max_body: int = 2**24, max_rows: int = 10_000, max_text: int = 10_000,
    time_limit: float = 30.0, max_wait: float = 0.005,
) -> None:  # fmt: skip
    """Serves runs in this process until it is ended, by Ctrl+C or SIGTERM.

    Args:
        runs: folders of runs, or their names in logs; the first one answers /predict, too
        host: address to listen on, by default that of this machine alone
        port: port to listen on, 0 for one that is free
        backend: Keras backend, by default the first run's
        trust_hub: load any TF-Hub module that a model names: such a module is a program
        max_body: bytes of a request at most
        max_rows: rows, texts or pictures of a request at most, and of what is answered together
        max_text: characters of a text at most
        time_limit: seconds of a request at most
        max_wait: seconds to wait for requests that can be answered together

    Raises:
        UserError: If a limit is none, a run is not finished, or the port is taken.
    """
    limits = {"max_body": max_body, "max_rows": max_rows, "max_text": max_text}
    limits |= {"time_limit": time_limit, "max_wait": max_wait}
    for name, value in limits.items():
        if not 0 < value < float("inf"):
            raise UserError(f"Expected --{name} to be above 0. Received: {value}")
    if missing := ", ".join(name for name in NEEDS if find_spec(name) is None):
        raise UserError(f"zoo serve needs {missing}: pip install 'handson-zoo[serve]'.")
    paths = {}
    for path in map(find_run, runs):
        backend = backend or environment.choose_for(SavedRun(path).config.backend)
        if path.name in paths:
            raise UserError(f"Two runs are called {path.name}. Rename one of them.")
        paths[path.name] = path.resolve()
    with _listening(host, port) as listener, tempfile.TemporaryDirectory(prefix="zoo-") as home:
        environment.prepare(backend, "auto")
        import uvicorn

        from recipes.serving.app import Application
        from recipes.serving.batching import Served, Worker
        from zoo.layers import HubLayer

        HubLayer.trusted.update({"*"} if trust_hub else ())
        bounds = SimpleNamespace(**limits)
        worker = Worker({name: Served(path, home, bounds) for name, path in paths.items()}, bounds)
        worker.start()
        settings = {"lifespan": "off", "log_level": "warning", "server_header": False}
        settings["timeout_graceful_shutdown"] = int(time_limit) + 1
        server = uvicorn.Server(uvicorn.Config(Application(worker, host), **settings))
        shown = f"[{host}]" if ":" in host else host
        print(f"http://{shown}:{listener.getsockname()[1]}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):  # after the last answer
            server.run(sockets=[listener])


def _listening(host, port):
    """A socket at the address, so that a port that is taken is known before models are loaded."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        if port not in range(2**16):
            raise OSError("it is not between 0 and 65535")
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        reason = f"Cannot listen on {host}, port {port}: {error.strerror or error}"
        raise UserError(f"{reason}. Choose another --port or --host.") from error
    # Answers are not held back until the one before has arrived; each connection inherits it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
