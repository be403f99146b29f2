"""Loops that are compiled as a whole, and the place on a model where they are kept."""

from types import SimpleNamespace

import keras


class Loop(keras.Model):
    """A loop around a model or layer, compiled with XLA where the backend can.

    Subclasses define `call`. Inputs go in as they are, whatever the policy of dtypes.
    """

    #: Backends with XLA.
    compiles_on: tuple[str, ...] = ("tensorflow", "jax")

    def __init__(self, name, model):
        super().__init__(name=name, autocast=False)
        self.model = model
        self.jit_compile = keras.backend.backend() in self.compiles_on
        self.built = True


def kept_on(model, key, make):
    """What `make()` made for a model once, kept on it so that it goes when the model goes.

    The `key` distinguishes it from all else that is kept; its first entry says who keeps it.

    >>> model = zoo.linear_forecaster((4, 1))
    >>> kept_on(model, ("doubled",), lambda: [2]) is kept_on(model, ("doubled",), list)
    True
    """
    if not hasattr(model, "zoo_kept"):
        # Keras neither tracks nor saves an attribute that is a plain object.
        model.zoo_kept = SimpleNamespace(things={})
    things = model.zoo_kept.things
    if key not in things:
        things[key] = make()
    return things[key]
