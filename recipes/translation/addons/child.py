"""The program of the child process: one task with TF-Addons. Started by `runner.run`."""

import importlib
import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np


def main(folder: str | Path) -> None:
    """Does the task that lies in the folder, and leaves `outputs.npz` there."""
    folder = Path(folder)
    settings = json.loads((folder / "settings.json").read_text())
    with np.load(folder / "inputs.npz") as inputs:
        arrays = dict(inputs)
    prepare()
    module, _, function = settings.pop("task").partition(":")
    outputs = getattr(importlib.import_module(module), function)(arrays, settings)
    np.savez(folder / "outputs.npz", **outputs)


def prepare() -> None:
    """Makes `import tensorflow_addons` work; must come before TensorFlow is imported.

    TF-Addons looks for modules of Keras where TensorFlow 2.15 had them, and for a name that NumPy 2
    dropped; its fallback for ops that it compiled for older TensorFlow is all Python.
    """
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    warnings.simplefilter("ignore")  # it announces its own end, and that it is too old
    # Not our imports: the private names that TF-Addons itself imports, in this process alone.
    for name in ("engine", "engine.keras_tensor"):
        sys.modules[f"keras.src.{name}"] = importlib.import_module(f"tf_keras.src.{name}")
    np.Inf = np.inf
    importlib.import_module("tensorflow_addons.options").disable_custom_kernel()


if __name__ == "__main__":
    main(sys.argv[1])
