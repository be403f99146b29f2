"""Loads what a run saved."""

from pathlib import Path

import keras

import zoo.layers


def load(run: str | Path) -> keras.Model:
    """The trained model of a run.

    Args:
        run: Folder of the run, or a `.keras` file.

    Returns:
        The model: raw inputs, outputs in the data's units, preprocessing inside, not compiled.

    Raises:
        FileNotFoundError: If there is no such file.

    Example:
        >>> import tempfile, zoo
        >>> with tempfile.TemporaryDirectory() as run:
        ...     zoo.linear_forecaster((4, 1)).save(f"{run}/model.keras")
        ...     zoo.load(run).output_shape
        (None, 1, 1, 1)
    """
    assert zoo.layers  # importing it registers the classes that the file names
    path = Path(run)
    path = path / "model.keras" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"There is no saved model {path}.")
    return keras.saving.load_model(path, compile=False)
