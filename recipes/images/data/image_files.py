"""Pictures out of a user's own files: a folder of class folders, or NumPy arrays."""

import warnings
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from recipes.errors import UserError
from recipes.images.data.pictures import Pictures, check_memory, numbered

SUFFIXES = (
    ".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
#: Pillow's names of the kinds of pictures that hold no colour.
GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")
#: Folders that say that pictures are split already.
SPLITS = ("train", "training", "test", "testing", "val", "valid", "validation")


def read_folder(path, image_size=()) -> Pictures:
    """Reads a folder that holds one folder of pictures for each class.

    Grey pictures stay grey if all are; a single coloured one makes all of them coloured.

    Args:
        path: The folder. Hidden files and folders in it are passed over.
        image_size: Height and width to resize all to. Defaults to the one size that they have.

    Returns:
        The `Pictures`; classes are in the order of their names.

    Raises:
        UserError: If there are no two classes, the sizes differ, or a picture is broken.
    """
    path = Path(path)
    classes = _class_folders(path)
    files, labels = [], []
    strange = [p for p in _inside(path) if p.is_file()]
    for number, folder in enumerate(classes):
        found = [p for p in _walk(folder) if p.suffix.lower() in SUFFIXES]
        strange += [p for p in _walk(folder) if p.suffix.lower() not in SUFFIXES]
        if not found:
            raise UserError(
                f"The class folder {folder} holds no images ({', '.join(SUFFIXES)}). Put some in, "
                "or remove the folder."
            )
        files += found
        labels += [number] * len(found)
    images = read_images(files, image_size)
    return Pictures(
        images,
        np.array(labels, np.int64),
        tuple(folder.name for folder in classes),
        np.array([str(file.relative_to(path)) for file in files]),
        _strange_note(strange, path),
    )


def image_files(path) -> list[Path]:
    """All pictures below a folder, in the order of their names; for a file, itself.

    Raises:
        UserError: If there are none.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    found = [p for p in _walk(path) if p.suffix.lower() in SUFFIXES]
    if not found:
        raise UserError(f"There are no images in {path} ({', '.join(SUFFIXES)}).")
    return found


def read_images(files, image_size=(), shape=None) -> np.ndarray:
    """Reads pictures of one size.

    Args:
        files: Their paths.
        image_size: Height and width to resize all to; empty for none.
        shape: What a trained model expects of one picture; by default the size of the first one,
            and colour if any of them has colour.

    Returns:
        uint8 array `(n, height, width)` for grey pictures, `(n, height, width, 3)` for coloured.

    Raises:
        UserError: If a picture is broken, or has another size or too many colours.
    """
    kinds = [_opened(file, lambda image: (_size(image), image.mode in GREY)) for file in files]
    size = tuple(image_size) or (kinds[0][0] if shape is None else tuple(shape[:2]))
    grey = all(grey for _, grey in kinds) if shape is None else len(shape) == 2
    for file, (its_size, its_grey) in zip(files, kinds, strict=True):
        if its_size != size and not image_size:
            _refuse_size(file, its_size, size, files[0] if shape is None else None)
        if grey and not its_grey:
            raise UserError(
                f"Expected grey images, like those the model was trained on. Received: {file} in "
                "colour. Convert it to grey."
            )
    full = size if grey else (*size, 3)
    check_memory(Path(files[0]).parent, len(files), full)
    images = np.empty((len(files), *full), np.uint8)
    for index, file in enumerate(files):
        images[index] = _opened(file, lambda image: _pixels(image, grey, size))
    return images


def read_arrays(path) -> tuple[Pictures, Pictures | None]:
    """Reads pictures and labels from an .npz file.

    Args:
        path: A file with the arrays `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`.

    Returns:
        All pictures and `None`, or those of the training and of the test part.

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
        images, notes = zip(*[_read_x(path, file, x) for x, _ in parts], strict=True)
        raw = [_read_y(path, file, y) for _, y in parts]
    for (x, y), pictures, labels in zip(parts, images, raw, strict=True):
        if len(pictures) != len(labels):
            raise UserError(
                f"Expected a label for every image in {path}. Received: {len(pictures):,} images "
                f"in {x} and {len(labels):,} labels in {y}."
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
        numbered(pictures, np.searchsorted(values, labels), map(str, values), notes[0])
        for pictures, labels in zip(images, raw, strict=True)
    ]
    return found[0], found[1] if len(found) > 1 else None


def read_unlabelled(path, shape) -> tuple[np.ndarray, np.ndarray | None]:
    """Reads the pictures of an .npz file to predict from.

    Args:
        path: A file with an array `x` (or `x_test`), and perhaps labels `y` (or `y_test`).
        shape: What the model expects of one picture.

    Returns:
        The pictures, and the labels as texts or `None`.

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
        images, _ = _read_x(path, file, x)
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
    return images, labels


def is_npz(path) -> bool:
    """Whether a file is an archive of arrays, whatever its name."""
    return Path(path).is_file() and zipfile.is_zipfile(path)


def _refuse_size(file, received, expected, first):
    """One of two: pictures differ among themselves, or from those of a trained model."""
    if first is None:
        raise UserError(
            f"Expected images of {_by(expected)} pixels (height x width), like those the model was "
            f"trained on. Received: {file} of {_by(received)}. Resize it."
        )
    raise UserError(
        f"The images differ in size: {first} has {_by(expected)} pixels (height x width), {file} "
        f"has {_by(received)}. --image_size {expected[0]},{expected[1]} resizes all."
    )


def _class_folders(path):
    folders = [p for p in _inside(path) if p.is_dir()]
    if not folders:
        raise UserError(
            f"Expected {path} to hold one folder of images for each class, such as {path}/cat and "
            f"{path}/dog. Received: no folders."
        )
    if all(folder.name.lower() in SPLITS for folder in folders):
        raise UserError(
            f"{path} is split already ({', '.join(p.name for p in folders)}): give --data one "
            f"folder of class folders, such as {folders[0]}. A run makes its own split."
        )
    if len(folders) == 1:
        raise UserError(
            f"{path} holds one class only, {folders[0].name}. A classifier needs two or more "
            "class folders."
        )
    return folders


def _inside(folder):
    found = [p for p in folder.iterdir() if not p.name.startswith((".", "__MACOSX"))]
    return sorted(found, key=lambda p: p.name)


def _walk(folder):
    for path in _inside(folder):
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def _strange_note(strange, path):
    if not strange:
        return ()
    names = ", ".join(str(p.relative_to(path)) for p in strange[:3])
    more = f" and {len(strange) - 3:,} more" if len(strange) > 3 else ""
    return (f"no images in class folders, and left out: {names}{more}",)


def _opened(file, read):
    """What `read(image)` finds in a picture file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about palettes and metadata that play no part
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as image:
                return read(image)
    except Exception as error:  # each decoder raises errors of its own
        raise UserError(
            f"Cannot read the image {file}: {error}. Repair it or remove it."
        ) from error


def _size(image):
    """Height and width, as the picture is to be seen."""
    width, height = image.size
    turned = image.getexif().get(0x0112, 1) >= 5  # the tag for the camera's orientation
    return (width, height) if turned else (height, width)


def _pixels(image, grey, size):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits a pixel, which `convert` would cut off
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype("u1"))
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers, expected whole ones")
    if "A" in image.mode.upper() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if grey else "RGB")
    height, width = size
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image)


def _by(size):
    return f"{size[0]} x {size[1]}"


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
    """Pictures as uint8, and notes."""
    count, *shape = _header(path, name)
    if len(shape) == 3 and shape[-1] == 1:
        shape = shape[:2]
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[-1] != 3) or not count:
        raise UserError(
            f"Expected images (n, height, width) or (n, height, width, 3) as {name} in {path}. "
            f"Received: an array of shape {(count, *shape)}. Reshape it."
        )
    check_memory(path, count, shape)
    array = _array(path, file, name).reshape(count, *shape)
    if array.dtype == np.uint8:
        return array, ()
    if array.dtype.kind not in "iufb":
        raise UserError(f"Expected numbers as {name} in {path}. Received: the type {array.dtype}.")
    low, high = array.min(), array.max()
    if array.dtype.kind == "f":
        if not (low >= 0 and high <= 1):  # so that NaN fails too
            raise UserError(
                f"Expected {name} in {path} to be whole numbers from 0 to 255, or fractions from 0 "
                f"to 1. Received: {array.dtype} from {low:g} to {high:g}. Undo the scaling: the "
                "model scales its input itself."
            )
        return np.round(array * 255).astype(np.uint8), ("pixels from 0 to 1 taken as 0 to 255",)
    if low < 0 or high > 255:
        raise UserError(
            f"Expected pixels from 0 to 255 as {name} in {path}. Received: {low} to {high}."
        )
    return array.astype(np.uint8), ()


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
    return labels.astype(str) if labels.dtype.kind == "S" else labels


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
