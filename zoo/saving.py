"""Loads what a run saved."""

import json
import zipfile
from pathlib import Path

import keras

import zoo.layers

assert zoo.layers  # importing it registers the classes that a file names


def load(run: str | Path) -> keras.Model:
    """The trained model of a run.

    Args:
        run: Folder of the run, or a `.keras` file.

    Returns:
        The model: raw inputs, outputs in the data's units, preprocessing inside, not compiled.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no model, or not all of one.

    Example:
        >>> import tempfile, zoo
        >>> with tempfile.TemporaryDirectory() as run:
        ...     zoo.linear_forecaster((4, 1)).save(f"{run}/model.keras")
        ...     zoo.load(run).output_shape
        (None, 1, 1, 1)
    """
    path = Path(run)
    path = path / "model.keras" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"There is no saved model {path}.")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"Expected a whole file that Keras saved. Received: {path}")
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"), object_hook=_not_compiled)
    model = keras.saving.deserialize_keras_object(config)
    model.load_weights(path)
    return model


def _not_compiled(config):
    # Keras' `load_model(compile=False)` still compiles the models inside of a model, for which the
    # classes of their optimizers and losses would have to be imported.
    return {name: value for name, value in config.items() if name != "compile_config"}
