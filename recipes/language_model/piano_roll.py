"""Pictures of chords.

By hand, since pretty_midi's piano roll is an array, in which a held note and its voice are lost.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator
from pretty_midi import note_number_to_name

from recipes.language_model.audio import VOICES
from recipes.language_model.music import CHORDS_PER_BEAT, held_notes

_COLORS = ("tab:red", "tab:orange", "tab:green", "tab:blue")


def piano_roll(pieces, opening=0) -> Figure:
    """Draws each note of pieces `{title: chords}` as a bar, over the beats and by pitch.

    Behind an opening of chords that were given stands a line. One axis a piece, on common scales.
    """
    figure = Figure(figsize=(11, 0.8 + 2.6 * len(pieces)), layout="constrained")
    axes = figure.subplots(len(pieces), sharex=True, sharey=True, squeeze=False)[:, 0]
    for axis, (title, chords) in zip(axes, pieces.items(), strict=True):
        _draw(axis, chords, opening)
        axis.set_title(title, fontsize=10, loc="left")
    sounding = np.concatenate([np.ravel(chords) for chords in pieces.values()])
    sounding = sounding[sounding > 0] if (sounding > 0).any() else np.array([60])
    low, high = int(sounding.min()), int(sounding.max())
    octaves = range(-(-low // 12) * 12, high + 1, 12)
    axes[0].set_ylim(low - 1.5, high + 1.5)
    axes[0].set_yticks(octaves, [note_number_to_name(note) for note in octaves])
    axes[0].set_xlim(0, max(len(chords) for chords in pieces.values()) / CHORDS_PER_BEAT)
    axes[0].xaxis.set_major_locator(MultipleLocator(4))
    axes[-1].set_xlabel("beats")
    figure.supylabel("pitch", fontsize="medium")
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper right", ncols=5, frameon=False)
    return figure


def _draw(axis, chords, opening):
    held = held_notes(chords)
    for voice, (name, color) in enumerate(zip(VOICES, _COLORS, strict=True)):
        notes = [item for item in held if item.voice == voice]
        axis.barh(
            [item.note for item in notes], [item.length / CHORDS_PER_BEAT for item in notes],
            left=[item.start / CHORDS_PER_BEAT for item in notes], height=0.9, color=color,
            edgecolor="white", linewidth=0.5, label=name.lower(),
        )  # fmt: skip
    axis.grid(alpha=0.25)
    axis.set_axisbelow(True)
    if opening:
        axis.axvline(opening / CHORDS_PER_BEAT, color="0.2", ls="--", lw=1)
