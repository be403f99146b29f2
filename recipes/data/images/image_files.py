"""Pictures out of a user's own files: folders, and tables of paths."""

import os
import re
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from recipes.data.images import labelled_files as listing
from recipes.data.images.arrays import is_npz
from recipes.data.images.depth import Depth, decide, listed
from recipes.data.images.pictures import Pictures, room
from recipes.data.images.pixels import UnreadableError, check_pixels, read_header, read_pixels
from recipes.data.stored import StoredArray
from recipes.errors import UserError

#: Pixels a side at most, unless `--image_size` says more.
LARGEST = 128
#: The fraction of pictures from which on one size is that of all.
NEARLY_ALL = 0.9


def read_folder(path, image_size=(), kept=None, fit="crop", skip_broken=False, **how) -> Pictures:
    """Reads a folder of class folders, or a table of paths; classes in the order of their names.

    Grey pictures stay grey if all are; a single coloured one makes all of them coloured. Hidden
    files and folders are passed over. A `UserError` if there are no two classes, or a picture is
    broken, unless `skip_broken` leaves it out.

    `image_size` is height and width to resize all to, `kept` the `Depth` of the run that reads its
    own data again; for `fit` see `read_pixels`, for the rest `labelled_files`.
    """
    found, notes = listing.labelled_files(path, **how), ()
    if skip_broken:
        good, notes = readable(found.files)
        found = found.kept(good)
    images, depth, more = read_images(found.files, image_size, kept=kept, fit=fit)
    return Pictures(
        images, found.labels, found.classes,
        np.array([os.path.relpath(file, found.base) for file in found.files]),
        (*found.notes, *notes, *more), depth, found.given,
    )  # fmt: skip


def image_files(path) -> list[Path]:
    """All pictures below a folder, in the order of their names; those of a table; or one file.

    Numbers in names go by their value: `2.png` comes before `10.png`. A `UserError` for none.
    """
    path = Path(path)
    if path.is_file():
        return listing.files_of_table(path) if path.suffix.lower() in listing.TABLES else [path]
    found = [p for p in listing.walk(path) if p.suffix.lower() in listing.SUFFIXES]
    if not found:
        raise UserError(f"There are no images in {path} ({', '.join(listing.SUFFIXES)}).")
    return sorted(found, key=_natural)


def read_images(
    files, image_size=(), shape=None, kept=None, fit="crop"
) -> tuple[np.ndarray | StoredArray, Depth, tuple[str, ...]]:
    """Reads pictures, all to one size, several at a time.

    The size is that of one picture of a trained model, `shape`, or `image_size`, or else the one
    that nine of ten have if no side of it is above 128 pixels, or else squares as high as the
    middle one of the shorter sides, 128 pixels at most. Grey pictures are `(n, height, width)`,
    coloured ones `(n, height, width, 3)`, uint8; `StoredArray` where that is too much for memory.

    The shape says the kind, too: by default pictures are in colour if any of them is. `kept` is the
    `Depth` of the run that is to predict; for `fit` see `read_pixels`.

    Returns the pictures, their `Depth`, and notes. A `UserError` if pictures are broken, have
    colours that the model does not know, or values of which nothing says what white is; it names
    the first ten, and their number.
    """
    headers = _all_read(files, read_header, check_pixels)
    sizes = [header.size for header in headers]
    size = tuple(shape[:2]) if shape else tuple(image_size) or _common_size(sizes)
    grey = all(header.grey for header in headers) if shape is None else len(shape) == 2
    if grey:
        _check_grey(files, headers)
    depth, notes = decide([header.range for header in headers if header.range], len(files), kept)
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
    return StoredArray(images) if isinstance(images, np.memmap) else images, depth, notes


def readable(files) -> tuple[np.ndarray, tuple[str, ...]]:
    """Which files hold pictures that can be read to their end, and a note of those that do not.

    A `UserError` if none does.
    """
    _, broken = _attempted(files, check_pixels)
    if len(broken) == len(files):
        raise UserError(f"None of {len(files):,} images can be read: {_reasons(files, broken)[0]}.")
    good = np.array([file not in broken for file in files])
    reasons = listed(_reasons(files, broken), "; ")
    notes = (f"{len(broken):,} of {len(files):,} images cannot be read, left out: {reasons}",)
    return good, notes if broken else ()


def check(path) -> None:
    """Raises a `UserError` for what is no folder of class folders, no table, and no arrays."""
    path = Path(path)
    kinds = "a folder of class folders, a table of paths and labels (.csv), or an .npz file"
    if not path.exists():
        raise UserError(f"There is no file or folder {path}. Give --data {kinds}.")
    if not (path.is_dir() or is_npz(path) or path.suffix.lower() in listing.TABLES):
        raise UserError(f"Expected --data to be {kinds}. Received: {path}, which is neither.")
    if path.is_dir():
        listing.class_folders(path)
    elif not is_npz(path):
        listing.files_of_table(path)


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
            x = "recipes.data.images.pixels.deep_values(FILE)[0]"
            rule = f"PIL.Image.fromarray(np.uint16({x}[..., :3].mean(axis=-1)))"
        them = "it" if len(coloured) == 1 else "them"
        raise UserError(
            "Expected grey images, like those the model was trained on. Received in colour: "
            f"{listed([file for file, _ in coloured])}. Save {them} as grey: {rule}."
        )


def _counted(count):
    return f"{count:,} image{'s have' if count > 1 else ' has'}"


def _natural(path):
    """A key by which numbers in names are ordered by their value."""
    parts = [re.split(r"(\d+)", part) for part in path.parts]
    return [[(int(p), p) if p.isdecimal() else (0, p) for p in part] for part in parts], path
