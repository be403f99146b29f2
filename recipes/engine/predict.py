"""`zoo predict`: finds the run's recipe and lets it predict."""

import contextlib
import io
import math
import shutil
import sys
import tempfile
from dataclasses import fields, replace
from pathlib import Path

from recipes import RECIPES
from recipes.data.dialect import Dialect
from recipes.engine import checking, environment
from recipes.engine.folder import RunFolder
from recipes.engine.recipe import find_recipe
from recipes.errors import UserError

#: Names of the flags that say how an input is written, and of those that are one file's own.
DIALECT = tuple(each.name for each in fields(Dialect))
FORM = ("encoding", "separator", "skip_rows", "sheet")


class SavedRun:
    """A finished run in a folder, which predicts, any number of times."""

    def __init__(self, run):
        self.folder = RunFolder.open(run)
        saved = self.folder.read_config()
        self.metadata = saved.pop("run")
        self.recipe = find_recipe(self.metadata["recipe"])
        self.config = self.recipe.config.from_saved(saved, str(self.folder.config))

    def write(self, source=None, output=None, backend=None, trust_hub=False, **flags) -> None:
        """Writes predictions to a file; `None` for standard output.

        They are read from a file (for some recipes a folder of them, too), `"-"` for standard
        input, `None` for the run's own data. For what the backend is without one, see
        `environment.choose_for`; flags that are `None` or `False` are not given. A `UserError` if
        a flag is wrong, the input cannot be read, or the file cannot be written.
        """
        recipe, config = self.recipe, self.config
        if output is not None and not Path(output).absolute().parent.is_dir():
            raise UserError(f"Cannot write {output}: there is no folder {Path(output).parent}.")
        if output is not None and Path(output).is_dir():
            raise UserError(f"Cannot write {output}: it is a folder.")
        flags = {k: v for k, v in flags.items() if v is not None and v is not False}
        _check_flags(recipe, flags)
        if isinstance(config, Dialect):
            dialect = {name: flags.pop(name) for name in DIALECT if name in flags}
            if dialect and source is None:
                name = next(iter(dialect))
                raise UserError(f"--{name} says how an input is written: give the input, too.")
            if source is not None:  # what the run found out of another file is the second choice
                config = replace(config, **{**dict.fromkeys(FORM), **dialect})
                config.check()
        _check_call(recipe, recipe.asks(config, self.metadata), source, output, flags.get("text"))
        fits = Path.exists if recipe.predict_folders else Path.is_file
        if source not in (None, "-") and not fits(Path(source)):
            hint = f" {recipe.text_is} itself goes behind --text." if recipe.text_is else ""
            raise UserError(f"There is no file {source} to predict from.{hint}")
        both_files = output is not None and source not in (None, "-")
        if both_files and Path(output).exists() and Path(output).samefile(source):
            raise UserError(f"-o {output} is the input itself: it is not overwritten.")
        if source not in (None, "-"):
            checking.check_input(recipe, config, self.metadata, source)
        environment.prepare(backend or environment.choose_for(config.backend), "auto")
        from recipes.data.files import STANDARD_INPUT, named

        with tempfile.TemporaryDirectory() as temporary:
            if source == "-":
                source = Path(temporary) / STANDARD_INPUT
                with source.open("wb") as file:
                    shutil.copyfileobj(sys.stdin.buffer, file)
            if output is None and hasattr(sys.stdout, "reconfigure"):
                sys.stdout.reconfigure(errors="replace")  # not every terminal has every character
            if trust_hub:
                from zoo.layers import HubLayer

                HubLayer.trusted.add("*")
            try:
                recipe.predict(self.folder, config, self.metadata, source, output, **flags)
            except UserError as error:
                raise UserError(named(str(error))) from error

    def stream(self, text, **flags):
        """The parts of what `write` writes for a `--text`, as they come, of a recipe that can."""
        flags["text"] = text
        _check_flags(self.recipe, flags)
        yield from self.recipe.stream(self.folder, self.config, self.metadata, None, **flags)

    def table(self, source=None, **flags):
        """What `write` writes, in memory: a `DataFrame`, or the text that a model writes.

        It is read from a `DataFrame`, a text or a list of texts or pictures, a path, or `None`.
        """
        import keras
        import numpy as np
        import pandas as pd

        from recipes.data.files import IN_MEMORY
        from recipes.data.writing import read_csv

        metadata, recipe = self.metadata, self.recipe
        texts = metadata.get("text")
        if isinstance(source, pd.Series) and not recipe.text_is:
            source = source.to_frame()
        with tempfile.TemporaryDirectory() as temporary:
            if isinstance(source, str) and recipe.text_is:
                flags["text"], source = source, None
            elif source is not None and not isinstance(source, str | Path | pd.DataFrame):
                source = list(source)
                if not isinstance(source[0], str):
                    np.savez(Path(temporary) / f"{IN_MEMORY}.npz", x=np.stack(source))
                    source = Path(temporary) / f"{IN_MEMORY}.npz"
                elif not recipe.text_is:
                    files = [Path(each).absolute() for each in source]
                    source = Path(temporary) / f"{IN_MEMORY}.csv"
                    pd.DataFrame({"file": files}).to_csv(source, index=False)
                elif texts is None:
                    flags["text"], source = "\n".join(source), None
                else:
                    source = pd.DataFrame({texts: source})
            flags = {n: _on_disk(each, temporary, metadata, n) for n, each in flags.items()}
            source = _on_disk(source, temporary, metadata)
            with contextlib.redirect_stdout(io.StringIO()) as written:
                self.write(source, backend=keras.backend.backend(), **flags)
        text = written.getvalue()
        if recipe.text_is and texts is None:
            return text
        labels = dict.fromkeys(("prediction", "target", "label", "series"), str)
        table = read_csv(
            io.StringIO(text),
            dtype=labels if metadata.get("labels") else {"series": str},
            keep_default_na=False,
            na_values=[""],
        )
        dated = {metadata.get("time"), "time", "origin"} if "last_time" in metadata else set()
        for name in [name for name in table if name in dated and table[name].dtype.kind != "i"]:
            table[name] = pd.to_datetime(table[name])
        return table


def _on_disk(value, folder, metadata, name="data"):
    """A table in memory as a file, which is read as any other; another value as it is."""
    if not hasattr(value, "to_parquet"):
        return value
    from recipes.data.files import IN_MEMORY

    time = metadata.get("time")
    if time is not None and time not in value and type(value.index).__name__ != "RangeIndex":
        value = value.reset_index(names=time)
    path = Path(folder) / f"{name}-{IN_MEMORY}"
    try:
        value.rename(columns=str).to_parquet(path, index=False)
    except (TypeError, ValueError) as error:  # what Arrow raises, too
        raise UserError(f"Expected columns of one kind of values each. Received: {error}") from None
    return path


def flags_of(recipe) -> set[str]:
    """Names of the flags that `zoo predict` takes for runs of a recipe."""
    own = {flag.name for flag in recipe.predict_flags}
    return own | {*DIALECT} if issubclass(recipe.config, Dialect) else own


def _check_flags(recipe, flags):
    """Raises a `UserError` for the first flag that is for other recipes only, or out of range."""
    own, least = flags_of(recipe), {flag.name: flag.least for flag in recipe.predict_flags}
    for name, value in flags.items():
        if name not in own:
            takers = ", ".join(each for each in RECIPES if name in flags_of(find_recipe(each)))
            raise UserError(f"--{name} is for runs of {takers}: leave it out for {recipe.name}.")
        if least.get(name) is not None and not least[name] <= value < math.inf:
            raise UserError(f"--{name} must be at least {least[name]}. Received: {value:g}")
        if name == "text" and value.encode(errors="ignore").decode() != value:
            raise UserError(
                f"--text holds bytes that are no text in this terminal's encoding: {value[:60]!a}. "
                "Give it in a file, and name its --encoding."
            )


def _check_call(recipe, kind, source, output, text):
    """Raises a `UserError` for what a call lacks, or has too much, of what `Recipe.asks` says."""
    if text is not None and source is not None:
        raise UserError("Give the input either as a file or with --text, not both.")
    if kind in ("prompt", "lines") and text is None and source is None:
        raise UserError(f"{recipe.text_is} is missing: give a file, - (standard input) or --text.")
    if kind == "samples" and source is not None:
        raise UserError(f"New pictures are drawn from noise: leave {source} out.")
    if kind == "samples" and (output is None or not str(output).endswith((".png", ".npy"))):
        raise UserError(f"Give a file for the pictures, such as -o grid.png. Received: {output}")
