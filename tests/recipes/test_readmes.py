"""The READMEs of the recipes are twins, and every command in them is one that the program takes."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from recipes import RECIPES
from recipes.cli import main
from recipes.engine.arguments import parse
from recipes.engine.recipe import find_recipe

TOP = Path(__file__).parents[2]
READMES = ["README.md", "recipes/README.md", *(f"recipes/{name}/README.md" for name in RECIPES)]
HEADINGS = (
    "What it does", "Use", "Your own data", "What is decided and printed", "Predict", "Presets",
    "Measured", "Files",
)  # fmt: skip
#: Flags of the commands themselves; those of the recipes are looked up.
OWN = {
    "find-lr": {"min_rate", "max_rate", "steps"},
    "tune": {"tuner", "trials", "workers"},
    "predict": {"output", "backend"},
}


def commands(text):
    """Each `zoo ...` of a text, as its words: in code blocks and in the middle of a line."""
    text = text.replace("\\\n", " ")
    blocks = "\n".join(re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for line in [*blocks.splitlines(), *re.findall("`([^`]+)`", prose)]:
        words = re.sub(r"  +# .*", "", line).replace("\n", " ")
        if words.startswith("zoo ") and words.split()[1] in ("train", "find-lr", "tune", "predict"):
            yield re.findall(r'"[^"]*"|\S+', words)[1:]


def test_the_front_page_is_read_to_its_end():
    assert len((TOP / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("name", RECIPES)
def test_readmes_of_recipes_are_twins(name):
    text = (TOP / f"recipes/{name}/README.md").read_text()
    assert tuple(re.findall("^## (.*)", text, re.MULTILINE)) == HEADINGS
    shown = text.partition("\n## Files\n")[2]
    modules = {path.name for path in (TOP / f"recipes/{name}").glob("*.py")}
    assert modules - set(re.findall(r"`(\w+\.py)`", shown)) == {"__init__.py", "__main__.py"}
    assert set(re.findall(r"`(\w+\.py)`", shown)) <= modules


@pytest.mark.parametrize("readme", READMES)
def test_commands_of_readmes_are_understood(readme):
    assert check_commands((TOP / readme).read_text())


def check_commands(text):
    """Asks the program's own parsers about each command of a text; returns how many there are."""
    found = list(commands(text))
    for command, *words in found:
        if command == "predict":
            if not words or not words[0].startswith("logs/"):
                continue
            flags = {flag.name for flag in find_recipe(words[0].split("/")[1]).predict_flags}
            given = {word[2:].replace("-", "_") for word in words if word.startswith("--")}
            assert given <= flags | OWN["predict"], words
        elif words and words[0] in RECIPES and "--help" not in words:
            recipe, *flags = words
            for own in OWN.get(command, ()):
                if f"--{own}" in flags:
                    at = flags.index(f"--{own}")
                    del flags[at : at + 2]
            if not {"--config", "--from"} & {*flags}:  # these name what a reader has
                config = parse(recipe, [flag.strip('"') for flag in flags])
                if "addons" not in flags:  # may not be installed
                    config.validate()
    return len(found)


def test_flags_of_the_tables_are_those_of_the_recipe():
    for name in RECIPES:
        text = (TOP / f"recipes/{name}/README.md").read_text().partition("\n## Predict\n")[0]
        settings = {each.name for each in fields(find_recipe(name).config)} | {"from", "help"}
        for flag in re.findall(r"`--([a-z_]+)", text):
            assert flag in settings, f"{name}: --{flag}"


#: Files that the snippets read or that their runs are trained on, and the flags of these runs.
FILES = {
    "sales.csv": ["step,sales", *(f"{step},{step % 7}" for step in range(200))],
    "new.csv": ["size,price", *(f"{n * 37 % 101 / 7:.2f},{n * 37 % 101}" for n in range(100))],
    "films.csv": ["text,target", *(f"{'bad' * (n % 2)} film {n},{n % 2}" for n in range(60))],
    "poem.txt": ["To be, or not to be, that is the question."] * 60,
    "dates.tsv": [f"April {d}, {y}\t{y}-04-{d}" for y in range(2010, 2020) for d in range(10, 30)],
}  # fmt: skip
TRAINED = {
    "forecast": "--data sales.csv --target sales --horizon 2 --model linear_forecaster",
    "images": "--train_size 100",
    "generate_images": "--model.units 8",
    "tabular": "--data new.csv --target price",
    "language_model": "--data poem.txt --window 20 --model.units 8",
    "text_classification": "--data films.csv",
    "translation": "--data dates.tsv --model.units 8",
}


@pytest.mark.slow
@pytest.mark.parametrize("readme", READMES)
def test_python_of_readmes_runs_as_typed(readme, tmp_path, monkeypatch):
    text = (TOP / readme).read_text()
    snippets = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert snippets
    monkeypatch.chdir(tmp_path)
    for name, lines in FILES.items():
        Path(name).write_text("\n".join(lines) + "\n")
    recipe = readme.split("/")[-2] if readme.count("/") == 2 else None
    if recipe:
        quick = "--name NAME --epochs 1 --progress false --jit_compile false"
        assert main(["train", recipe, *quick.split(), *TRAINED[recipe].split()]) == 0
    for snippet in snippets:
        exec(compile(snippet, readme, "exec"), {})
