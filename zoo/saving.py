"""Loads what a run saved."""

import importlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

import zoo.compiled
import zoo.layers
from zoo.errors import ModelFileError
from zoo.layers.hub import trusting

assert zoo.layers  # importing it registers the classes that a file names


@keras.saving.register_keras_serializable(package="zoo")
class RunModel(keras.Model):
    """The model of a run, which takes tables, texts and files besides arrays; see `load`."""

    #: Folder of the run, and the name of its recipe.
    run: Path | None = None
    recipe = ""

    def __repr__(self):
        if self.run is None:
            return super().__repr__()
        return (
            f"<{self.recipe} run {self.run}: {self.name}, {self.count_params():,} parameters; "
            "predict takes a DataFrame, texts, a Path or arrays>"
        )

    def predict(self, x: Any = None, *arguments, **flags) -> Any:
        """Predictions; of a table, texts or a file those of `zoo predict`.

        Args:
            x: Arrays, as `keras.Model.predict` takes them. Or what `zoo predict` reads from a file:
                a `DataFrame` of the columns that the run was trained on, a text, a list of texts or
                pictures, a `Path`; `None` for the run's own test part.
            *arguments: As for `keras.Model.predict`.
            **flags: As for `keras.Model.predict`, and flags of `zoo predict` if `x` is no array.

        Returns:
            Arrays for arrays. Otherwise a `DataFrame`: of a forecast with times, targets and
            intervals, of other tables, of texts and of pictures with predictions, and
            probabilities by the name of the class; or the text that the model writes.
        """
        if self.run is None or not _is_raw(x):
            return super().predict(x, *arguments, **flags)
        # The recipes stand above the zoo, which asks the run's own one by name when it must.
        above = importlib.import_module("recipes.engine.predict")
        saved = zoo.compiled.kept_on(self, ("saved run",), lambda: above.SavedRun(self.run))
        return saved.table(x, *arguments, **flags)


def _is_raw(x):
    """Whether it takes the run's recipe to read it, and Keras could not."""
    if isinstance(x, list | tuple) and x:
        return isinstance(x[0], str) or (isinstance(x[0], np.ndarray) and x[0].dtype == np.uint8)
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "UO"
    return x is None or isinstance(x, str | Path) or type(x).__module__[:6] == "pandas"


def load(run: str | Path, trust_hub: bool = False) -> keras.Model:
    """The trained model of a run. No code of its file is run: what needs some is refused.

    Args:
        run: Folder of the run, or a `.keras` file.
        trust_hub: Whether any TF-Hub module may be loaded that the model names. Such a module is
            a program; without it, only those of `zoo.layers.HubLayer.trusted` are loaded, and
            those inside the run's folder.

    Returns:
        The model: raw inputs, outputs in the data's units, preprocessing inside, not compiled.
        That of a run's folder predicts a `DataFrame`, texts or a file, too: see `RunModel.predict`.

    Raises:
        FileNotFoundError: If there is no such file.
        ModelFileError: If it is no model, not all of one, or has layers that are code, such as
            `Lambda`, that nobody registered, or whose TF-Hub module is not trusted. It is a
            `ValueError`.

    >>> import tempfile
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
        raise ModelFileError(f"Expected a whole file that Keras saved. Received: {path}")
    config = path.parent / "config.yaml"
    with trusting("*" if trust_hub else str(path.parent) if config.is_file() else None):
        model = _loaded(path)
    if not (Path(run).is_dir() and config.is_file()):
        return model
    import yaml

    model = RunModel(inputs=model.input, outputs=model.output, name=model.name)
    model.run, model.recipe = Path(run), yaml.safe_load(config.read_text())["run"]["recipe"]
    return model


def _loaded(path):
    try:
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        except TypeError:
            return _load_without_optimizers(path)
    except (MemoryError, ModelFileError):
        raise
    except Exception as error:  # a file of a stranger may hold anything
        reason = " ".join(str(error).rpartition("Exception encountered: ")[2].split())
        # Keras goes on with how to run it all the same, and with the whole configuration.
        reason = re.split(r" (?:Full object config|If you trust|Make sure)", reason)[0].rstrip(".")
        raise ModelFileError(
            f"{path} is not loaded: {reason or type(error).__name__}. Models are made of Keras' "
            "layers, the zoo's, and those that the program has registered; Lambda layers and "
            "other code are never run."
        ) from error


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
