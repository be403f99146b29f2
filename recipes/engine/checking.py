"""What is wrong with a command, as far as it can be told before Keras and a backend are imported.

All of it is checked again by the run itself: these checks only save the wait.
"""

import inspect
import sys
from pathlib import Path

import zoo
from recipes.engine.config import AUTO, TrainConfig
from recipes.engine.folder import RunFolder
from recipes.engine.recipe import Recipe, find_recipe
from recipes.errors import UserError
from zoo.registry import get_factory

#: Bytes of a file that is read in a fraction of a second; a larger one is read once, by the run.
LIGHT = 5_000_000
#: The same of workbooks and other archives.
LIGHT_ARCHIVE = 200_000


def check(recipe: str, config: TrainConfig, new: bool = True) -> None:
    """Raises a `UserError` for the first mistake that shows at once.

    These are a name that is taken, a model that is not there, and a file that is missing or cannot
    be read as the flags say.

    Args:
        recipe: Name of the recipe.
        config: The configuration of the run.
        new: Whether the run has no folder yet.
    """
    if "keras" in sys.modules:  # nothing to be saved
        return
    config.validate()
    if new:
        RunFolder.plan(recipe, config)
    if config.model not in (AUTO, *zoo.list_models()):
        parameters_of(config.model)
    start = getattr(config, "transfer_from", None)
    if start:
        RunFolder.open(start)
    look = find_recipe(recipe).check
    if look and config.data and _is_light(Path(config.data)):
        look(config)


def parameters_of(model: str):
    """The arguments of a zoo model, by name; a `UserError` if there is no such model."""
    try:
        return inspect.signature(get_factory(model)).parameters
    except ValueError as error:
        raise UserError(f"The model cannot be built. {error}") from error


def check_input(recipe: Recipe, config, metadata, source: str) -> None:
    """Raises a `UserError` if a table to predict from cannot be read, or lacks a column."""
    if "keras" in sys.modules or recipe.reads is None or not _is_light(Path(source)):
        return
    from recipes.data.files import open_table

    file = open_table(source, config, metadata.get("reading"))
    for name in recipe.reads(config, metadata):
        file.require(name, "the model reads it")


def _is_light(path):
    """Whether it is soon read, a folder, or missing; devices and pipes can be read only once."""
    if not path.is_file():
        return path.is_dir() or not path.exists()
    try:
        with path.open("rb") as file:
            archive = file.read(2) in (b"PK", b"\x1f\x8b")
    except OSError:
        return True  # its reader says so
    return path.stat().st_size <= (LIGHT_ARCHIVE if archive else LIGHT)
