"""The help of a recipe's flags: the common ones on a screen, or all of them."""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from recipes.data.dialect import Dialect
from recipes.engine.config import TrainConfig, descriptions
from recipes.engine.recipe import Recipe

WIDTH, INDENT = 80, 27
_WRITTEN = {"model_arguments": "model.ARG VALUE", "start_from": "from RUN"}
_WORDS = {"data": "FILE", "logdir": "FOLDER", "model": "MODEL", "name": "NAME"}


def help_text(recipe: Recipe, defaults: Mapping[str, Any], all_flags: bool) -> str:
    """What `zoo COMMAND RECIPE --help` or `--help-all` prints, with the defaults that hold."""
    kind = recipe.config
    able = {"start_from": recipe.continue_from, "time_limit": recipe.candidates}
    groups = {
        title: [name for name in names if able.get(name, True)]
        for title, names in kind.COMMON.items()
    }
    shown = {name for names in groups.values() for name in names}
    others = [each.name for each in fields(kind) if each.name not in shown]
    if all_flags:
        base = {each.name for each in fields(TrainConfig)}
        written = {each.name for each in fields(Dialect)} - base
        for name in others:
            title = "output" if name in kind.NOT_LEARNED_FROM else "training"
            if name not in base:
                title = "how the file is written" if name in written else f"more of {recipe.name}"
            groups.setdefault(title, []).append(name)
    described, hints = descriptions(kind), get_type_hints(kind)
    lines = [recipe.description.strip()]
    for title, names in groups.items():
        lines += ["", f"{title}:"]
        for name in names:
            lines += _flag(name, hints[name], described[name], defaults[name], all_flags)
    lines += ["", "--config FILE reads flags from a file, such as a run's config.yaml."]
    if not all_flags:
        lines += [f"--help-all explains all flags, {len(others)} more than these."]
    return "\n".join(lines)


def _flag(name, hint, text, default, in_full):
    """The lines of a flag: its name and kind of value, what it is, its default."""
    kinds = [each for each in get_args(hint) or (hint,) if each is not type(None)]
    choices = [str(each) for each in kinds] if get_origin(hint) is Literal else []
    word = {bool: "true|false" if default else "", int: "N", float: "X"}.get(kinds[0], "TEXT")
    word = "A,B,..." if get_origin(hint) is list else _WORDS.get(name, word)
    if choices:
        word = "|".join(choices) if sum(map(len, choices)) < 18 else "CHOICE"
    if not in_full:
        first, *rest = text.replace(". ", ".\n").splitlines()
        own = ("Default", "By default") if default in (None, [], {}) else ()
        first = re.split("[;:] ", first)[0].rstrip(".") + "."
        text = " ".join([first, *[each for each in rest if each.startswith(own)]])
    if word == "CHOICE":
        text += f" One of {', '.join(choices)}."
    shown = "" if default is False else as_written(default)
    text += f" ({shown})" if shown else ""
    start, margin = f"  --{_WRITTEN.get(name, f'{name} {word}')}", " " * INDENT
    lines = textwrap.wrap(
        text, WIDTH, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False
    )
    if len(start) + 2 > INDENT:
        return [start, *lines]
    return [start.ljust(INDENT) + lines[0].strip(), *lines[1:]]


def as_written(value) -> str:
    """A setting as it is typed; nothing where there is none."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {as_written(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ",".join(map(as_written, value))
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text.lower() if isinstance(value, bool) else text
