"""Writes a piece as sound, MIDI, a picture or a table."""

from pathlib import Path

from recipes.data.writing import replacing, write_csv
from recipes.errors import UserError
from recipes.language_model.data.chorales import COLUMNS
from recipes.language_model.music import TEMPO


def write_music(path, chords, opening=0, tempo=TEMPO, title="") -> None:
    """Writes a piece in the form that the file's name asks for; a file is written whole or not.

    That is `.wav`, `.mid`, `.png` (a piano roll, in which an opening of so many chords is marked)
    or `.csv` (which can be read as an opening); without a path, it is a table on standard output.
    """
    check_ending(path)
    ending = ".csv" if path is None else Path(path).suffix.lower()
    if ending == ".csv":
        write_csv(path, COLUMNS, [[int(note) for note in chord] for chord in chords])
        return
    with replacing(path) as partial:
        # Each form has a library of its own, which is loaded only where it is asked for.
        if ending == ".wav":
            from recipes.language_model.audio import synthesize, write_wav

            write_wav(partial, synthesize(chords, tempo))
        elif ending == ".mid":
            from recipes.language_model.audio import to_midi

            to_midi(chords, tempo).write(str(partial))
        else:
            from recipes.language_model.piano_roll import piano_roll

            piano_roll({title: chords}, opening).savefig(partial, dpi=110, format="png")


def check_ending(path) -> None:
    """Raises a `UserError` if music cannot be written to a file of this name.

    >>> check_ending("air.wav")
    >>> check_ending("air.mp3")
    Traceback (most recent call last):
    recipes.errors.UserError: Expected -o to end in .csv, .mid, .png or .wav. Received: air.mp3
    """
    if path is not None and Path(path).suffix.lower() not in (".csv", ".mid", ".png", ".wav"):
        raise UserError(f"Expected -o to end in .csv, .mid, .png or .wav. Received: {path}")
