"""Bach chorales: reading them, and the recipe on them."""

import numpy as np
import pytest

from recipes.data.chorales import COLUMNS, HIGHEST, LOWEST, chorales, read_chords
from recipes.errors import UserError
from zoo.layers import NoteTokens

HEADER = ",".join(COLUMNS) + "\n"


def test_the_published_chorales(zoo_data):
    parts = chorales()
    assert {name: len(pieces) for name, pieces in parts.items()} == {
        "train": 229, "validation": 76, "test": 77,
    }  # fmt: skip
    assert sum(len(piece) for pieces in parts.values() for piece in pieces.values()) == 92_536
    names = [name for pieces in parts.values() for name in pieces]
    assert len(set(names)) == 382
    assert names == sorted(names)
    for pieces in parts.values():
        for piece in pieces.values():
            assert piece.shape[1] == 4
            assert ((piece == 0) | ((piece >= LOWEST) & (piece <= HIGHEST))).all()
    np.testing.assert_array_equal(parts["train"]["chorale_000"][0], [74, 70, 65, 58])
    # The windows of 33 chords, 16 apart, that the book trains on: 98 batches of 32.
    windows = sum((len(piece) - 33) // 16 + 1 for piece in parts["train"].values())
    assert -(-windows // 32) == 98


def test_the_range_is_that_of_the_tokens():
    tokens = NoteTokens()
    assert (tokens.lowest, tokens.highest, tokens.voices) == (LOWEST, HIGHEST, len(COLUMNS))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_chords_of_ones_own(tmp_path, separator):
    path = tmp_path / "mine.csv"
    text = HEADER + "72,67,64,48\n74,0,65.0,50\n"
    path.write_text(text.replace(",", separator))
    chords = read_chords(path)
    assert chords.dtype == np.uint8
    assert chords.tolist() == [[72, 67, 64, 48], [74, 0, 65, 50]]


def test_voices_are_told_by_their_names(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("note3,note2,note1,note0\n48,64,67,72\n")
    assert read_chords(path).tolist() == [[72, 67, 64, 48]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.csv, which is empty"),
        (HEADER, "Expected rows below the header"),
        ("a,b,c,d\n1,2,3,4\n", "columns note0, note1, note2, note3 .*Received: a, b, c, d"),
        ("note0,note1,note2\n60,60,60\n", "Received: note0, note1, note2"),
        ("i," + HEADER + "0,60,60,60,60\n", "Received: i, note0"),
        (HEADER + "60,60,60,48\n60,82,60,48\n", "36 to 81.*Received: 82 in column note1, chord 2"),
        (HEADER + "60,60,60,35\n", "Received: 35 in column note3, chord 1"),
        (HEADER + "60,60,60,-1\n", "Received: -1 in column note3"),
        (HEADER + "60,60,60.5,48\n", "Received: 60.5 in column note2"),
        (HEADER + "60,60,C4,48\n", "Received: C4 in column note2"),
        (HEADER + "60,60,,48\n", "Received: nan in column note2"),
        (HEADER + "60,60,60,48,1\n", "as many fields"),
    ],
)
def test_chords_that_cannot_be_read(tmp_path, text, message):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_chords(path)


def test_no_such_file(tmp_path):
    with pytest.raises(UserError, match="nothing of that name"):
        read_chords(tmp_path / "none.csv")
