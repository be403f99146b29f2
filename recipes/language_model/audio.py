"""Plays chords: sound by adding up sines, and `.wav` files."""

import wave

import numpy as np

from recipes.language_model.music import CHORDS_PER_BEAT, TEMPO, held_notes

#: Samples a second.
SAMPLE_RATE = 44_100
#: Loudest sample, out of 1: nothing is ever clipped.
PEAK = 0.9
#: Loudness of the fundamental and its overtones.
OVERTONES = (1.0, 0.45, 0.3, 0.12, 0.08, 0.04)
#: Seconds in which a note swells, and in which it fades once it is no longer held.
ATTACK, RELEASE = 0.015, 0.25
#: Seconds after which a held note has fallen to 1/e; overtones fall sooner.
DECAY = 1.8


def frequency(note):
    """The frequency in Hz of a MIDI note, equally tempered, with the A above middle C at 440.

    >>> frequency(69), frequency(57), round(float(frequency(60)), 3)
    (440.0, 220.0, 261.626)
    """
    return 440.0 * 2.0 ** ((note - 69) / 12)


def synthesize(chords, tempo=TEMPO) -> np.ndarray:
    """The sound of a piece.

    Args:
        chords: MIDI notes `(chords, voices)`, 0 for silence, four chords a beat.
        tempo: Beats a minute. Defaults to 80.

    Returns:
        float32 array of samples, from -0.9 to 0.9, `SAMPLE_RATE` a second; the last notes fade
        after the last chord.

    Raises:
        ValueError: If the tempo is not above 0.

    Example:
        >>> from recipes.language_model.audio import SAMPLE_RATE, synthesize
        >>> sound = synthesize([[69, 57]] * 4, tempo=60)  # one second, and the release
        >>> len(sound) / SAMPLE_RATE
        1.25
    """
    if not tempo > 0:
        raise ValueError(f"Expected a tempo above 0. Received: tempo={tempo!r}")
    step = 60 / tempo / CHORDS_PER_BEAT
    release = round(RELEASE * SAMPLE_RATE)
    sound = np.zeros(round(len(chords) * step * SAMPLE_RATE) + release)
    for _, note, start, length in held_notes(chords):
        # Borders are rounded on the common clock, so that voices do not drift apart.
        begin, end = (round(chord * step * SAMPLE_RATE) for chord in (start, start + length))
        sound[begin : end + release] += _tone(frequency(note), end - begin, release)
    loudest = np.abs(sound).max(initial=0)
    return (sound * (PEAK / loudest if loudest else 1)).astype(np.float32)


def _tone(hertz, held, release):
    time = np.arange(held + release) / SAMPLE_RATE
    tone = np.zeros(len(time))
    for number, loudness in enumerate(OVERTONES, start=1):
        if number * hertz < SAMPLE_RATE / 2:
            fall = np.exp(-time * number**0.5 / DECAY)
            tone += loudness * fall * np.sin(2 * np.pi * number * hertz * time)
    tone *= np.minimum(time / ATTACK, 1)
    tone[held:] *= np.linspace(1, 0, release) ** 2
    return tone


def write_wav(path, sound) -> None:
    """Writes a sound as a `.wav` file of 16 bits, mono.

    Args:
        path: File to write.
        sound: Samples from -1 to 1, `SAMPLE_RATE` a second.
    """
    values = np.round(np.clip(sound, -1, 1) * 32_767).astype("<i2")
    with open(path, "wb") as file, wave.open(file) as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(values.tobytes())
