"""What a recipe says about itself. The program asks a `Recipe` and names none."""

import argparse
import difflib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from recipes import RECIPES
from recipes.data.dialect import Dialect
from recipes.data.memory import give_back
from recipes.engine.config import TrainConfig, descriptions
from recipes.engine.task import Built, Candidate, Task
from recipes.errors import UserError


@dataclass(frozen=True)
class Flag:
    """A flag of `zoo predict` that a recipe takes, as a keyword argument of its `predict`.

    Args:
        name: The flag without dashes.
        help: Its line in the help.
        type: Type of its value; `bool` for a flag without one.
        least: Least value of a number; `None` for any.
    """

    name: str
    help: str
    type: Callable[[str], Any] = str
    least: int | None = None


#: Of recipes that predict the rows of a table.
KEEP = Flag("keep", "columns of the input to copy into the output, separated by commas")


def dialect_flags() -> list[Flag]:
    """The flags of `recipes.data.dialect.Dialect`, as `zoo predict` takes them."""
    helps = descriptions(Dialect)
    types: dict[str, Callable[[str], Any]] = {
        "skip_rows": int,
        "day_first": _truth,
        "missing_values": lambda text: text.split(","),
    }
    return [Flag(f.name, helps[f.name], types.get(f.name, str)) for f in fields(Dialect)]


def _truth(text):
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"expected true or false, not {text!r}")
    return text == "true"


@dataclass(frozen=True)
class Recipe:
    """All that the command line, the run, the report, `zoo tune` and `zoo predict` ask.

    Args:
        name: Name of the recipe, that of its folder.
        title: What it does, in a few words.
        chapter: Where the book does it.
        description: Its help text: a line, then examples.
        presets: Named sets of flags, `{name: {flag: value}}`.
        config: The `TrainConfig` of its flags; it names the datasets.
        default_config: `(dataset, own_data, model)` to the defaults, which train as they are.
            `own_data` says that the data comes from files instead; what is None is the recipe's.
        load_data: A configuration to the `Task`; a `UserError` if the data is not what the flags
            say, which tells what to do.
        build_model: A configuration and its task to a `Built` model; a `UserError` if the model or
            one of its arguments does not exist.
        search_space: keras-tuner's `HyperParameters` of a trial to overrides of the defaults, model
            arguments as a nested dict, also such as the model does not have.
        predict: `(folder, config, metadata, source, output, **flags)` writes the predictions of a
            saved run; a `UserError` if the input or a flag does not fit it.
        metrics: Scores that tables show, in this order, `{name: "min" or "max"}`, whichever is
            better.
        listed: Names of those that `zoo runs` shows.
        predict_flags: Flags of its `predict`.
        predict_help: What `zoo predict --help` says above them.
        predict_folders: Whether it predicts from a folder of files, too.
        text_is: What `--text` takes, where it has that flag, such as `"A prompt"`.
        asks: `(config, metadata)` of a run to what it is asked with over HTTP, one of
            `recipes.serving.schema.KINDS`.
        stream: As `predict`, without an output; yields the parts of the text that `predict` writes,
            as they come. `None` where they come all at once.
        explain: `(folder, config, item)` to how the model comes to what it makes of a text, or of a
            picture's bytes, as numbers and texts by name; `None` where this model does not tell.
        check: Raises a `UserError` for what can be found wrong with the data without importing
            Keras, at once; `load_data` says the same later.
        reads: `(config, metadata)` of a run to the columns that a table must have to predict from;
            `None` where it is not a table.
        sized: `(config, task)` to the configuration with all decided that it left to the data.
        candidates: `(config, task)` to the `Candidate`s of `--model auto`; `None` for none.
        raw_inputs: `(task, split, examples)` to what the inputs of examples of
            `Task.batches` were made of: columns, or texts, by name.
        continue_from: `(config, task, model)` to the task as a saved model sees it, and a `Built`
            of that model; a `UserError` if the data does not fit it. `None` where `--from` is not
            for this recipe.
        combined_by: Scores that these are chosen by on validation: the first that there is.
        lasting_baselines: Names of baselines that can predict again from the new data alone, and so
            may have a part in the mean.
        replaced_defaults: Default arguments of models that belong to the default of another one,
            `{(argument, its default): names}`: they go when a flag gives that argument another
            value.
    """

    name: str
    title: str
    chapter: str
    description: str
    presets: Mapping[str, Mapping[str, Any]]
    config: type[TrainConfig]
    default_config: Callable[..., Any]
    load_data: Callable[[Any], Task]
    build_model: Callable[[Any, Any], Built]
    search_space: Callable[[Any], dict[str, Any]]
    predict: Callable[..., None]
    metrics: Mapping[str, str]
    listed: tuple[str, ...] = ()
    predict_flags: tuple[Flag, ...] = ()
    predict_help: str = ""
    predict_folders: bool = False
    text_is: str = ""
    asks: Callable[[Any, Any], str] = lambda config, metadata: "rows"
    stream: Any = None
    explain: Any = None
    check: Callable[[Any], Any] | None = None
    reads: Callable[[Any, Any], list[str]] | None = None
    sized: Callable[[Any, Any], Any] | None = None
    candidates: Callable[[Any, Any], list[Candidate]] | None = None
    raw_inputs: Callable[[Any, str, Any], Mapping[str, list]] | None = None
    continue_from: Callable[[Any, Any, Any], tuple[Any, Built]] | None = None
    combined_by: tuple[str, ...] = ()
    lasting_baselines: tuple[str, ...] = ()
    replaced_defaults: Mapping[tuple[str, Any], tuple[str, ...]] | None = None

    def load(self, config: Any) -> tuple[Any, Task]:
        """The configuration, with all decided that it left to the data, and the task."""
        task = self.load_data(config)
        give_back()
        return (self.sized(config, task) if self.sized else config), task

    def higher_is_better(self, metric: str) -> bool:
        """Whether more of a metric is better; of one that is not declared, less is."""
        return self.metrics.get(metric) == "max"


def later(module: str, name: str, *last: Any) -> Callable[..., Any]:
    """A function of a module that is imported when it is called; `last` are its last arguments.

    So a recipe says what it is without what its functions need, Keras and pandas among it.

    >>> later("math", "pow", 3)(2)
    8.0
    """

    def call(*arguments, **flags):
        return getattr(importlib.import_module(module), name)(*arguments, *last, **flags)

    return call


def find_recipe(name: str) -> Recipe:
    """The recipe of a name; a `UserError` if there is none, or its package does not say what it is.

    >>> find_recipe("forecast").chapter
    'chapter 15'
    """
    if str(name) not in RECIPES:
        raise UserError(f"There is no recipe {name!r}. {nearest(name, RECIPES)}")
    recipe = getattr(importlib.import_module(RECIPES[name]), "RECIPE", None)
    if not isinstance(recipe, Recipe):
        raise UserError(
            f"Expected the package {RECIPES[name]} to hold a Recipe named RECIPE. It has "
            f"{'none' if recipe is None else f'a {type(recipe).__name__}'}; "
            "recipes/forecast/recipe.py shows one."
        )
    return recipe


def nearest(name: str, choices) -> str:
    """A hint at the choice that was meant.

    >>> nearest("forcast", ["forecast", "images"]), nearest("x", ["forecast", "images"])
    ('Did you mean forecast?', 'Expected one of forecast, images.')
    """
    near = difflib.get_close_matches(str(name), choices, n=1)
    return f"Did you mean {near[0]}?" if near else f"Expected one of {', '.join(choices)}."
