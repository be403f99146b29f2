"""Registers the zoo's classes once Keras is there, so that Keras loads what a file names by itself.

`import zoo` imports no Keras, which would choose its backend; so it waits for who does.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys

#: The modules whose classes saved models name.
MODULES = ("layers", "losses", "metrics", "regularizers", "saving", "training")


def register() -> None:
    """Registers the classes now if Keras has been imported, and otherwise when it is."""
    if "keras" in sys.modules:
        for module in MODULES:
            importlib.import_module(f"zoo.{module}")
    else:
        sys.meta_path.insert(0, _Watch())


class _Watch(importlib.abc.MetaPathFinder):
    """Finds Keras as Python does, and registers the classes when it has been imported."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_register(module):
                sys.meta_path[:] = [each for each in sys.meta_path if each is not self]
                load(module)
                register()

            spec.loader.exec_module = load_and_register  # type: ignore[method-assign]
        return spec
