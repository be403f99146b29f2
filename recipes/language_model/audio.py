"""Chords as sound: sines and their overtones, and `.wav` files."""

import numpy as np
from scipy.io import wavfile

from recipes.language_model.midi import to_midi
from recipes.language_model.music import TEMPO

#: Samples a second.
SAMPLE_RATE = 44_100
#: Loudest sample, out of 1: nothing is ever clipped.
PEAK = 0.9
#: Loudness of the fundamental and its overtones.
OVERTONES = (1.0, 0.45, 0.3, 0.12, 0.08, 0.04)


def synthesize(chords, tempo=TEMPO) -> np.ndarray:
    """The sound of a piece, four chords a beat: MIDI notes `(chords, voices)`, 0 for silence.

    float32 samples, from -0.9 to 0.9, `SAMPLE_RATE` a second, with a second of silence at the end.
    The tempo is in beats a minute.

    Raises:
        ValueError: If the tempo is not above 0.

    >>> sound = synthesize([[69, 57]] * 4, tempo=60)
    >>> len(sound) / SAMPLE_RATE
    2.0
    """
    sound = to_midi(chords, tempo).synthesize(SAMPLE_RATE, _organ, normalize=False)
    loudest = np.abs(sound).max(initial=0)  # 0 if nothing sounds
    return (sound * (PEAK / loudest if loudest else 1)).astype(np.float32)


def _organ(phase):
    """A tone at some phases of its fundamental."""
    return sum(part * np.sin(k * phase) for k, part in enumerate(OVERTONES, start=1))


def write_wav(path, sound) -> None:
    """Writes a sound, samples from -1 to 1, `SAMPLE_RATE` a second, as a mono `.wav` of 16 bits."""
    values = np.round(np.clip(sound, -1, 1) * 32_767).astype(np.int16)
    wavfile.write(path, SAMPLE_RATE, values)
