"""Chords as MIDI, one track a voice."""

import numpy as np
import pretty_midi

from recipes.language_model.music import CHORDS_PER_BEAT, TEMPO, held_notes

#: Names of the tracks of four voices; of other numbers of voices they are numbered.
VOICES = ("Soprano", "Alto", "Tenor", "Bass")
#: Ticks of a beat.
TICKS = 480
#: A church organ in the list of General MIDI instruments, counted from 0.
ORGAN = 19
_VELOCITY = 80


def to_midi(chords, tempo=TEMPO):
    """Turns a piece (see `audio.synthesize`) into MIDI; a note that a voice keeps is held.

    Returns:
        A `pretty_midi.PrettyMIDI` with an instrument for each voice: it writes itself to a file
        (`write`), and plays itself with a sound font (`fluidsynth`, where that is installed).

    Raises:
        ValueError: If the tempo is not above 0.

    >>> music = to_midi([[69, 57]] * 8, tempo=60)
    >>> [voice.name for voice in music.instruments], music.get_end_time()  # seconds
    (['Voice 1', 'Voice 2'], 2.0)
    """
    if not tempo > 0:
        raise ValueError(f"Expected a tempo above 0. Received: tempo={tempo!r}")
    music = pretty_midi.PrettyMIDI(resolution=TICKS, initial_tempo=tempo)
    voices = np.shape(chords)[1] if len(chords) else 0
    names = VOICES if voices == len(VOICES) else [f"Voice {v + 1}" for v in range(voices)]
    music.instruments = [pretty_midi.Instrument(ORGAN, name=name) for name in names]
    step = 60 / tempo / CHORDS_PER_BEAT
    for voice, note, start, length in held_notes(chords):
        times = start * step, (start + length) * step
        music.instruments[voice].notes.append(pretty_midi.Note(_VELOCITY, note, *times))
    return music
