"""Chords as a MIDI file, one track a voice."""

from recipes.language_model.music import CHORDS_PER_BEAT, TEMPO, held_notes

#: Names of the tracks of four voices; of other numbers of voices they are numbered.
VOICES = ("Soprano", "Alto", "Tenor", "Bass")
#: Ticks of a beat.
TICKS = 480
#: A church organ in the list of General MIDI instruments, counted from 0.
ORGAN = 19
_VELOCITY = 80


def to_midi(chords, tempo=TEMPO):
    """Turns a piece into MIDI; a note that a voice keeps from chord to chord is held.

    Args:
        chords: MIDI notes `(chords, voices)`, 0 for silence, four chords a beat.
        tempo: Beats a minute. Defaults to 80.

    Returns:
        A `mido.MidiFile`: a track for the tempo, then one for each voice on a channel of its own.

    Example:
        >>> from recipes.language_model.midi import to_midi
        >>> file = to_midi([[69, 57]] * 8, tempo=60)
        >>> [track.name for track in file.tracks], file.length  # seconds
        (['Tempo', 'Voice 1', 'Voice 2'], 2.0)
    """
    import mido

    voices = len(chords[0]) if len(chords) else 0
    names = VOICES if voices == len(VOICES) else [f"Voice {v + 1}" for v in range(voices)]
    first = mido.MidiTrack(
        [
            mido.MetaMessage("track_name", name="Tempo"),
            mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)),
        ]
    )
    events = [[] for _ in names]
    for voice, note, start, length in held_notes(chords):
        events[voice] += [(start, "note_on", note), (start + length, "note_off", note)]
    tracks = [
        _track(mido, name, channel, found, len(chords))
        for channel, (name, found) in enumerate(zip(names, events, strict=True))
    ]
    return mido.MidiFile(type=1, ticks_per_beat=TICKS, tracks=[first, *tracks])


def _track(mido, name, channel, events, chords):
    """A voice holds one note at a time, so its events are in the order of time already."""
    track = mido.MidiTrack(
        [
            mido.MetaMessage("track_name", name=name),
            mido.Message("program_change", channel=channel, program=ORGAN),
        ]
    )
    tick, passed = TICKS // CHORDS_PER_BEAT, 0
    for chord, kind, note in events:
        track.append(
            mido.Message(
                kind, channel=channel, note=note, velocity=_VELOCITY, time=(chord - passed) * tick
            )
        )
        passed = chord
    track.append(mido.MetaMessage("end_of_track", time=(chords - passed) * tick))
    return track
