"""Notes as ids."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from zoo.layers import NoteTokenizer

NOTES = st.sampled_from([0, *range(36, 82)])


@given(arrays.arrays(np.uint8, st.tuples(st.integers(0, 9), st.just(4)), elements=NOTES))
def test_decode_undoes_encode(chords):
    tokens = NoteTokenizer()
    ids = tokens.encode(chords)
    assert ids.dtype == np.int32
    assert ids.shape == (chords.size,)
    np.testing.assert_array_equal(tokens.decode(ids), chords)


@given(st.lists(st.integers(0, 46), max_size=9).map(lambda ids: ids * 4))
def test_encode_undoes_decode(ids):
    tokens = NoteTokenizer()
    np.testing.assert_array_equal(tokens.encode(tokens.decode(ids)), ids)


def test_ids_are_those_of_the_book():
    """Silence is 0, and a note is its MIDI number less 35."""
    notes = np.arange(36, 82)
    np.testing.assert_array_equal(NoteTokenizer(voices=1).encode(notes[:, None]), notes - 35)
    assert NoteTokenizer().vocabulary_size == 47


def test_the_vocabulary_travels_with_the_model(tmp_path):
    inputs = keras.Input((None,), dtype="int32")
    layer = NoteTokenizer(voices=2, lowest=48, highest=60, name="tokens")
    keras.Model(inputs, layer(inputs)).save(tmp_path / "m.keras")
    model = keras.models.load_model(tmp_path / "m.keras")
    again = model.get_layer("tokens")
    assert again.get_config() == layer.get_config()
    ids = np.array([[1, 0, 13, 2]], np.int32)
    np.testing.assert_array_equal(model(ids), ids)
    np.testing.assert_array_equal(again.decode(ids[0]), [[48, 0], [60, 49]])


@pytest.mark.parametrize(
    ("chords", "message"),
    [
        ([[60, 59, 58]], r"chords \(n, 4\).*\(1, 3\)"),
        ([60, 59, 58, 57], r"chords \(n, 4\)"),
        ([[60, 59, 58, 35]], r"from 36 to 81.*\[35\]"),
        ([[82, 59, 58, 36]], r"\[82\]"),
        ([[60.5, 59, 58, 36]], r"\[60.5\]"),
        ([[-1, 59, 58, 36]], r"\[-1\]"),
    ],
)
def test_chords_that_cannot_be_encoded(chords, message):
    with pytest.raises(ValueError, match=message):
        NoteTokenizer().encode(chords)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, 2, 3], r"complete chords, 4 each\. Received: 3 ids"),
        ([[1, 2, 3, 4]], r"one dimension. Received: ids of shape \(1, 4\)"),
        ([1, 2, 3, 47], r"ids in \[0, 47\)\. Received: 47"),
        ([-1, 2, 3, 4], "Received: -1"),
    ],
)
def test_ids_that_cannot_be_decoded(ids, message):
    with pytest.raises(ValueError, match=message):
        NoteTokenizer().decode(ids)


@pytest.mark.parametrize(
    "arguments", [{"voices": 0}, {"lowest": 0}, {"highest": 128}, {"lowest": 60, "highest": 59}]
)
def test_wrong_arguments(arguments):
    with pytest.raises(ValueError, match="Expected"):
        NoteTokenizer(**arguments)
