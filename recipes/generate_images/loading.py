"""Reads the pictures that the flags of a run name, and splits them."""

from pathlib import Path

import numpy as np

from recipes.classification.pictures import read, split
from recipes.data.images.image_files import image_files, read_images
from recipes.data.images.pictures import Pictures
from recipes.errors import UserError
from recipes.generate_images.task import GenerateTask

#: With fewer pictures, a part would have one or none.
FEWEST = 20


def load(config, kept=None) -> GenerateTask:
    """The pictures of a run, split, as a `GenerateTask`."""
    folder = Path(config.data or "")
    if config.data and folder.is_dir() and sum(each.is_dir() for each in folder.iterdir()) < 2:
        files = image_files(folder)
        images, depth, notes = read_images(files, config.image_size, None, kept, config.fit)
        names = np.array([str(file.relative_to(folder)) for file in files])
        alike = np.zeros(len(files), int), ("pictures",)  # all of one class
        training, test = Pictures(images, *alike, names, notes, depth), None
    else:
        training, test = read(config, kept)
    if len(training) < FEWEST:
        raise UserError(
            f"Expected {FEWEST} pictures or more, to learn what they have in common. Received: "
            f"{len(training)}"
        )
    parts, notes = split(config, training, test)
    images = parts["train"].images
    if not np.ptp(images[: min(len(images), 1000)], axis=0).any():
        raise UserError("All training pictures are the same: there is nothing to learn.")
    return GenerateTask(config, parts, (*training.notes, *notes), training.depth)
