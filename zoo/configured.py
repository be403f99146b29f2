"""Configurations out of the constructor's arguments."""

import inspect
from typing import Any

import keras
import numpy as np


class Configured:
    """Gives a class `get_config`: the arguments of its constructor, kept under their own names.

    `from_config` takes them back, objects of Keras among them.

    As with the estimators of scikit-learn, each argument becomes an attribute of the same name, as
    it came or in a form that the constructor takes, too. It stands in front of Keras' own base.
    Classes of this package are registered with Keras, so that saved models find them by name.

    >>> class Twice(Configured, keras.initializers.Initializer):
    ...     def __init__(self, inner):
    ...         self.inner = keras.initializers.get(inner)
    >>> Twice("zeros").get_config()["inner"]["class_name"]
    'Zeros'
    """

    def __init_subclass__(cls, **kwargs):
        """Registers a class of this package."""
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith(f"{__package__}."):
            keras.saving.register_keras_serializable(package=__package__)(cls)

    def get_config(self) -> dict[str, Any]:
        """Arguments to rebuild the object."""
        of_keras = not isinstance(self, keras.regularizers.Regularizer)  # whose own one raises
        config: dict[str, Any] = getattr(super(), "get_config", dict)() if of_keras else {}
        parameters = inspect.signature(type(self).__init__).parameters.values()
        names = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD][1:]
        return config | {n: _plain(getattr(self, n)) for n in names if n not in config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The object of a configuration that `get_config` returned."""
        return cls(**{name: _revived(value) for name, value in config.items()})


def _plain(value):
    """A value as JSON can hold it."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if inspect.isfunction(value):
        return keras.activations.serialize(value)
    return keras.saving.serialize_keras_object(value) if hasattr(value, "get_config") else value


def _revived(value):
    """The value with the objects that `_plain` wrote down."""
    if isinstance(value, list):
        return [_revived(part) for part in value]
    is_object = isinstance(value, dict) and isinstance(value.get("class_name"), str)
    return keras.saving.deserialize_keras_object(value) if is_object else value
