"""What holds for every test: data, seeds, no network, and no skips by accident."""

import gc
import os
import random
import re
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says nothing but how fast the machine is. They are the same each time.
settings.register_profile(
    "any machine",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any machine")
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if "PYTEST_XDIST_WORKER" in os.environ:  # threads that wait for another worker's only burn its time
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# With --forbid-skips a test may be skipped only for a reason that starts like one of these.
ALLOWED_SKIPS = (
    "needs the addons extra",
    "needs the jax extra",
    "needs torch",
    "needs a GPU",
    "needs the statistics extra",
)
NEEDS_DATA = "needs ZOO_DATA"
LOOPBACK = ("localhost", "::1", "127.", "0.0.0.0")


def data_folder() -> Path | None:
    """The folder that ZOO_DATA names, when it is set and exists."""
    value = os.environ.get("ZOO_DATA")
    return Path(value) if value and Path(value).is_dir() else None


@pytest.fixture(scope="session")
def zoo_data() -> Path:
    """The folder of public data sets."""
    folder = data_folder()
    if folder is None:
        pytest.skip(f"{NEEDS_DATA}: a folder with the public data sets")
    return folder


def pytest_addoption(parser):
    parser.addoption(
        "--forbid-skips",
        action="store_true",
        help="fail skipped tests, but for missing extras (and for data when ZOO_DATA is unset)",
    )


def pytest_configure(config):
    # For a few small steps of each program, LLVM's optimizations take longer than they save. The
    # slow tests have them, and so has the core of the suite in `test_other_cpu.py`.
    if "not slow" in config.option.markexpr:
        os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
    # A plugin, not hooks of this file: those would miss the doctests of the packages.
    config.pluginmanager.register(Everywhere(config), "handson-zoo")


class Everywhere:
    """Hooks and fixtures for the tests of this folder and the doctests of the packages."""

    def __init__(self, config):
        self.forbid_skips = config.getoption("--forbid-skips")
        self.small = "not slow" in config.option.markexpr
        self.allowed = ALLOWED_SKIPS if data_folder() else (*ALLOWED_SKIPS, NEEDS_DATA)

    @pytest.fixture(autouse=True)
    def _fresh_start(self):
        """The same seeds and layer names whatever ran before; imports nothing by itself."""
        random.seed(0)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(0)
        keras = sys.modules.get("keras")
        if hasattr(keras, "utils"):
            keras.utils.clear_session(free_memory=False)  # collecting garbage costs 0.2 s a test
            keras.utils.set_random_seed(0)

    @pytest.fixture(autouse=True)
    def _no_network(self, monkeypatch):
        """In this process only loopback answers; a child process is not watched."""
        connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
        getaddrinfo = socket.getaddrinfo

        def check(host):
            host = host.decode() if isinstance(host, bytes) else host
            # Not an OSError: code under test would take that for an ordinary lack of network.
            if host and not host.startswith(LOOPBACK):
                raise RuntimeError(
                    f"Expected no network in tests. Received: a connection to {host}"
                )

        def guarded(original):
            def call(self, address):
                if self.family in (socket.AF_INET, socket.AF_INET6):
                    check(address[0])
                return original(self, address)

            return call

        def lookup(host, *args, **kwargs):
            check(host)
            return getaddrinfo(host, *args, **kwargs)

        monkeypatch.setattr(socket.socket, "connect", guarded(connect))
        monkeypatch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
        monkeypatch.setattr(socket, "getaddrinfo", lookup)

    def pytest_collection_modifyitems(self, items):
        """What runs others in a process of its own begins first, or it would run on alone."""
        items.sort(key=lambda item: item.get_closest_marker("other_cpu") is None)

    def pytest_collection_finish(self):
        """Python looks less often for garbage, and not among modules: that takes a tenth of all."""
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        # As with LLVM: to optimize the graphs of small steps takes a tenth of all, and to compile
        # loops with XLA, half of the tests that write sequences. The slow tests do both.
        if self.small and "tensorflow" in sys.modules:
            off = {"disable_meta_optimizer": True}
            sys.modules["tensorflow"].config.optimizer.set_experimental_options(off)
        if self.small and "zoo.compiled" in sys.modules:
            sys.modules["zoo.compiled"].Loop.compiles_on = ("jax",)

    @pytest.fixture
    def loops_with_xla(self, monkeypatch):
        """For one test of each kind of loop, XLA compiles it every day, too."""
        monkeypatch.setattr("zoo.compiled.Loop.compiles_on", ("tensorflow", "jax"))

    def pytest_make_parametrize_id(self, val, argname):
        """Ids that can be typed: without quotes, blanks and line breaks, and short."""
        text = getattr(val, "__name__", None) or str(val)
        if val is None or isinstance(val, int | float) or " at 0x" in text:
            return None  # as pytest does
        return re.sub(r"[^\w.]+", "-", text, flags=re.ASCII).strip("-")[:50] or argname

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self):
        return self._judge((yield))

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self):
        return self._judge((yield))

    def _judge(self, report):
        if self.forbid_skips and report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            if not reason.startswith(self.allowed):
                report.outcome = "failed"
                report.longrepr = f"skipped by accident: {reason}"
        return report
