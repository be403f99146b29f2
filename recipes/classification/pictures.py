"""Reads pictures, and splits them, as the flags of a run say; what a task on them has to say."""

import hashlib
from functools import cached_property
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


class PicturesTask:
    """A task whose `parts` hold `Pictures`; one that learns classes has `classes`, too."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one picture."""
        return self.parts["train"].images.shape[1:]

    @property
    def description(self) -> str:
        """The data in one line."""
        counts = ", ".join(f"{len(part):,} {name}" for name, part in self.parts.items())
        height, width, *channels = self.shape
        kind = {"multilabel": "labels"}.get(self.parts["train"].head, "classes")
        classes = f", {len(self.classes)} {kind}" if hasattr(self, "classes") else ""
        kind = "colour" if channels else "grey"
        return f"{kind} images of {height} x {width} pixels{classes}: {counts}"

    @cached_property
    def sha256(self) -> str:
        """Hash of the pictures, and of labels that are learned, that the run was trained on."""
        digest = hashlib.sha256()
        for part in self.parts.values():
            for chunk in chunks(part.images):
                digest.update(np.ascontiguousarray(chunk).data)
            if hasattr(self, "classes"):
                digest.update(np.ascontiguousarray(part.labels).data)
        return digest.hexdigest()


def chunks(images):
    """Pictures a thousand at a time: they may lie in a file."""
    return (images[first : first + 1024] for first in range(0, len(images), 1024))


def read(config, kept=None, **columns):
    """All pictures that the flags of a run name and `None`, or a published training and test part.

    `kept` is the `Depth` of a run that reads its data again; by default it is found in the data.
    `columns` of a table are as for `labelled_files`.
    """
    if not config.data:
        if config.dataset == "digits":
            return pictures.digits(), None
        return pictures.published(config.dataset)
    path = Path(config.data)
    check(path)
    if is_npz(path):
        return read_arrays(path, kept)
    fit, skip_broken = config.fit, config.skip_broken
    return read_folder(path, config.image_size, kept, fit, skip_broken, **columns), None


def split(config, training, test):
    """The parts `"train"`, `"validation"` and `"test"` of what `read` returned, and notes.

    A `UserError` if a fraction is of a part that the data has, or nothing is left to train on.
    """
    given = np.full(len(training), "train") if training.given is None else training.given
    strata = training.strata
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
            kept, chosen = stratified(strata[rest], share, config.seed)
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
        kept, chosen = stratified(strata[rest], share, config.seed + 1)
        rest, found["validation"] = rest[kept], rest[chosen]
    parts = {"train": training.part(rest), "validation": training.part(found["validation"])}
    names = [part for part in ("train", "validation", "test") if (given == part).any()]
    notes = () if training.given is None else (f"{' and '.join(names)} as the data has them",)
    return {**parts, "test": test}, notes
