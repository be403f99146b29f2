"""Classes of pictures, by a saved run."""

from pathlib import Path

import zoo
from recipes.errors import UserError
from recipes.images import tables
from recipes.images.classifier import Classifier
from recipes.images.data.image_files import image_files, is_npz, read_images, read_unlabelled
from recipes.images.loading import load


def predict(folder, config, metadata, source, output) -> None:
    """Writes the predicted class of each picture as CSV, with the probabilities of all classes.

    Args:
        folder: The `RunFolder`.
        config: The run's `ImagesConfig`.
        metadata: What the run says about itself in `config.yaml`.
        source: A picture, a folder of them (at any depth), an .npz file with an array `x`, or
            `None` for the run's own test part: its `predictions.csv` to the last digit.
        output: File to write, or `None` for standard output.

    Raises:
        UserError: If the input does not fit the run.
    """
    classes, shape = metadata["labels"], tuple(metadata["image_shape"])
    images, sources, labels, key = _read(config, source, classes, shape)
    model = zoo.load(folder.path)
    found = Classifier(model, config.mc_samples, config.seed)(images)
    tables.write(output, key, sources, labels, found, classes)


def _read(config, source, classes, shape):
    """Pictures, what they are called, their labels (or `None`), and the name of that column."""
    if source is None:
        part = load(config).parts["test"]
        return part.images, part.sources, part.names, part.kind
    if is_npz(source):
        images, labels = read_unlabelled(source, shape)
        unknown = sorted(set(labels.tolist() if labels is not None else ()) - set(classes))
        if unknown:
            raise UserError(
                f"The labels in {source} name classes that the run was not trained on: "
                f"{', '.join(unknown[:5])}. Leave the labels out to predict without them."
            )
        return images, range(len(images)), labels, "index"
    files = image_files(source)
    images = read_images(files, config.image_size, shape)
    base = Path(source)
    names = [str(file.relative_to(base)) if base.is_dir() else file.name for file in files]
    return images, names, None, "file"
