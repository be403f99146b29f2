"""Chords as MIDI, one track a voice, and as sound: sines and their overtones."""

import numpy as np
import pretty_midi
from scipy.io import wavfile

from recipes.language_model.music import CHORDS_PER_BEAT, TEMPO, held_notes

#: Names of the tracks of four voices; of other numbers of voices they are numbered.
VOICES = ("Soprano", "Alto", "Tenor", "Bass")
#: Ticks of a beat.
TICKS = 480
#: A church organ in the list of General MIDI instruments, counted from 0.
ORGAN = 19
_VELOCITY = 80
#: Samples a second.
SAMPLE_RATE = 44_100
#: Loudest sample, out of 1: nothing is ever clipped.
PEAK = 0.9
#: Loudness of the fundamental and its overtones.
OVERTONES = (1.0, 0.45, 0.3, 0.12, 0.08, 0.04)


def to_midi(chords, tempo=TEMPO):
    """Turns a piece (see `audio.synthesize`) into MIDI; a note that a voice keeps is held.

    A `ValueError` if the tempo is not above 0.

    Returns:
        A `pretty_midi.PrettyMIDI` with an instrument for each voice: it writes itself to a file
        (`write`), and plays itself with a sound font (`fluidsynth`, where that is installed).

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


def synthesize(chords, tempo=TEMPO) -> np.ndarray:
    """The sound of a piece, four chords a beat: MIDI notes `(chords, voices)`, 0 for silence.

    float32 samples, from -0.9 to 0.9, `SAMPLE_RATE` a second, with a second of silence at the end.
    The tempo is in beats a minute. A `ValueError` if the tempo is not above 0.

    >>> sound = synthesize([[69, 57]] * 4, tempo=60)
    >>> len(sound) / SAMPLE_RATE
    2.0
    """

    def organ(phase):
        return sum(part * np.sin(k * phase) for k, part in enumerate(OVERTONES, start=1))

    sound = to_midi(chords, tempo).synthesize(SAMPLE_RATE, organ, normalize=False)
    loudest = np.abs(sound).max(initial=0)  # 0 if nothing sounds
    return (sound * (PEAK / loudest if loudest else 1)).astype(np.float32)


def write_wav(path, sound) -> None:
    """Writes a sound, samples from -1 to 1, `SAMPLE_RATE` a second, as a mono `.wav` of 16 bits."""
    wavfile.write(path, SAMPLE_RATE, np.round(np.clip(sound, -1, 1) * 32_767).astype(np.int16))
