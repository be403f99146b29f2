"""Reads the pictures that the flags of a run name, and splits them."""

import difflib

import numpy as np

from recipes.classification.pictures import read, split
from recipes.classification.splits import train_sample
from recipes.errors import UserError
from recipes.images.task import ImageTask


def load(config, kept=None) -> ImageTask:
    """The pictures of a run, split, as an `ImageTask`.

    `kept` is the `Depth` of a run that reads its data again; by default it is found in the data.
    """
    training, test = read(config, kept)
    if config.labels:
        _check_labels(config.labels, training.classes)
    parts, notes = split(config, training, test)
    if config.labels:
        parts = {name: _only(part, config.labels) for name, part in parts.items()}
    _check_counts(config, parts)
    unlabelled = parts["train"].images
    if config.train_size is not None:
        part = parts["train"]
        chosen, note = train_sample(config, part.labels, len(part.classes), "images")
        parts["train"] = part.part(chosen)
        notes += note
    return ImageTask(config, parts, unlabelled, (*training.notes, *notes), training.depth)


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
