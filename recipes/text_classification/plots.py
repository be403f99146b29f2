"""Pictures of texts and of what a classifier reads in them."""

import textwrap

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from callbacks.drawing import characters, drawable

#: The font, and the one that knows what it lacks: Hebrew, and some faces.
_FONTS = ("monospace", "sans-serif")
#: Characters in a line, lines of a text, and the size of the letters in points.
_WIDTH, _LINES, _SIZE = 92, 6, 9
#: Width of a letter of the font, and height of a line, by its size.
_LETTER, _LINE = 0.602, 1.5


def importances(examples, gap) -> Figure:
    """Texts whose tokens are coloured by how much they speak for the predicted class.

    Of a long text the part is drawn that says most. The gap between two tokens is 1 column for
    words, 0 for what is written without spaces.
    """
    blocks = [
        (textwrap.shorten(title, _WIDTH), _lines(*_window(pieces, values, gap), gap))
        for title, pieces, values in examples
    ]
    key = [(0, "for it", 1.0), (7, "against it", -1.0)]
    blocks.insert(0, ("What speaks for a prediction, and what against it", [key]))
    count = sum(len(lines) + 2 for _, lines in blocks)
    inches = _SIZE / 72
    figure = Figure(figsize=(_WIDTH * _LETTER * inches + 0.2, count * _LINE * inches + 0.2))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    axis.set(xlim=(-1, _WIDTH + 1), ylim=(count + 0.5, -0.5))
    colors, top = colormaps["coolwarm"], 0
    for title, lines in blocks:
        # A dollar sign is a dollar sign.
        style = {"fontsize": _SIZE, "va": "center", "parse_math": False, "family": _FONTS}
        axis.text(0, top, drawable(title, _FONTS), weight="bold", **style)
        largest = max([abs(value) for line in lines for *_, value in line], default=0) or 1
        for row, line in enumerate(lines, start=top + 1):
            for column, piece, value in line:
                color = colors(0.5 + 0.4 * value / largest)
                width = _columns(piece)
                axis.add_patch(Rectangle((column, row - 0.45), width, 0.9, color=color, lw=0))
                axis.text(column, row, piece, **style)
        top += len(lines) + 2
    return figure


def _columns(piece):
    """Columns that a piece takes: letters of the second font are up to twice as wide."""
    return len(piece) + sum(ord(letter) not in characters(_FONTS[:1]) for letter in piece)


def _window(pieces, values, gap):
    """The neighbouring tokens that fit and say most."""
    pieces = [drawable(piece[: _WIDTH // 2], _FONTS) or "\u25a1" for piece in pieces]
    room = _WIDTH * (_LINES - 1)  # lines are not full
    ends = np.cumsum([_columns(piece) + gap for piece in pieces])
    if ends[-1] <= room:
        return pieces, values
    starts = np.concatenate([[0], ends[:-1]])
    last = np.searchsorted(ends, starts + room, side="right")
    sums = np.concatenate([[0], np.cumsum(np.abs(values))])
    first = int(np.argmax(sums[last] - sums[: len(pieces)]))
    return pieces[first : last[first]], values[first : last[first]]


def _lines(pieces, values, gap):
    """Lines of `(column, piece, value)`."""
    lines, column = [[]], 0
    for piece, value in zip(pieces, values, strict=True):
        if column + _columns(piece) > _WIDTH:
            lines.append([])
            column = 0
        lines[-1].append((column, piece, value))
        column += _columns(piece) + gap
    return lines
