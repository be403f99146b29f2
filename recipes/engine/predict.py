"""`zoo predict`: finds the run's recipe and lets it predict."""

import importlib
import shutil
import sys
import tempfile
from pathlib import Path

from recipes.engine import environment
from recipes.engine.folder import RunFolder
from recipes.errors import UserError

#: The module of each recipe that reads raw input and writes predictions.
_PREDICTORS = {
    "forecast": "recipes.forecast.predict",
    "images": "recipes.images.predict",
    "tabular": "recipes.tabular.predict",
    "language_model": "recipes.language_model.predict",
    "text_classification": "recipes.text_classification.predict",
    "translation": "recipes.translation.predict",
}
#: Data sets of a recipe whose predictions are of another kind.
_OTHER_PREDICTORS = {("language_model", "chorales"): "recipes.language_model.chorale_predict"}
#: Recipes that also predict from a folder of files.
_TAKE_FOLDERS = ("images",)
#: What --text takes, of the recipes that have it.
_THEMSELVES = {
    "language_model": "A prompt",
    "text_classification": "A text",
    "translation": "A sentence",
}
#: Options that are for some recipes only, whose predictors take them as arguments.
_OPTIONS = {
    "text": ("language_model", "text_classification", "translation"),
    "encoding": ("language_model", "translation"),
    "length": ("language_model",),
    "temperature": ("language_model",),
    "top_k": ("language_model",),
    "top_p": ("language_model",),
    "min_p": ("language_model",),
    "samples": ("language_model",),
    "seed": ("language_model",),
    "tempo": ("language_model",),
    "beam": ("translation",),
    "n_best": ("translation",),
    "length_penalty": ("translation",),
}


def predict(run, source=None, output=None, **options) -> None:
    """Writes the predictions of a saved run.

    Args:
        run: Folder of the run.
        source: File to read (for some recipes a folder of them, too), `"-"` for standard input,
            `None` for the run's own data.
        output: File to write, `None` for standard output.
        **options: Options of the recipe's predictor; `None` for those that were not given.

    Raises:
        UserError: If the run or the input is not what it should be.
    """
    folder = RunFolder.open(run)
    saved = folder.read_config()
    if output is not None and not Path(output).absolute().parent.is_dir():
        raise UserError(f"Cannot write {output}: there is no folder {Path(output).parent}.")
    if output is not None and Path(output).is_dir():
        raise UserError(f"Cannot write {output}: it is a folder.")
    recipe = saved["run"]["recipe"]
    options = {name: value for name, value in options.items() if value is not None}
    for name in options:
        takers = _OPTIONS.get(name, (recipe,))
        if recipe not in takers:
            raise UserError(
                f"--{name} is for runs of {_listed(takers)}: leave it out for {recipe}."
            )
    _check_text(options.get("text", ""))
    fits = Path.exists if recipe in _TAKE_FOLDERS else Path.is_file
    if source not in (None, "-") and not fits(Path(source)):
        itself = _THEMSELVES.get(recipe)
        hint = f" {itself} itself goes behind --text." if itself else ""
        raise UserError(f"There is no file {source} to predict from.{hint}")
    both_files = output is not None and source not in (None, "-")
    if both_files and Path(output).exists() and Path(output).samefile(source):
        raise UserError(f"-o {output} is the input itself: it is not overwritten.")
    environment.prepare(saved["backend"], "auto")
    predictor = _OTHER_PREDICTORS.get((recipe, saved.get("dataset")), _PREDICTORS[recipe])
    module = importlib.import_module(predictor)
    kind = type(importlib.import_module(f"recipes.{recipe}").default_config())
    config = kind(**{key: value for key, value in saved.items() if key != "run"})
    with tempfile.TemporaryDirectory() as temporary:
        if source == "-":
            source = Path(temporary) / "standard-input"
            with source.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        if output is None and hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")  # not every terminal has every character
        try:
            module.predict(folder, config, saved["run"], source, output, **options)
        except UserError as error:  # nobody knows the file that stands for standard input
            stand_in = str(Path(temporary) / "standard-input")
            raise UserError(str(error).replace(stand_in, "standard input")) from error


def _listed(names):
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _check_text(text):
    """Raises a `UserError` if the command line held bytes that are no characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(
            f"--text holds bytes that are no text in this terminal's encoding: {text[:60]!a}. Give "
            "it in a file, and name its --encoding."
        ) from None
