"""Files with labels: a folder a class, a tree that is split already, or a table of paths."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from recipes.data.files import open_table
from recipes.data.images.depth import listed
from recipes.errors import UserError, some

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


#: What columns of labels hold.
NO_OR_YES = {"0": 0, "1": 1, "false": 0, "true": 1}


@dataclass(frozen=True)
class LabelledFiles:
    """Files, the folder that their names are told from, and their labels, as of `Pictures`.

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
        return replace(self, files=files, labels=self.labels[good], given=given)


def labelled_files(path, target=(), label_delim="none") -> LabelledFiles:
    """The files of a folder of class folders, of a split tree of these, or of a table.

    `target` and `label_delim` are flags about a table, see `ImagesConfig`. A `UserError` if there
    are no two classes, or files that do not exist.
    """
    path = Path(path)
    if path.is_file():
        return _of_table(path, target, label_delim)
    folders = class_folders(path)
    if not is_split(folders):
        return _of_folders(path, {None: folders})
    return _of_folders(path, {PARTS[each.name.lower()]: class_folders(each) for each in folders})


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
        plain = unicodedata.normalize("NFKC", folder.name).casefold().split()
        alike.setdefault("".join(plain), []).append(folder.name)
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
    names = listed([p.relative_to(path) for p in strange])
    notes = (f"no images in class folders, and left out: {names}",) * bool(strange)
    part_of = None if None in parts else np.array(given)
    return LabelledFiles(path, files, np.array(labels), tuple(classes), part_of, notes)


def files_of_table(path: Path, table=None) -> list[Path]:
    """The files that a table names, relative to where it lies; a `UserError` if one is not."""
    names = _column(table or open_table(path), "file")
    windows = not names.str.contains("/").any()  # where a path has no other sign
    files = [path.parent / (name.replace("\\", "/") if windows else name) for name in names]
    if missing := [str(file) for file in files if not file.is_file()]:
        raise UserError(
            f"{path} names {len(missing):,} of {len(files):,} files that do not exist: "
            f"{listed(missing)}. Correct the paths, which are read from {path.parent}, or leave "
            "the rows out."
        )
    return files


def _column(table, kind, found=(), filled=True):
    """The one column of a kind, without spaces around its texts; `None` for no parts."""
    names = COLUMNS[kind]
    found = found or [name for name in table.names if name.strip().lower() in names]
    if kind == "part" and not found:
        return None
    if len(found) != 1:
        raise UserError(
            f"Expected {table.source} to have one column of the {kind}s, named "
            f"{' or '.join(names)} (`zoo train images --target` names that of labels). Received: "
            f"{', '.join(table.names)}."
        )
    values = table.texts(found[0])
    empty = np.flatnonzero(values.isna())
    if filled and len(empty):
        several = " (`zoo train images --label_delim` reads it as no label)" * (kind == "label")
        raise UserError(
            f"Expected a {kind} in every row of {table.source}. Received: none in "
            f"row{'s' * (len(empty) > 1)} {listed(empty + 1)}{several}. Fill them "
            "in, or leave the rows out."
        )
    return values.fillna("").str.strip()


def _of_table(path, target, label_delim):
    """The files of a table with their labels."""
    table = open_table(path)
    parts, files = _column(table, "part"), files_of_table(path, table)
    labels, classes, notes = _labels(table, target, label_delim)
    if parts is not None:
        told, parts = sorted(set(parts)), parts.str.lower().map(PARTS)
        if parts.isna().any() or "train" not in {*parts}:
            raise UserError(
                f"Expected the parts of {path} to be train, validation and test. Received: "
                f"{', '.join(told)}."
            )
        parts = parts.to_numpy(str)
    return LabelledFiles(path.parent, files, labels, tuple(classes), parts, notes)


def _labels(table, target, label_delim):
    """Labels as of `Pictures`, the names of their classes, and notes."""
    how = ""
    for name in target:
        table.require(name, "--target")
    if len(target) > 1:
        found = pd.DataFrame({n: table.labels(n).str.lower().map(NO_OR_YES) for n in target})
        wrong = found.columns[found.isna().any()]
        if len(wrong):
            raise UserError(
                f"Expected 0 or 1 in all rows of {table.source} in the columns of --target, which "
                f"are several labels an image. Received other values in {some(wrong)}."
            )
    else:
        sign = {"none": "", "space": " "}.get(label_delim, label_delim)
        texts = _column(table, "label", target, filled=not sign)
        sign = _delimiter({*texts}, table.source) if sign is None else sign
        if not sign:
            classes, labels = np.unique(texts.to_numpy(str), return_inverse=True)
            return labels, classes.tolist(), ()
        found = texts.str.replace(rf"\s*{re.escape(sign)}\s*", sign, regex=True)
        found, how = found.str.get_dummies(sign), f", with {sign!r} between them (--label_delim)"
    count = found.sum(axis=1)
    if count.max() < 2:
        raise UserError(
            f"No row of {table.source} has two of the labels {some(found)}: these are classes. Put "
            "their names (and one for none) into one column, and leave --label_delim out."
        )
    note = f"{count.mean():.3g} labels an image, none for {(count == 0).sum():,}{how}"
    return found.to_numpy(bool), list(found), (note,)


def _delimiter(texts, source):
    """The sign between several labels, empty if there is none; a `UserError` where one may be."""
    for sign in ";|, ":
        parts = {part.strip() for text in texts for part in text.split(sign)} - {""}
        if parts < texts or (sign in ";|" and parts != texts):
            return sign
        if len(parts) < len(texts):
            raise UserError(
                f"{len(texts)} labels in {source} are made of {len(parts)} parts, with {sign!r} "
                f"between them. Are they several an image? Say --label_delim "
                f"{'space' if sign == ' ' else sign}, or --label_delim none if they are classes."
            )
    return ""


def _inside(folder):
    found = [p for p in folder.iterdir() if not p.name.startswith((".", "__MACOSX"))]
    return sorted(found, key=lambda p: p.name)
