"""Chords as sound, MIDI, pictures and tables; what is held, and what is copied."""

import io
import itertools
import wave

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from recipes.errors import UserError
from recipes.language_model.audio import PEAK, SAMPLE_RATE, TICKS, synthesize, to_midi, write_wav
from recipes.language_model.data.chorales import read_chords
from recipes.language_model.music import Copies, held_notes, transpose
from recipes.language_model.music_files import write_music
from recipes.language_model.piano_roll import piano_roll

PIECE = np.array([[72, 67, 64, 48], [72, 67, 64, 0], [74, 67, 65, 0], [74, 0, 65, 50]])
NOTES = st.sampled_from([0, 48, 50, 60, 61])
PIECES = arrays.arrays(np.uint8, st.tuples(st.integers(0, 12), st.just(4)), elements=NOTES)


def loudest(sound):
    """The frequency, in Hz, at which a sound is loudest."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 8 * len(sound)))
    return spectrum.argmax() * SAMPLE_RATE / (8 * len(sound))


@given(PIECES)
def test_held_notes_cover_what_sounds_and_nothing_else(chords):
    again = np.zeros_like(chords)
    for voice, note, start, length in held_notes(chords):
        assert length > 0
        assert not again[start : start + length, voice].any()
        again[start : start + length, voice] = note
        if start:
            assert chords[start - 1, voice] != note
    np.testing.assert_array_equal(again, chords)


@given(PIECES, st.integers(-12, 12))
def test_transposing_there_and_back_keeps_silence(chords, semitones):
    moved = transpose(chords, semitones)
    np.testing.assert_array_equal(moved == 0, chords == 0)
    np.testing.assert_array_equal(transpose(moved, -semitones), chords)
    assert set((moved.astype(int) - chords)[chords > 0].tolist()) <= {semitones}


@given(PIECES, st.lists(PIECES, max_size=3), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_longest_copy_is_the_one_that_a_search_of_all_runs_finds(chords, pieces, transposed):
    def keys(run):
        shifts = range(-13, 14) if transposed else (0,)
        return {tuple(transpose(run, by).ravel().tolist()) for by in shifts}

    expected = 0
    for start in range(len(chords)):
        for end in range(start + 1, len(chords) + 1):
            run = chords[start:end]
            size = len(run)
            places = [(p, i) for p in pieces for i in range(len(p) - size + 1)]
            if any(tuple(p[i : i + size].ravel().tolist()) in keys(run) for p, i in places):
                expected = max(expected, size)
    assert Copies(pieces).longest(chords, transposed) == expected


def test_no_copy_runs_from_one_piece_into_the_next():
    assert Copies([PIECE[:2], PIECE[2:]]).longest(PIECE) == 2
    assert Copies([PIECE]).longest(PIECE) == 4


@pytest.mark.parametrize(
    ("note", "hertz"), [(36, 65.406), (48, 130.813), (60, 261.626), (69, 440.0), (81, 880.0)]
)
def test_the_fundamental_is_what_sounds_loudest(note, hertz):
    sound = synthesize([[note]] * 16, tempo=120)  # two seconds
    assert loudest(sound) == pytest.approx(hertz, abs=0.3)


def test_notes_sound_when_they_are_written():
    sound = synthesize([[0]] * 4 + [[69]] * 4 + [[57]] * 4, tempo=60)
    assert len(sound) == 4 * SAMPLE_RATE  # with a second of silence
    assert not sound[:SAMPLE_RATE].any()
    assert loudest(sound[SAMPLE_RATE : 2 * SAMPLE_RATE]) == pytest.approx(440, abs=0.5)
    assert loudest(sound[2 * SAMPLE_RATE : 3 * SAMPLE_RATE]) == pytest.approx(220, abs=0.5)
    assert not sound[3 * SAMPLE_RATE :].any()


def test_a_held_note_is_struck_once_and_dies_away():
    sound = np.abs(synthesize([[60]] * 16, tempo=60))  # four seconds
    quarters = [part.max() for part in np.array_split(sound[: 4 * SAMPLE_RATE], 16)]
    assert all(later < earlier for earlier, later in itertools.pairwise(quarters))


@given(PIECES)
@settings(max_examples=20, deadline=None)
def test_sound_is_never_clipped_and_starts_and_ends_at_rest(chords):
    sound = synthesize(chords, tempo=600)
    assert np.isfinite(sound).all()
    assert not sound[:1].any()
    assert not sound[-1:].any()
    assert np.abs(sound).max(initial=0) == pytest.approx(PEAK if chords.any() else 0)


def test_a_wav_file_reads_back(tmp_path):
    sound = synthesize(PIECE)
    write_wav(tmp_path / "a.wav", sound)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getparams()[:4] == (1, 2, SAMPLE_RATE, len(sound))
        values = np.frombuffer(file.readframes(len(sound)), "<i2")
    np.testing.assert_allclose(values / 32_767, sound, atol=0.51 / 32_767)


@pytest.mark.parametrize("tempo", [0, -1, float("nan")])
def test_no_tempo(tempo):
    with pytest.raises(ValueError, match="tempo above 0"):
        synthesize(PIECE, tempo)


@given(PIECES.filter(len), st.sampled_from([37, 80, 120.5]))
@settings(max_examples=40, deadline=None)
def test_midi_sounds_like_the_chords(chords, tempo):
    file = io.BytesIO()
    to_midi(chords, tempo).write(file)
    file.seek(0)
    heard = np.zeros_like(chords)
    for voice, track in enumerate(mido.MidiFile(file=file).tracks[1:]):
        at, since = 0, {}
        for message in track:
            at += message.time
            if message.type == "note_on" and message.velocity:
                since[message.note] = at
            elif message.type == "note_on":
                start, rest = divmod(since.pop(message.note), TICKS // 4)
                assert rest == at % (TICKS // 4) == 0
                assert not heard[start : at // (TICKS // 4), voice].any()
                heard[start : at // (TICKS // 4), voice] = message.note
        assert not since
    np.testing.assert_array_equal(heard, chords)


def test_a_midi_file_reads_back(tmp_path):
    to_midi(PIECE, tempo=90).write(str(tmp_path / "a.mid"))
    file = mido.MidiFile(tmp_path / "a.mid")
    assert [track.name for track in file.tracks[1:]] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert file.length == pytest.approx(60 / 90, abs=0.002)
    starts = [message for message in file if message.type == "note_on" and message.velocity]
    assert len(starts) == len(held_notes(PIECE)) == 7
    assert {message.channel for message in starts} == {0, 1, 2, 3}


def test_a_piano_roll_has_a_bar_for_each_note():
    figure = piano_roll({"opening": PIECE, "all": np.tile(PIECE, (2, 1))}, opening=4)
    first, second = figure.axes
    bars = {(bar.get_x(), bar.get_width(), bar.get_y() + 0.45) for bar in first.patches}
    assert bars == {(n.start / 4, n.length / 4, n.note) for n in held_notes(PIECE)}
    assert len(second.patches) > len(first.patches)
    assert first.get_title(loc="left") == "opening"
    assert first.get_xlim() == (0, 2)
    low, high = first.get_ylim()
    assert low < 48 and high > 74  # noqa: PT018


def test_a_silent_piano_roll(tmp_path):
    piano_roll({"rest": np.zeros((4, 4), int)}).savefig(tmp_path / "a.png")


def test_a_table_reads_back_as_an_opening(tmp_path, capsys):
    write_music(tmp_path / "a.csv", PIECE)
    np.testing.assert_array_equal(read_chords(tmp_path / "a.csv"), PIECE)
    write_music(None, PIECE)
    assert capsys.readouterr().out == (tmp_path / "a.csv").read_text()


@pytest.mark.parametrize(
    ("name", "start"), [("a.wav", b"RIFF"), ("a.MID", b"MThd"), ("a.png", b"\x89PNG")]
)
def test_the_ending_of_the_name_chooses_the_form(tmp_path, name, start):
    write_music(tmp_path / name, PIECE, opening=2, tempo=100, title="A")
    assert (tmp_path / name).read_bytes().startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_other_endings_and_folders_that_are_not_there(tmp_path):
    with pytest.raises(UserError, match=r"\.csv, \.mid, \.png or \.wav. Received: .*a\.mp3"):
        write_music(tmp_path / "a.mp3", PIECE)
    with pytest.raises(UserError, match=r"Cannot write .*nowhere/a\.wav: No such file"):
        write_music(tmp_path / "nowhere" / "a.wav", PIECE)
    assert not list(tmp_path.iterdir())
