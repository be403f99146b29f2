"""Reads pictures, and splits them, as the flags of a run say."""

from pathlib import Path

import numpy as np

from recipes.classification.splits import stratified
from recipes.data.images import pictures
from recipes.data.images.arrays import is_npz, read_arrays
from recipes.data.images.image_files import check, read_folder
from recipes.errors import UserError

#: Training pictures at the start of a published set by which the book chooses (2nd edition).
BOOK_VALIDATION = 5_000
#: Shares of each class, where nothing else is said.
FRACTION = 0.15


def read(config, kept=None):
    """All pictures that the flags of a run name and `None`, or a published training and test part.

    `kept` is the `Depth` of a run that reads its data again; by default it is found in the data.
    """
    if not config.data:
        if config.dataset == "digits":
            return pictures.digits(), None
        return pictures.published(config.dataset)
    path = Path(config.data)
    check(path)
    if is_npz(path):
        return read_arrays(path, kept)
    found = read_folder(path, config.image_size, kept, config.fit, config.skip_broken)
    return found, None


def split(config, training, test):
    """The parts `"train"`, `"validation"` and `"test"` of what `read` returned, and notes."""
    given = np.full(len(training), "train") if training.given is None else training.given
    rest = np.flatnonzero(given == "train")
    found = {part: np.flatnonzero(given == part) for part in ("validation", "test")}
    for part in found:
        fraction = getattr(config, f"{part}_fraction")
        there = len(found[part]) or (part == "test" and test is not None)
        if there and fraction is not None:
            raise UserError(f"This data has a {part} part of its own: leave --{part}_fraction out.")
    if test is None:
        if not len(found["test"]):
            share = config.test_fraction or FRACTION
            kept, chosen = stratified(training.labels[rest], share, config.seed)
            rest, found["test"] = rest[kept], rest[chosen]
        test = training.part(found["test"])
    whole = len(rest) + len(found["test"]) * (training.given is None)
    if config.dataset not in (None, "digits") and config.validation_fraction is None:
        first = min(BOOK_VALIDATION, whole // 2)
        rest, found["validation"] = rest[first:], rest[:first]
    elif not len(found["validation"]):
        # Shares are those of all pictures, whatever was taken off before.
        share = (config.validation_fraction or FRACTION) * whole / len(rest)
        if share >= 1:
            raise UserError(
                "--validation_fraction and --test_fraction leave nothing to train on: lower them."
            )
        kept, chosen = stratified(training.labels[rest], share, config.seed + 1)
        rest, found["validation"] = rest[kept], rest[chosen]
    parts = {"train": training.part(rest), "validation": training.part(found["validation"])}
    names = [part for part in ("train", "validation", "test") if (given == part).any()]
    notes = () if training.given is None else (f"{' and '.join(names)} as the data has them",)
    return {**parts, "test": test}, notes
