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
    try:
        return keras.saving.load_model(path, compile=False)
    except TypeError:
        return _load_without_optimizers(path)


def _load_without_optimizers(path):
    # In runs of format 1 a model inside of the model may have been saved with its optimizer, whose
    # class nobody has imported: Keras compiles it despite `compile=False`.
    def not_compiled(config):
        return {name: value for name, value in config.items() if name != "compile_config"}

    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"), object_hook=not_compiled)
    model = keras.saving.deserialize_keras_object(config)
    model.load_weights(path)
    return model
