"""The book's cells: what the recipes' presets say of them, and what the READMEs measured."""

import functools
import importlib
import pkgutil
import re
from dataclasses import dataclass

from recipes import RECIPES
from recipes.engine.listing import _presets as lines_about
from recipes.engine.recipe import find_recipe
from scripts import benchmarks
from scripts.documentation.text import tables_of

EDITIONS = {"ml2": "2nd", "ml3": "3rd"}


@dataclass(frozen=True)
class Preset:
    """A preset: `ml3-ch16-123` is cell 123 of the third edition's notebook of chapter 16."""

    name: str
    recipe: str
    model: str
    what: str
    book: str

    @property
    def command(self) -> str:
        """The line that trains it."""
        return f"zoo train {self.recipe} --preset {self.name}"

    @property
    def cell(self) -> tuple[str, int, int] | None:
        """Edition, chapter and cell; None of a preset that is not the book's."""
        found = re.fullmatch(r"(ml\d)-ch(\d+)-(\d+)", self.name)
        return (found[1], int(found[2]), int(found[3])) if found else None


@functools.cache
def all_presets() -> list[Preset]:
    """The presets of all recipes, in their order."""
    found = []
    for name in RECIPES:
        recipe = find_recipe(name)
        for preset, what in lines_about(recipe.presets).items():
            model = recipe.presets[preset]["model"]
            found.append(Preset(preset, name, model, what, _printed().get(preset, "")))
    return found


@functools.cache
def _printed():
    """What the book prints for each preset: dictionaries named `BOOK_...` of the benchmarks."""
    scores: dict[str, list[str]] = {}
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
    for each in filter(lambda name: name.startswith(tuple(RECIPES)), names):
        module = importlib.import_module(f"{benchmarks.__name__}.{each}")
        for name, values in vars(module).items():
            if name.startswith("BOOK_") and isinstance(values, dict):
                words = name.removeprefix("BOOK_").lower().replace("_", " ")
                words = " ".join(w.upper() if w in ("mse", "mae") else w for w in words.split())
                for preset, value in values.items():
                    scores.setdefault(preset, []).append(f"{words} {value:g}")
    return {name: ", ".join(found) for name, found in scores.items()}


def measured(markdown: str, model: str, names: set[str]) -> list[tuple[str, list, list]]:
    """The rows of a README's tables of results that are of a model.

    Args:
        markdown: The README.
        model: The model's name, in a column `model`, or of a row.
        names: Names of presets that are of this model.
    """
    found = []
    for heading, head, rows in tables_of(markdown[markdown.find("## Measured") :]):
        column = head.index("model") if "model" in head else 0
        own = [row for row in rows if row[column].strip("`") == model or row[0] in names]
        kept = [i for i, name in enumerate(head) if i != column or "row" not in head]
        kept = [i for i in kept if any(row[i] for row in own)]
        if own and len(kept) > 1:
            found.append(
                (heading, [head[i] for i in kept], [[row[i] for i in kept] for row in own])
            )
    return found
