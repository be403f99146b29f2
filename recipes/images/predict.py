"""Classes of pictures, by a saved run."""

import base64
import io
import os
import tempfile
from pathlib import Path

from recipes.classification.tables import class_columns, note_unseen
from recipes.data.files import say_notes
from recipes.data.images.arrays import is_npz, read_unlabelled
from recipes.data.images.depth import Depth
from recipes.data.images.image_files import image_files, read_images, readable
from recipes.data.writing import write_csv
from recipes.images import plots
from recipes.images.classifier import Classifier
from recipes.images.loading import load


def predict(folder, config, metadata, source, output) -> None:
    """Writes the predicted class of each picture as CSV, with the probabilities of all classes.

    The source is a picture, a folder of them (at any level, in the order of their names with
    `2.png` before `10.png`), a table that names them, an .npz file with an array `x`, or `None` for
    the run's own test part: its `predictions.csv` to the last digit. No output is standard output.
    """
    classes, shape = metadata["labels"], tuple(metadata["image_shape"])
    images, sources, labels, key = _read(config, source, classes, shape, metadata)
    model = folder.load()
    found = Classifier(model, config.mc_samples, config.seed)(images)
    known = {key: sources} if labels is None else {key: sources, "label": labels}
    write_csv(output, *class_columns(found, classes, known, model.get_layer("probabilities").head))


def _read(config, source, classes, shape, metadata):
    """Pictures, what they are called, their labels (or `None`), and the name of that column."""
    arrays = is_npz(source or config.data or "")
    # White is 65,535, and in arrays 255, for runs that do not say it.
    kept = Depth(**metadata.get("image_depth", {"bits": 8 if arrays else 16}))
    if source is None:
        part = load(config, kept).parts["test"]
        return part.images, part.sources, part.names, part.kind
    if arrays:
        images, labels, notes = read_unlabelled(source, shape, kept)
        say_notes(notes)
        note_unseen([] if labels is None else labels.tolist(), classes)
        return images, range(len(images)), labels, "index"
    files = image_files(source)
    if config.skip_broken:
        good, notes = readable(files)
        say_notes(notes)
        files = [file for file, keep in zip(files, good, strict=True) if keep]
    images, _, notes = read_images(files, config.image_size, shape, kept, config.fit)
    say_notes(notes)
    base = Path(source) if Path(source).is_dir() else Path(source).parent
    return images, [os.path.relpath(file, base) for file in files], None, "file"


def explain(folder, config, picture) -> dict | None:
    """Where the class that is predicted is seen in a picture, the bytes of a file.

    As a PNG, in base64; `None` for networks whose maps are not pooled, see `plots.class_maps`.
    """
    metadata = folder.read_config()["run"]
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "picture")
        file.write_bytes(picture)
        depth, shape = Depth(**metadata.get("image_depth", {})), tuple(metadata["image_shape"])
        images, *_ = read_images([file], config.image_size, shape, depth, config.fit)
    model = folder.load()
    taken = Classifier(model, config.mc_samples, config.seed)(images).argmax(axis=1)
    drawing = plots.seen(model, images[0], taken[0])
    if drawing is None:
        return None
    png = io.BytesIO()
    drawing.savefig(png, format="png", dpi=100)
    name = metadata["labels"][taken[0]]
    return {"class": name, "picture": base64.b64encode(png.getvalue()).decode()}
