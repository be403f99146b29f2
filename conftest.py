"""What the examples in docstrings need not import: `np`, `keras`, `zoo` and `callbacks`."""

import importlib
from importlib.util import find_spec

import pytest

# What needs the extra `serve`, which `dev` includes.
collect_ignore_glob = [] if find_spec("fastapi") else ["recipes/serving/[abs]*.py"]


@pytest.fixture(autouse=True)
def _usual_names(request, doctest_namespace):
    if hasattr(request.node, "dtest"):  # other tests may do without Keras
        names = {"np": "numpy"} | {name: name for name in ("callbacks", "keras", "zoo")}
        for name, module in names.items():
            doctest_namespace[name] = importlib.import_module(module)
