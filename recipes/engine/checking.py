"""What is wrong with a command, as far as it can be told before Keras and a backend are imported.

All of it is checked again by the run itself: these checks only save the wait.
"""

import ast
import inspect
import re
import sys
from dataclasses import replace
from pathlib import Path

from recipes.data.download import fetch_missing
from recipes.data.memory import shards
from recipes.engine.arguments import in_words
from recipes.engine.config import AUTO, TrainConfig
from recipes.engine.folder import RunFolder
from recipes.engine.recipe import Recipe, find_recipe, nearest
from recipes.errors import UserError
from zoo import catalog
from zoo.registry import get_factory

#: Bytes of a file that is read in a fraction of a second; a larger one is read once, by the run.
LIGHT = 5_000_000
#: The same of workbooks and other archives.
LIGHT_ARCHIVE = 200_000


def check(recipe: str, config: TrainConfig, new: bool = True) -> None:
    """Raises a `UserError` for the first mistake that shows at once; a `new` run has no folder."""
    config.validate()
    if "keras" in sys.modules:  # nothing to be saved
        return
    if new:
        RunFolder.plan(recipe, config)
    modules = {each.name: each.module for each in catalog.CATALOG}
    if config.model in modules:
        source = Path(catalog.__file__).with_name("models") / f"{modules[config.model]}.py"
        body = ast.parse(source.read_text("utf-8")).body  # to import it imports Keras
        heads = [each for each in body if isinstance(each, ast.FunctionDef)]
        factory = next(each for each in heads if each.name == config.model)
        kinds = {each.arg: ast.unparse(each) for each in factory.args.args}
        for name, value in config.model_arguments.items():
            if name not in kinds:
                raise UserError(f"{config.model} has no argument {name!r}. {nearest(name, kinds)}")
            if not _may_be(value, {*re.findall(r"\w+", kinds[name])}):
                kind = in_words(kinds[name])
                raise UserError(f"--model.{name} takes {kind}. Received: {value!r}")
    elif config.model != AUTO:
        parameters_of(config.model)
    start, pretrains = getattr(config, "source", None), not getattr(config, "transfer_from", None)
    if start:
        RunFolder.open(start, words=["autoencoder"] * pretrains)
    fetch_missing(config.dataset or "")
    look, several = find_recipe(recipe).check, hasattr(config, "in_memory")
    if look and config.data:
        first, *more = shards(config.data) if several else [Path(config.data)]
        if _is_light(first) and not (more and hasattr(config, "series")):  # else it tells enough
            look(replace(config, data=str(first)))


def parameters_of(model: str):
    """The arguments of a zoo model, by name; a `UserError` if there is no such model."""
    try:
        return inspect.signature(get_factory(model)).parameters
    except ValueError as error:
        raise UserError(f"The model cannot be built. {error}") from error


def _may_be(value, kinds):
    """Whether a value, or each in a list, is of one of some types; 1 stands for 1.0 and true."""
    if isinstance(value, list):
        return {"Sequence", "tuple"} & kinds and all(_may_be(each, kinds) for each in value)
    plain = {"int": {"float", "bool"}, "float": set(), "bool": set(), "str": set()}
    kind = type(value).__name__
    return kind not in plain or {kind, *plain[kind]} & kinds


def check_input(recipe: Recipe, config, metadata, source: str) -> None:
    """Raises a `UserError` if a table to predict from cannot be read, or lacks a column."""
    if "keras" in sys.modules or recipe.reads is None or not _is_light(Path(source)):
        return
    from recipes.data.files import open_table

    file = open_table(shards(source)[0], config, metadata.get("reading"))
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
