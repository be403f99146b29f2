"""What the examples in docstrings need not import: `np`, `keras`, `zoo` and `callbacks`."""

import importlib

import pytest


@pytest.fixture(autouse=True)
def _usual_names(request, doctest_namespace):
    if hasattr(request.node, "dtest"):  # other tests may do without Keras
        names = {"np": "numpy"} | {name: name for name in ("callbacks", "keras", "zoo")}
        for name, module in names.items():
            doctest_namespace[name] = importlib.import_module(module)
