"""Reads the pictures that the flags of a run name, and splits them."""

from dataclasses import replace

import numpy as np

from recipes.classification.pictures import read, split
from recipes.classification.splits import train_sample
from recipes.engine.recipe import nearest
from recipes.errors import UserError
from recipes.images.task import ImageTask


def load(config, kept=None) -> ImageTask:
    """The pictures of a run, split, as an `ImageTask`.

    `kept` is the `Depth` of a run that reads its data again; by default it is found in the data.
    """
    training, test = read(config, kept, target=config.target, label_delim=config.label_delim)
    if training.head == "multilabel" and config.class_weight != "none":
        raise UserError("--class_weight weighs classes, not several labels an image: leave it out.")
    if config.labels:
        for label in sorted({*config.labels} - {*training.classes}):
            hint = nearest(label, training.classes)
            raise UserError(f"There is no class {label!r} to choose with --labels. {hint}")
        if len(set(config.labels)) < 2:
            raise UserError("--labels needs two classes or more, such as --labels Sandal,Shirt.")
    parts, notes = split(config, training, test)
    if config.labels:
        parts = {name: _only(part, config.labels) for name, part in parts.items()}
    unlabelled = parts["train"].images
    if config.train_size is not None:
        part = parts["train"]
        chosen, note = train_sample(config, part.strata, len(part.classes), "images")
        parts["train"] = part.part(chosen)
        notes += note
    _check_counts(parts)
    return ImageTask(config, parts, unlabelled, (*training.notes, *notes), training.depth)


def _only(part, labels):
    """The pictures of some classes, numbered in the order in which these were given."""
    names = list(dict.fromkeys(labels))
    own = part.has[:, [part.classes.index(name) for name in names]]
    if part.head == "multilabel":
        return replace(part, labels=own, classes=tuple(names))
    chosen = np.flatnonzero(own.any(axis=1))
    return replace(part.part(chosen), labels=own[chosen].argmax(axis=1), classes=tuple(names))


def _check_counts(parts):
    """Every class must be there to be learned, chosen by and tested."""
    classes = parts["train"].classes
    if len(classes) < 2:
        raise UserError(
            f"All images are of one class, {classes[0]}. A classifier needs two or more."
        )
    several = parts["train"].head == "multilabel"
    kind, none = ("label", "none with or without it") if several else ("class", "none")
    counts = {n: part.has.sum(axis=0) for n, part in parts.items()}
    for number, name in enumerate(classes):
        own = {n: count[number] for n, count in counts.items()}
        if few := [n for n in parts if own[n] in (0, several * len(parts[n]))]:
            total = int(sum(own.values()))
            raise UserError(
                f"The {kind} {name!r} has {total} image{'s' * (total != 1)}, which leaves {none} "
                f"for {' and '.join(few)}: three are the least. Add some, or leave the {kind} "
                "out with --labels."
            )
