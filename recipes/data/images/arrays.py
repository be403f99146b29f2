"""Pictures and labels out of NumPy archives."""

import zipfile
from pathlib import Path

import numpy as np

from recipes.data.images.depth import Range, decide, listed
from recipes.data.images.pictures import Pictures, check_memory, numbered
from recipes.data.memory import check_size
from recipes.errors import UserError, reading


def read_arrays(path, kept=None) -> tuple[Pictures, Pictures | None]:
    """All pictures and labels of an .npz file and `None`, or those of the training and test parts.

    The arrays are called `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`; `kept` is the
    `Depth` of the run that reads its own data again. A `UserError` if they are not there, or are no
    pictures or labels.
    """
    with _npz(path) as file:
        if {"x_train", "y_train", "x_test", "y_test"} <= set(file.files):
            parts = [("x_train", "y_train"), ("x_test", "y_test")]
        elif {"x", "y"} <= set(file.files):
            parts = [("x", "y")]
        else:
            raise UserError(
                f"Expected {path} to hold the arrays x and y, or x_train, y_train, x_test and "
                f"y_test. Received: {', '.join(file.files) or 'nothing'}."
            )
        arrays = {x: _read_x(path, file, x) for x, _ in parts}
        raw = [_read_y(path, file, y) for _, y in parts]
    images, depth, notes = _as_bytes(path, arrays, kept)
    for names, pictures, labels in zip(parts, images, raw, strict=True):
        _check_labelled(path, names, pictures, labels)
    if len({part.shape[1:] for part in images}) > 1:
        shapes = " and ".join(str(part.shape[1:]) for part in images)
        raise UserError(f"The images of x_train and x_test in {path} differ in shape: {shapes}.")
    values = np.unique(np.concatenate(raw))
    found = [
        numbered(pictures, np.searchsorted(values, labels), map(str, values), notes, depth)
        for pictures, labels in zip(images, raw, strict=True)
    ]
    return found[0], found[1] if len(found) > 1 else None


def read_unlabelled(
    path, shape, kept=None
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """The pictures of an .npz file, `x` or `x_test`, their labels as texts or `None`, and notes.

    The pictures must have the shape that the model expects; `kept` is the `Depth` of its run. A
    `UserError` if the pictures are not there or have another shape.
    """
    with _npz(path) as file:
        x, y = ("x", "y") if "x" in file.files else ("x_test", "y_test")
        if x not in file.files:
            raise UserError(
                f"Expected {path} to hold an array x of images. Received: "
                f"{', '.join(file.files) or 'nothing'}."
            )
        (images,), _, notes = _as_bytes(path, {x: _read_x(path, file, x)}, kept)
        labels = _read_y(path, file, y).astype(str) if y in file.files else None
    if images.shape[1:] != tuple(shape):
        raise UserError(
            f"Expected images of shape {tuple(shape)}, like those the model was trained on. "
            f"Received: {x} in {path} with images of shape {images.shape[1:]}."
        )
    if labels is not None:
        _check_labelled(path, (x, y), images, labels)
    return images, labels, notes


def is_npz(path) -> bool:
    """Whether a file is an archive of arrays, whatever its name."""
    return Path(path).is_file() and zipfile.is_zipfile(path)


def _npz(path):
    advice = "Expected an .npz file, such as numpy.savez writes it"
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            single = file.read(6) == b"\x93NUMPY"
        reason = "it is a single array" if single else "it is damaged, or no such file"
        raise UserError(f"Cannot read {path}: {reason}. {advice}.")
    with reading(path, f" {advice}."):
        check_size(path)
        return np.load(path, allow_pickle=False)


def _array(path, file, name):
    with reading(f"the array {name} in {path}", " Write it anew as numbers or texts."):
        array = np.asarray(file[name])
        if array.dtype.kind == "U":
            array.tolist()  # refuses what is no character
        return array


def _read_x(path, file, name):
    """Pictures of any type, `(n, height, width)` or `(n, height, width, 3)`."""
    count, *shape = received = _header(path, name)
    if len(shape) == 3 and shape[-1] == 1:
        shape = shape[:2]
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[-1] != 3) or not count * all(shape):
        raise UserError(
            f"Expected images (n, height, width) or (n, height, width, 3) as {name} in {path}. "
            f"Received: an array of shape {tuple(received)}.{_shape_advice(name, received)}"
        )
    check_memory(path, count, shape)
    array = _array(path, file, name).reshape(count, *shape)
    if array.dtype.kind not in "iufb":
        raise UserError(f"Expected numbers as {name} in {path}. Received: the type {array.dtype}.")
    return array


def _shape_advice(name, shape):
    """What makes images of an array of another shape."""
    if 0 in shape:
        return " It is empty: add images."
    side, last = round(shape[-1] ** 0.5), shape[-1]
    if len(shape) == 2 and side**2 == last:
        return f" If they are square, reshape them: {name}.reshape(-1, {side}, {side})."
    if len(shape) == 2:
        return f" Give each its height and width: {name}.reshape(-1, height, width)."
    if len(shape) != 4:
        return ""
    advice = (
        (shape[1] in (1, 3), f" Put its channels last: {name}.transpose(0, 2, 3, 1)."),
        (shape[2] in (1, 3), f" Put the images first: {name}.transpose(3, 0, 1, 2)."),
        (last in (2, 4), f" Leave the opacity out: {name}[..., {':3' if last == 4 else 0}]."),
    )
    return next((text for fits, text in advice if fits), "")


def _check_labelled(path, names, pictures, labels):
    x, y = names
    advice = f" If its last axis counts the images, put it first: {x}.transpose(2, 0, 1)."
    last = pictures.ndim == 3 and pictures.shape[-1] == len(labels)
    if len(pictures) != len(labels):
        raise UserError(
            f"Expected a label for every image in {path}. Received: {len(pictures):,} images in "
            f"{x} and {len(labels):,} labels in {y}.{advice * last}"
        )


def _as_bytes(path, arrays, kept):
    """The pictures of some arrays as uint8, their `Depth`, and notes."""
    ranges = [Range.of(f"{name} of {path}", array) for name, array in arrays.items()]
    depth, notes = decide(ranges, len(arrays), kept, arrays=True)
    return [depth.to_bytes(array) for array in arrays.values()], depth, notes


def _read_y(path, file, name):
    labels = _array(path, file, name)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        hint = " One-hot labels become numbers with y.argmax(axis=1)." if labels.ndim == 2 else ""
        raise UserError(
            f"Expected one label for each image as {name} in {path}, (n,). Received: an array of "
            f"shape {labels.shape}.{hint}"
        )
    whole = labels.dtype.kind == "f" and np.array_equal(labels, np.floor(labels))
    labels = labels.astype(np.int64) if whole else labels
    if labels.dtype.kind not in "iubUS":
        raise UserError(
            f"Expected whole numbers or texts as {name} in {path}. Received: {labels.dtype}."
        )
    labels = np.char.decode(labels, "utf-8", "replace") if labels.dtype.kind == "S" else labels
    if labels.dtype.kind == "U" and not np.char.strip(labels).all():
        raise UserError(
            f"Expected a label for each image as {name} in {path}. Received: empty texts at "
            f"{listed(np.flatnonzero(np.char.strip(labels) == ''))}. Leave these images out, or "
            "name their class."
        )
    return labels


def _header(path, name):
    """The shape of an array in an .npz file, without reading it."""
    readers = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
    what = f"the array {name} in {path}"
    with reading(what), zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        shape = readers[np.lib.format.read_magic(file)[0]](file)[0]
    return shape or (0,)
