"""Files with labels: a folder a class, a tree that is split already, or a table of paths."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recipes.data.files import open_table
from recipes.data.images.depth import listed
from recipes.errors import UserError

SUFFIXES = (
    ".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
TABLES = (".csv", ".tsv")
#: Names of folders, or of parts in a table, that say that pictures are split already.
PARTS = {
    "train": "train", "training": "train", "test": "test", "testing": "test", "val": "validation",
    "valid": "validation", "validation": "validation", "dev": "validation",
}  # fmt: skip
#: Columns of a table, by what they hold.
COLUMNS = {
    "file": ("file", "path", "filename", "filepath", "file_name", "image", "image_path", "img"),
    "label": ("label", "class", "category", "target", "species"),
    "part": ("part", "split", "subset", "set"),
}


@dataclass(frozen=True)
class LabelledFiles:
    """Files, the folder that their names are told from, and their classes by number.

    Where somebody has split them, `given` is the part of each. The notes say what was left out.
    """

    base: Path
    files: Sequence[Path]
    labels: np.ndarray
    classes: tuple[str, ...]
    given: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def kept(self, good) -> "LabelledFiles":
        """Those of which an array of booleans says so."""
        files = [file for file, keep in zip(self.files, good, strict=True) if keep]
        given = None if self.given is None else self.given[good]
        return LabelledFiles(self.base, files, self.labels[good], self.classes, given, self.notes)


def labelled_files(path) -> LabelledFiles:
    """The files of a folder of class folders, of a split tree of these, or of a table.

    A `UserError` if there are no two classes, or files that do not exist.
    """
    path = Path(path)
    if path.is_file():
        return _of_table(path)
    folders = class_folders(path)
    if not is_split(folders):
        return _of_folders(path, {None: folders})
    parts = {PARTS[folder.name.lower()]: class_folders(folder) for folder in folders}
    names = {part: {folder.name for folder in each} for part, each in parts.items()}
    for part, found in names.items():
        if found - names["train"]:
            raise UserError(
                f"The class {min(found - names['train'])!r} is in the part {part} of {path}, but "
                "not in train: a model cannot learn it. Move some of its images there."
            )
    return _of_folders(path, parts)


def class_folders(path) -> list[Path]:
    """The folders in a folder, one a class or one a part.

    A `UserError` if there are no two, or two that differ in case or spaces only.
    """
    folders = [p for p in _inside(path) if p.is_dir()]
    if not folders:
        raise UserError(
            f"Expected {path} to hold one folder of images for each class, such as {path}/cat and "
            f"{path}/dog. Received: no folders."
        )
    if len(folders) == 1:
        raise UserError(
            f"{path} holds one class only, {folders[0].name}. A classifier needs two or more "
            "class folders."
        )
    alike: dict[str, list[str]] = {}
    for folder in folders:
        alike.setdefault(_plain(folder.name), []).append(folder.name)
    for names in alike.values():
        if len(names) > 1:
            raise UserError(
                f"The class folders {' and '.join(map(repr, names))} in {path} differ only in case "
                "or spaces. If they are one class, move all images into one of them and remove the "
                "others; else rename one."
            )
    if is_split(folders):
        parts = [PARTS[folder.name.lower()] for folder in folders]
        if "train" not in parts or len(set(parts)) < len(parts):
            raise UserError(
                f"Expected {path} to hold the folders train, validation and test, or one of the "
                f"latter. Received: {', '.join(folder.name for folder in folders)}."
            )
    return folders


def is_split(folders) -> bool:
    """Whether folders are named after parts, not after classes."""
    return all(folder.name.lower() in PARTS for folder in folders)


def walk(folder):
    """All files below a folder that are not hidden."""
    for path in _inside(folder):
        if path.is_dir():
            yield from walk(path)
        else:
            yield path


def _of_folders(path, parts):
    """Files of class folders, by the part that these lie in."""
    classes = sorted({folder.name for folders in parts.values() for folder in folders})
    files, labels, given = [], [], []
    strange = [p for p in _inside(path) if p.is_file()]
    for part, folders in parts.items():
        for folder in folders:
            found = [p for p in walk(folder) if p.suffix.lower() in SUFFIXES]
            strange += [p for p in walk(folder) if p.suffix.lower() not in SUFFIXES]
            if not found:
                raise UserError(
                    f"The class folder {folder} holds no images ({', '.join(SUFFIXES)}). Put some "
                    "in, or remove the folder."
                )
            files += found
            labels += [classes.index(folder.name)] * len(found)
            given += [part] * len(found)
    notes = ()
    if strange:
        names = ", ".join(str(p.relative_to(path)) for p in strange[:3])
        more = f" and {len(strange) - 3:,} more" if len(strange) > 3 else ""
        notes = (f"no images in class folders, and left out: {names}{more}",)
    part_of = None if None in parts else np.array(given)
    return LabelledFiles(path, files, np.array(labels), tuple(classes), part_of, notes)


def files_of_table(path: Path, kinds=("file",)) -> tuple[list[Path], dict]:
    """The files that a table names, relative to where it lies, and its columns of some kinds.

    A `UserError` if a column that must be there or a file is not.
    """
    table = open_table(path)
    columns = {}
    for kind in kinds:
        names = COLUMNS[kind]
        found = [name for name in table.names if name.strip().lower() in names]
        if len(found) == 1:
            columns[kind] = table.texts(found[0])
        elif found or kind != "part":
            raise UserError(
                f"Expected {path} to have one column of the {kind}s, named {' or '.join(names)}. "
                f"Received: {', '.join(table.names)}."
            )
    for kind, values in columns.items():
        empty = np.flatnonzero(values.isna())
        if len(empty):
            raise UserError(
                f"Expected a {kind} in every row of {path}. Received: none in "
                f"row{'s' * (len(empty) > 1)} {listed(empty + 1)}. Fill them in, or leave the rows "
                "out."
            )
    files = [path.parent / name.strip() for name in columns["file"]]
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise UserError(
            f"{path} names {len(missing):,} of {len(files):,} files that do not exist: "
            f"{listed(missing)}. Correct the paths, which are read from {path.parent}, or leave "
            "the rows out."
        )
    return files, columns


def _of_table(path):
    """The files of a table with their labels."""
    files, columns = files_of_table(path, COLUMNS)
    names = columns["label"].str.strip()
    classes, labels = np.unique(names.to_numpy(str), return_inverse=True)
    given = None
    if "part" in columns:
        parts = columns["part"].str.strip().str.lower()
        unknown = sorted(set(parts) - {*PARTS})
        if unknown or "train" not in set(parts.map(PARTS)):
            raise UserError(
                f"Expected the parts of {path} to be train, validation and test. Received: "
                f"{', '.join(unknown or sorted(set(parts)))}."
            )
        given = parts.map(PARTS).to_numpy(str)
    return LabelledFiles(path.parent, files, labels, tuple(classes.tolist()), given)


def _plain(name):
    """A name without what eyes pass over."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _inside(folder):
    found = [p for p in folder.iterdir() if not p.name.startswith((".", "__MACOSX"))]
    return sorted(found, key=lambda p: p.name)
