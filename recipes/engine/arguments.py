"""Turns command-line arguments and YAML files into a recipe's configuration."""

import argparse
import difflib
import json
import re
from dataclasses import asdict, fields
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from jsonargparse import ArgumentError, ArgumentParser

from recipes.engine.config import read_yaml
from recipes.engine.continuing import settings_of
from recipes.engine.help import help_text
from recipes.engine.recipe import find_recipe
from recipes.errors import UserError

#: What asks for help.
HELP = {"-h", "--help", "--help-all"}


def parse(recipe: str, arguments: list[str]):
    """The configuration of a recipe's flags; a `UserError` if a flag or a value is wrong.

    From weakest to strongest: the recipe's defaults for the dataset, the preset, the file of
    `--config`, the flags.
    """
    found_recipe = find_recipe(recipe)
    kind: Any = found_recipe.config
    replaced = found_recipe.replaced_defaults or {}
    given = _peek(arguments, [f"model.{name}" for name, _ in replaced])
    name = given["preset"]
    if name is not None and name not in found_recipe.presets:
        hint = _near(name, found_recipe.presets) or " `zoo list` names them."
        raise UserError(f"There is no preset {name!r}.{hint}")
    preset = dict(found_recipe.presets.get(name, {}))
    saved = read_yaml(given["config"], "--config ") if given["config"] else {}
    if not isinstance(saved, dict):
        raise UserError(f"Expected --config {given['config']} to hold `setting: value` lines.")
    about = ("run", "name", "overwrite")  # what a run says about itself
    saved = kind.renamed({str(k): v for k, v in saved.items() if k not in about})
    for name in ("model", "dataset", "data"):  # by which defaults are looked up
        if not isinstance(saved.get(name), str | None):
            raise UserError(f"--config {given['config']}: {name} cannot be {saved[name]!r:.60}.")
    if given["start_from"]:
        for other in ("config", "preset", "model"):
            if given[other]:
                raise UserError(f"--from brings the run's model and settings: leave --{other} out.")
        if not (given["data"] or given["dataset"]):
            raise UserError("--from RUN goes on with new data: give it with --data.")
        saved = settings_of(given["start_from"], found_recipe)
    if given["data"] or given["dataset"]:  # the flag replaces what the file or the preset names
        preset.pop("dataset", None)
        saved = {k: v for k, v in saved.items() if k not in ("data", "dataset")}
    wanted = HELP & {*arguments}
    named = given["dataset"] or saved or preset
    own_data = given["data"] or saved.get("data") or (wanted and not named)
    dataset, model = (given[k] or saved.get(k) or preset.get(k) for k in ("dataset", "model"))
    for layer in (saved, preset):
        if layer.get("model", model) != model:  # its arguments belong to that other model
            layer.pop("model_arguments", None)
    defaults = asdict(found_recipe.default_config(dataset, bool(own_data), model))
    for (name, default), others in replaced.items():
        value = given[f"model.{name}"]
        if value not in (None, default) and defaults["model_arguments"].get(name) == default:
            for other in others:
                defaults["model_arguments"].pop(other, None)
    if unknown := sorted({*preset, *saved} - {*defaults}):
        raise UserError(
            f"{given['config']}: there is no setting {unknown[0]!r}.{_near(unknown[0], defaults)}"
        )
    parser = _parser(kind)
    if wanted:
        shown = {**defaults, **preset, **saved}
        print(help_text(found_recipe, shown, all_flags="--help-all" in wanted))
        raise SystemExit(0)
    try:
        if saved:
            parser.parse_object(saved, defaults=False)  # checks types, which set_defaults does not
        parser.set_defaults({**defaults, **preset, **saved})  # all, whatever was parsed before
        found = parser.parse_args(_spell(arguments, kind)).as_dict()
    except ArgumentError as error:
        raise UserError(_explain(str(error), kind, defaults["model_arguments"])) from error
    config = kind(**{name: value for name, value in found.items() if name != "config"})
    return config.typed(f"--config {given['config']}") if given["config"] else config


@cache
def _parser(kind):
    parser = ArgumentParser(exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--config")
    parser.add_class_arguments(kind, as_group=False)
    return parser


def _peek(arguments, deciding):
    """The flags that decide the defaults of all others, by name; `None` where not given."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name in ("dataset", "data", "preset", "config", "model", *deciding):
        parser.add_argument(f"--{name}")
    parser.add_argument("--from", "--start_from", "--start-from", dest="start_from")
    try:
        return vars(parser.parse_known_args(arguments)[0])
    except argparse.ArgumentError as error:
        raise UserError(f"{error}.") from error


def _spell(arguments, kind):
    """Spells out what people write shorter: `--target A,B`, `--overwrite`, `--model.units 64`.

    `--batch-size` stands for `--batch_size`.
    """
    hints = get_type_hints(kind)
    result, rest = [], list(arguments)
    while rest:
        item = rest.pop(0)
        if item.startswith("--"):
            flag, has_value, value = item.partition("=")
            flag = "--start_from" if flag == "--from" else flag
            item = "--" + flag[2:].replace("-", "_") + has_value + value
        if item.startswith("--model."):
            item = item.replace("--model.", "--model_arguments.", 1)
        name, has_value, value = item.removeprefix("--").partition("=")
        hint = hints.get(name) if item.startswith("--") else None
        alone = not has_value and (not rest or rest[0].startswith("-"))
        if alone and bool in (hint, *get_args(hint)):
            item = f"--{name}=true"
        elif get_origin(hint) is list and (has_value or rest):
            value = value if has_value else rest.pop(0)
            item = f"--{name}={_list(value, hint)}"
        result.append(item)
    return result


def _list(value, hint):
    if value.startswith("["):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    return json.dumps(parts) if hint == list[str] else f"[{','.join(parts)}]"


def _near(name, choices):
    initials = [each for each in choices if re.sub(r"_?(\w)[^_]*", r"\1", each) == name]
    near = initials[:2] or difflib.get_close_matches(name, choices, n=2)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def _explain(message, kind, of_model):
    """One line out of jsonargparse's message, with the nearest flag for one that is unknown."""
    marker = "nrecognized arguments: "
    if marker in message:
        flag = message.partition(marker)[2].strip().partition(" ")[0].partition("=")[0]
        if not flag.startswith("-"):
            return f"Expected flags only. Received: {flag}. Your own file goes behind --data."
        if flag[2:] in kind.RENAMED:
            return f"{flag} is called --{kind.RENAMED[flag[2:]]} now."
        once = difflib.get_close_matches(flag[2:], kind.RENAMED, n=1, cutoff=0.8)
        if once:
            return f"There is no flag {flag}. Did you mean --{kind.RENAMED[once[0]]}?"
        if flag[2:] in of_model:
            return f"There is no flag {flag}. Did you mean --model.{flag[2:]}?"
        hint = _near(flag, [f"--{item.name}" for item in fields(kind)])
        return f"There is no flag {flag}.{hint or ' --help lists them all.'}"
    text = " ".join(message.split()).replace("--model_arguments", "--model.ARGUMENT")
    wrong = re.search(r'key "([\w.]+)".*?Expected an? (.+?)\. Got value: (.*)', text)
    wrong = re.search(r'key "([\w.]+)".*?Subtypes: (.*?) Errors.*Given value: (.*)', text) or wrong
    if not wrong:
        return f"{text.rstrip('.')}."
    name, expected, value = wrong.groups()
    if f"{name}={value}" in kind.RENAMED:
        return f"--{name} {value} is called --{name} {kind.RENAMED[f'{name}={value}']} now."
    return f"Expected --{name.partition('.')[0]} to be {in_words(expected)}. Received: {value}"


def in_words(expected: str) -> str:
    """What a type stands for: `int`, and `<class 'int'>`, is a whole number."""
    words = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}
    words["Sequence"] = "a list of them"
    found = [word for kind, word in words.items() if re.search(rf"\b{kind}\b", expected)]
    if "Literal" in expected:
        choices = re.findall("'([^']+)'", expected.partition("Literal")[2])
        found.append(", ".join(choices) if found else f"one of {', '.join(choices)}")
    return " or ".join(found) or expected
