"""Bach chorales: 382 pieces for four voices, four chords a beat; and chords of your own.

A chord is four MIDI note numbers, soprano first: 36 (a low C) to 81 (an A above the treble), or 0
for silence. The split into training, validation and test pieces is the published one.

Reference: book, chapter 15, exercise 10; Boulanger-Lewandowski et al., 2012.
"""

import re
import tarfile

import numpy as np
import pandas as pd

from recipes.data.download import fetch, open_bytes
from recipes.data.files import open_table
from recipes.errors import UserError

COLUMNS = ("note0", "note1", "note2", "note3")
LOWEST, HIGHEST = 36, 81
#: Folder of each part in the archive.
_FOLDERS = {"train": "train", "validation": "valid", "test": "test"}


def chorales() -> dict[str, dict[str, np.ndarray]]:
    """The published chorales, see `fetch`: `{part: {name: chords}}`.

    The parts are `"train"` (229 pieces), `"validation"` (76) and `"test"` (77), by number; chords
    are uint8 arrays `(chords, 4)`.
    """
    found = {}
    with open_bytes(fetch("chorales")) as file, tarfile.open(fileobj=file) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".csv"):
                text = archive.extractfile(member)
                found[member.name] = np.loadtxt(text, np.uint8, delimiter=",", skiprows=1)
    pattern = re.compile(r"(\w+)/(chorale_\d+)\.csv$")
    places = {name: pattern.search(name).groups() for name in sorted(found)}
    return {
        part: {piece: found[name] for name, (inside, piece) in places.items() if inside == folder}
        for part, folder in _FOLDERS.items()
    }


def read_chords(path) -> np.ndarray:
    """Reads a piece of one's own, uint8 `(chords, 4)`, four chords a beat.

    A table, as `recipes.data.files.open_table` reads it, with the columns `note0` (soprano) to
    `note3` (bass), one row a chord. A `UserError` if the file is missing, empty or unreadable, has
    other columns, or holds anything but MIDI notes from 36 to 81 and 0 for silence.
    """
    table = open_table(path)
    names = table.names
    if sorted(names) != list(COLUMNS):
        raise UserError(
            f"Expected the columns {', '.join(COLUMNS)} (soprano to bass) in {path}. Received: "
            f"{', '.join(names)}."
        )
    frame = pd.DataFrame({name: table.labels(name) for name in COLUMNS})
    numbers = frame.apply(pd.to_numeric, errors="coerce")
    fits = numbers.isin([0, *range(LOWEST, HIGHEST + 1)]).to_numpy()
    if not fits.all():
        row, voice = np.argwhere(~fits)[0]
        cell = frame.iat[row, voice] or "nothing"
        raise UserError(
            f"Expected MIDI notes from {LOWEST} to {HIGHEST}, or 0 for silence, in {path}. "
            f"Received: {cell} in column {COLUMNS[voice]}, chord {row + 1}."
        )
    return numbers.to_numpy().astype(np.uint8)
