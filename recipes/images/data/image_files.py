"""Pictures out of a user's own files: folders, tables of paths, or NumPy arrays."""

import os
import re
import warnings
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from recipes.errors import UserError
from recipes.images.data.depth import Depth, Range, decide, listed
from recipes.images.data.labelled_files import (
    SUFFIXES,
    TABLES,
    class_folders,
    labelled_files,
    walk,
)
from recipes.images.data.pictures import Pictures, StoredImages, check_memory, numbered, room
from recipes.images.data.pixels import UnreadableError, check_pixels, read_header, read_pixels

#: Pixels a side at most, unless `--image_size` says more.
LARGEST = 128
#: The fraction of pictures from which on one size is that of all.
NEARLY_ALL = 0.9


def read_folder(path, image_size=(), kept=None, fit="crop", skip_broken=False) -> Pictures:
    """Reads a folder of class folders, or a table of paths; classes in the order of their names.

    Grey pictures stay grey if all are; a single coloured one makes all of them coloured. Hidden
    files and folders are passed over.

    Args:
        path: The folder or the table.
        image_size: Height and width to resize all to. Defaults to what `read_images` finds.
        kept: The `Depth` of the run that reads its own data again.
        fit: See `read_pixels`.
        skip_broken: Whether pictures that cannot be read are left out.

    Raises:
        UserError: If there are no two classes, or a picture is broken.
    """
    found, notes = labelled_files(path), ()
    if skip_broken:
        good, notes = readable(found.files)
        found = found.kept(good)
        empty = [n for i, n in enumerate(found.classes) if i not in found.labels]
        if empty:
            raise UserError(
                f"No image of the class {empty[0]!r} in {path} can be read: {notes[0]}. Repair "
                "some, or remove the class."
            )
    images, depth, more = read_images(found.files, image_size, kept=kept, fit=fit)
    return Pictures(
        images,
        found.labels,
        found.classes,
        np.array([os.path.relpath(file, found.base) for file in found.files]),
        (*found.notes, *notes, *more),
        depth,
        found.given,
    )


def image_files(path) -> list[Path]:
    """All pictures below a folder, in the order of their names; for a file, itself.

    Numbers in names are ordered by their value: `2.png` comes before `10.png`.

    Raises:
        UserError: If there are none.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    found = [p for p in walk(path) if p.suffix.lower() in SUFFIXES]
    if not found:
        raise UserError(f"There are no images in {path} ({', '.join(SUFFIXES)}).")
    return sorted(found, key=_natural)


def read_images(
    files, image_size=(), shape=None, kept=None, fit="crop"
) -> tuple[np.ndarray | StoredImages, Depth, tuple[str, ...]]:
    """Reads pictures, all to one size, several at a time.

    Args:
        files: Their paths.
        image_size: Height and width to resize all to. Defaults to the size that nine of ten have if
            no side of it is above 128 pixels, else to squares as high as the middle one of the
            shorter sides, 128 pixels at most.
        shape: What a trained model expects of one picture: its size is taken then, and its kind.
            By default pictures are in colour if any of them is.
        kept: The `Depth` of the run that is to predict.
        fit: See `read_pixels`.

    Returns:
        uint8 array `(n, height, width)` for grey pictures, `(n, height, width, 3)` for coloured, or
        `StoredImages` where that is too much for memory; their `Depth`; notes.

    Raises:
        UserError: If pictures are broken, have colours that the model does not know, or values of
            which nothing says what white is. The message names the first ten, and their number.
    """
    headers = _all_read(files, read_header, check_pixels)
    sizes = [header.size for header in headers]
    size = tuple(shape[:2]) if shape else tuple(image_size) or _common_size(sizes)
    grey = all(header.grey for header in headers) if shape is None else len(shape) == 2
    if grey:
        _check_grey(files, headers)
    ranges = [header.range for header in headers if header.range]
    depth, notes = decide(ranges, len(files), kept)
    images = room(Path(files[0]).parent, len(files), size if grey else (*size, 3))

    def keep(index):
        images[index], transparent = read_pixels(files[index], depth, grey, size, fit)
        return transparent

    clear = sum(_all_read(range(len(files)), keep, names=files))
    animated = sum(header.animated for header in headers)
    other = sum(found != size for found in sizes)
    if other:
        ways = {"crop": "cropped", "pad": "padded with black", "squeeze": "squeezed"}
        notes += (
            f"{other:,} of {len(files):,} images resized to {size[0]} x {size[1]} pixels and, "
            f"where their form differs, {ways[fit]} (--image_size, --fit)",
        )
    if clear:
        notes += (f"{_counted(clear)} transparent pixels: laid over white",)
    if animated:
        notes += (f"{_counted(animated)} several frames or pages: the first is read",)
    return StoredImages(images) if isinstance(images, np.memmap) else images, depth, notes


def readable(files) -> tuple[np.ndarray, tuple[str, ...]]:
    """Which files hold pictures that can be read to their end, and a note of those that do not.

    Raises:
        UserError: If none does.
    """
    _, broken = _attempted(files, check_pixels)
    if len(broken) == len(files):
        raise UserError(f"None of {len(files):,} images can be read: {_reasons(files, broken)[0]}.")
    good = np.array([file not in broken for file in files])
    reasons = listed(_reasons(files, broken), "; ")
    notes = (f"{len(broken):,} of {len(files):,} images cannot be read, left out: {reasons}",)
    return good, notes if broken else ()


def read_arrays(path, kept=None) -> tuple[Pictures, Pictures | None]:
    """All pictures and labels of an .npz file and `None`, or those of the training and test parts.

    Args:
        path: A file with the arrays `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`.
        kept: The `Depth` of the run that reads its own data again.

    Raises:
        UserError: If the arrays are not there, or are no pictures or labels.
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
    for (x, y), pictures, labels in zip(parts, images, raw, strict=True):
        if len(pictures) != len(labels):
            raise UserError(
                f"Expected a label for every image in {path}. Received: {len(pictures):,} images "
                f"in {x} and {len(labels):,} labels in {y}.{_number_last(pictures, labels, x)}"
            )
    if len({part.shape[1:] for part in images}) > 1:
        shapes = " and ".join(str(part.shape[1:]) for part in images)
        raise UserError(f"The images of x_train and x_test in {path} differ in shape: {shapes}.")
    values = np.unique(raw[0])
    if len(raw) > 1:
        unknown = sorted(set(np.unique(raw[1]).tolist()) - set(values.tolist()), key=str)
        if unknown:
            raise UserError(
                f"The class {unknown[0]!r} is in y_test of {path}, but not in y_train: a model "
                "cannot learn it. Move some of its images into the training part."
            )
    found = [
        numbered(pictures, np.searchsorted(values, labels), map(str, values), notes, depth)
        for pictures, labels in zip(images, raw, strict=True)
    ]
    return found[0], found[1] if len(found) > 1 else None


def read_unlabelled(
    path, shape, kept=None
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """The pictures of an .npz file, `x` or `x_test`, their labels as texts or `None`, and notes.

    The pictures must have the shape that the model expects; `kept` is the `Depth` of its run.

    Raises:
        UserError: If the pictures are not there or have another shape.
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
    if labels is not None and len(labels) != len(images):
        raise UserError(
            f"Expected a label for every image in {path}. Received: {len(images):,} images in {x} "
            f"and {len(labels):,} labels in {y}."
        )
    return images, labels, notes


def check(path) -> None:
    """Raises a `UserError` for what is no folder of class folders, no table, and no arrays."""
    path = Path(path)
    if not path.exists():
        raise UserError(
            f"There is no file or folder {path}. Give --data a folder of class folders, a table "
            "of paths and labels (.csv), or an .npz file."
        )
    if not (path.is_dir() or is_npz(path) or path.suffix.lower() in TABLES):
        raise UserError(
            "Expected --data to be a folder of class folders, a table of paths and labels (.csv), "
            f"or an .npz file. Received: {path}, which is neither."
        )
    if path.is_dir():
        class_folders(path)


def is_npz(path) -> bool:
    """Whether a file is an archive of arrays, whatever its name."""
    return Path(path).is_file() and zipfile.is_zipfile(path)


def _attempted(files, read):
    """What `read` finds in each file, several at a time, and why where it finds nothing."""

    def attempt(file):
        try:
            return read(file), None
        except UnreadableError as error:
            return None, str(error)

    with warnings.catch_warnings():  # of Pillow's, about palettes, metadata and size; not by thread
        warnings.simplefilter("ignore")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(attempt, files))
    broken = {file: why for file, (_, why) in zip(files, results, strict=True) if why}
    return [found for found, _ in results], broken


def _all_read(files, read, check=None, names=None):
    """What `read` finds in each file, or a refusal that names all that are broken.

    Once one is broken, `check` reads the others to their end, so that all are named; `names` are
    what they are called, by default as `files`.
    """
    found, broken = _attempted(files, read)
    if not broken:
        return found
    if check:
        broken = _attempted(files, check)[1] | broken
    names = names or files
    reasons = _reasons(names, {names[files.index(file)]: why for file, why in broken.items()})
    if len(reasons) == 1:
        raise UserError(f"Cannot read the image {reasons[0]}. Repair it, or remove it.")
    raise UserError(
        f"Cannot read {len(reasons):,} of {len(files):,} images. Repair or remove them, or leave "
        "them out with --skip_broken:\n" + listed(reasons, "\n")
    )


def _reasons(files, broken):
    return [f"{file}: {broken[file]}" for file in files if file in broken]


def _common_size(sizes):
    """The size to read all pictures in; see `read_images`."""
    size, count = Counter(sizes).most_common(1)[0]
    if count >= NEARLY_ALL * len(sizes) and max(size) <= LARGEST:
        return size
    return (min(LARGEST, int(np.median([min(each) for each in sizes]))),) * 2


def _check_grey(files, headers):
    coloured = [pair for pair in zip(files, headers, strict=True) if not pair[1].grey]
    if coloured:
        rule = "PIL.Image.open(FILE).convert('L')"
        if any(header.range for _, header in coloured):  # of which Pillow drops a byte
            x = "recipes.images.data.pixels.deep_values(FILE)[0]"
            rule = f"PIL.Image.fromarray(np.uint16({x}[..., :3].mean(axis=-1)))"
        raise UserError(
            "Expected grey images, like those the model was trained on. Received in colour: "
            f"{listed([file for file, _ in coloured])}. Save {_them(coloured)} as grey: {rule}."
        )


def _them(names):
    return "it" if len(names) == 1 else "them"


def _counted(count):
    return f"{count:,} image{'s have' if count > 1 else ' has'}"


def _natural(path):
    """A key by which numbers in names are ordered by their value."""
    parts = [re.split(r"(\d+)", part) for part in path.parts]
    return [[(int(p), p) if p.isdecimal() else (0, p) for p in part] for part in parts], path


def _npz(path):
    advice = "Expected an .npz file, such as numpy.savez writes it"
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            single = file.read(6) == b"\x93NUMPY"
        reason = "it is a single array" if single else "it is damaged, or no such file"
        raise UserError(f"Cannot read {path}: {reason}. {advice}.")
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"Cannot read {path}: {error}. {advice}.") from error


def _array(path, file, name):
    try:
        return file[name]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = "it holds Python objects" if "pickle" in str(error) else error
        raise UserError(
            f"Cannot read the array {name} in {path}: {reason}. Write it anew as numbers or texts."
        ) from error


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
    if len(shape) == 4 and shape[1] in (1, 3):
        return f" Put its channels last: {name}.transpose(0, 2, 3, 1)."
    if len(shape) == 4 and shape[2] in (1, 3):
        return f" Put the images first: {name}.transpose(3, 0, 1, 2)."
    if len(shape) == 4 and shape[-1] == 4:
        return f" Leave the opacity out: {name}[..., :3]."
    if len(shape) == 4 and shape[-1] == 2:
        return f" Leave the opacity out: {name}[..., 0]."
    side = round(shape[-1] ** 0.5)
    if len(shape) == 2 and side**2 == shape[1]:
        return f" If they are square, reshape them: {name}.reshape(-1, {side}, {side})."
    if len(shape) == 2:
        return f" Give each its height and width: {name}.reshape(-1, height, width)."
    return ""


def _number_last(pictures, labels, name):
    """Advice where the last axis of an array is that of the pictures."""
    if pictures.ndim == 3 and pictures.shape[-1] == len(labels):
        return f" If its last axis counts the images, put it first: {name}.transpose(2, 0, 1)."
    return ""


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
    labels = np.char.decode(labels, "utf-8") if labels.dtype.kind == "S" else labels
    if labels.dtype.kind == "U" and not np.char.strip(labels).all():
        raise UserError(
            f"Expected a label for each image as {name} in {path}. Received: empty texts at "
            f"{listed(np.flatnonzero(np.char.strip(labels) == ''))}. Leave these images out, or "
            "name their class."
        )
    return labels


def _header(path, name):
    """The shape of an array in an .npz file, without reading it."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            version = np.lib.format.read_magic(file)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape = read(file)[0]
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"Cannot read the array {name} in {path}: {error}.") from error
    return shape or (0,)
