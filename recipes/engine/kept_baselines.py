"""What baselines predict, kept from run to run: they depend on the data and not on the model."""

import contextlib
import hashlib
import inspect
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from recipes.data.download import keras_home
from recipes.data.writing import replacing
from recipes.engine.config import TrainConfig
from recipes.engine.folder import versions
from recipes.engine.task import Task
from recipes.errors import DAMAGED, UserError

#: Fits that took less, in seconds, are not worth a file; of files the newest so many stay.
WORTH, MOST = 1.0, 200


def compared(task: Task, splits, fitted=None) -> tuple[Mapping[str, Any], dict[str, dict]]:
    """The baselines that were fitted, and what all of them predict, `{name: {split: found}}`.

    A task whose `keeps_baselines` is true predicts arrays, and may have fitted none: what they
    predict was kept by an earlier run on the same data, with the same settings of the recipe.
    `fitted` are baselines that there are already.
    """
    began = time.perf_counter()
    found: dict[str, dict] = {}
    keeps = fitted is None and getattr(task, "keeps_baselines", False)
    file = _file(task, splits) if keeps else None
    if file and file.exists():
        try:
            with file.open("rb") as opened, np.load(opened) as kept:  # nothing is unpickled
                for split, name in (key.split("/", 1) for key in kept.files):
                    found.setdefault(name, {})[split] = kept[f"{split}/{name}"]
            return {}, found
        except DAMAGED as error:
            print(f"note: {file} is damaged ({error}): baselines are fitted anew", file=sys.stderr)
    fitted = task.baselines() if fitted is None else fitted
    found = {n: {s: task.predict(each, s) for s in splits} for n, each in fitted.items()}
    if file and time.perf_counter() - began > WORTH:
        with contextlib.suppress(OSError, UserError):  # where nothing can be written, nothing is
            file.parent.mkdir(parents=True, exist_ok=True)
            with replacing(file) as partial, open(partial, "wb") as target:
                arrays = {f"{s}/{n}": a for n, parts in found.items() for s, a in parts.items()}
                np.savez_compressed(target, **arrays)
            newest = sorted(file.parent.glob("*.npz"), key=lambda each: -each.stat().st_mtime)
            for old in newest[MOST:]:
                old.unlink()
    return fitted, found


def _file(task, splits) -> Path:
    """Where predictions of baselines on this data lie, by all that they depend on."""
    of_training = {each.name for each in fields(TrainConfig)} - {"seed"}
    settings = {name: v for name, v in vars(task.config).items() if name not in of_training}
    code = sorted(Path(inspect.getfile(type(task))).parent.glob("*.py"))
    text = hashlib.sha256(b"".join(each.read_bytes() for each in code)).hexdigest()
    reader = type(getattr(task, "reader", None)).__name__  # of texts, which cleans them
    key = [versions(), text, reader, task.sha256, settings, splits]
    name = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()
    return keras_home() / "handson_zoo" / "baselines" / f"{name}.npz"
