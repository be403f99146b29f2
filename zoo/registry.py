"""Models by name: register a factory, list what there is, build one.

The built-in models stand in `zoo.catalog` and are imported when first asked for, so that listing
them costs nothing. Your own factory joins them with a decorator:

>>> @zoo.register_model
... def my_forecaster(input_shape, horizon=1, units=8):
...     return zoo.deep_rnn(input_shape, horizon, units=units, num_layers=1)
>>> zoo.list_models("my_*")
['my_forecaster']
>>> zoo.create_model("my_forecaster", input_shape=(20, 1), units=4).count_params()
89
"""

import difflib
import fnmatch
import importlib
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

from zoo.catalog import CATALOG

if TYPE_CHECKING:
    import keras

_BUILT_IN = {info.name: f"zoo.models.{info.module}" for info in CATALOG}
_factories: dict[str, Callable] = {}


def register_model(factory: Callable) -> Callable:
    """Adds a factory function to the registry under its own name, and returns it unchanged.

    It must name all of its arguments: `**kwargs` would swallow misspelt ones.

    Raises:
        ValueError: If the name is taken by another factory, or the factory takes `**kwargs`.
    """
    name = factory.__name__
    built_in_here = _BUILT_IN.get(name) == factory.__module__
    if name in {*_BUILT_IN, *_factories} and not built_in_here:
        raise ValueError(f"A model named {name!r} is already registered. Choose another name.")
    kinds = {p.kind for p in inspect.signature(factory).parameters.values()}
    if kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}:
        raise ValueError(
            f"Model {name!r} takes *args or **kwargs, which would hide misspelt arguments. "
            "Name every argument of the factory."
        )
    _factories[name] = factory
    return factory


def list_models(pattern: str = "*") -> list[str]:
    """Names of the registered models that match a shell-style pattern, sorted.

    >>> zoo.list_models("wave*")
    ['wavenet', 'wavenet_lite']
    """
    return sorted(fnmatch.filter({*_BUILT_IN, *_factories}, pattern))


def get_factory(name: str) -> Callable:
    """The factory function registered under a name.

    Raises:
        ValueError: If there is no such model; the message suggests the nearest names.
    """
    if name not in _factories:
        if name not in _BUILT_IN:
            raise ValueError(_unknown("model", name, list_models()))
        _factories.setdefault(name, getattr(importlib.import_module(_BUILT_IN[name]), name))
    return _factories[name]


def create_model(name: str, **arguments) -> "keras.Model":
    """Builds a registered model.

    Args:
        name: A name from `list_models()`.
        **arguments: The factory's arguments. Those that are `None` are left out, so that an
            unset flag never overrides a default.

    Raises:
        ValueError: If the model is unknown, or an argument is unknown or missing (the message
            names it and the nearest one that exists), out of range, or at odds with another.

    >>> zoo.create_model("wavenet", input_shape=(50, 1), horizon=10).output_shape
    (None, 50, 10, 1)
    >>> zoo.create_model("wavenet", input_shape=(50, 1), filtres=8)
    Traceback (most recent call last):
    ...
    ValueError: wavenet has no argument 'filtres'. Did you mean 'filters' or ...
    """
    factory = get_factory(name)
    arguments = {key: value for key, value in arguments.items() if value is not None}
    parameters = inspect.signature(factory).parameters
    for key in arguments:
        if key not in parameters:
            raise ValueError(_unknown("argument", key, list(parameters), owner=name))
    missing = [n for n, p in parameters.items() if p.default is p.empty and n not in arguments]
    if missing:
        raise ValueError(f"{name} needs the argument {missing[0]!r}. Received: {sorted(arguments)}")
    return factory(**arguments)


def _unknown(kind: str, name: str, choices: list[str], owner: str | None = None) -> str:
    near = difflib.get_close_matches(name, choices, n=3, cutoff=0.5)
    meant = f"Did you mean {' or '.join(map(repr, near))}?"
    hint = meant if near else f"Expected one of {', '.join(choices)}."
    subject = f"{owner} has no {kind}" if owner else f"There is no {kind} named"
    return f"{subject} {name!r}. {hint}"
