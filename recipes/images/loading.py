"""Reads the pictures that the flags of a run name, and splits them."""

import difflib
from pathlib import Path

import numpy as np

from recipes.classification.splits import stratified, stratified_sample
from recipes.errors import UserError
from recipes.images.data import pictures
from recipes.images.data.arrays import is_npz, read_arrays
from recipes.images.data.image_files import check, read_folder
from recipes.images.task import ImageTask

#: Training pictures at the start of a published set by which the book chooses (2nd edition).
BOOK_VALIDATION = 5_000
#: Shares of each class, where nothing else is said.
FRACTION = 0.15


def load(config, kept=None) -> ImageTask:
    """The pictures of a run, split, as an `ImageTask`.

    `kept` is the `Depth` of a run that reads its data again; by default it is found in the data.

    Raises:
        UserError: If the data is not what the flags say.
    """
    training, test = read(config, kept)
    if config.labels:
        _check_labels(config.labels, training.classes)
    parts, notes = _split(config, training, test)
    if config.labels:
        parts = {name: _only(part, config.labels) for name, part in parts.items()}
    _check_counts(config, parts)
    unlabelled = parts["train"].images
    if config.train_size is not None:
        parts["train"] = _sample(parts["train"], config)
        notes += (f"{config.train_size:,} of {len(unlabelled):,} training images used",)
    return ImageTask(config, parts, unlabelled, (*training.notes, *notes), training.depth)


def read(config, kept=None):
    """All pictures and `None`, or those of a published training and test part."""
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


def _split(config, training, test):
    """The three parts, and notes."""
    given = np.full(len(training), "train") if training.given is None else training.given
    rest = np.flatnonzero(given == "train")
    found = {part: np.flatnonzero(given == part) for part in ("validation", "test")}
    for part, fraction in {
        "validation": config.validation_fraction,
        "test": config.test_fraction,
    }.items():
        there = len(found[part]) or (part == "test" and test is not None)
        if there and fraction is not None:
            raise UserError(f"This data has a {part} part of its own: leave --{part}_fraction out.")
    if test is None:
        if not len(found["test"]):
            kept, chosen = stratified(
                training.labels[rest], config.test_fraction or FRACTION, config.seed
            )
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


def _check_labels(labels, classes):
    for label in labels:
        if label not in classes:
            near = difflib.get_close_matches(label, classes, n=2) or classes[:12]
            raise UserError(
                f"There is no class {label!r} to choose with --labels. Did you mean "
                f"{' or '.join(near)}?"
            )
    if len(set(labels)) < 2:
        raise UserError("--labels needs two classes or more, such as --labels Sandal,Shirt.")


def _only(part, labels):
    """The pictures of some classes, numbered in the order in which these were given."""
    names = list(dict.fromkeys(labels))
    new = np.full(len(part.classes), -1)
    new[[part.classes.index(name) for name in names]] = np.arange(len(names))
    chosen = np.flatnonzero(new[part.labels] >= 0)
    found = part.part(chosen)
    return type(part)(found.images, new[found.labels], tuple(names), found.sources)


def _check_counts(config, parts):
    """Every class must be there to be learned, chosen by and tested."""
    classes = parts["train"].classes
    if len(classes) < 2:
        raise UserError(
            f"All images are of one class, {classes[0]}. A classifier needs two or more."
        )
    counts = {n: np.bincount(p.labels, minlength=len(classes)) for n, p in parts.items()}
    for number, name in enumerate(classes):
        missing = [part for part, count in counts.items() if not count[number]]
        if missing:
            total = sum(int(count[number]) for count in counts.values())
            raise UserError(
                f"The class {name!r} has {total} image{'s' * (total != 1)}, which leaves none for "
                f"{' and '.join(missing)}: three are the least. Add some, or leave the class out "
                "with --labels."
            )


def _sample(part, config):
    size, classes = config.train_size, len(part.classes)
    if not classes <= size <= len(part):
        raise UserError(
            f"--train_size must lie between {classes}, the number of classes, and {len(part):,}, "
            f"that of the training images. Received: {size}"
        )
    return part.part(stratified_sample(part.labels, size, config.seed))
