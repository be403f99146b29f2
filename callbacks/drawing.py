"""Any text in a figure: what the font lacks, what is long, what runs from right to left."""

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

#: Between these, a text keeps to itself in which direction it runs.
ISOLATE, POP = "\u2068", "\u2069"
_BOX = "\u25a1"


def drawable(text: str, family: str | Sequence[str] = "sans-serif") -> str:
    r"""A text whose characters a font has, with a box for each of the others.

    Fonts are named as in Matplotlib.

    >>> drawable("año"), drawable("\u4f60"), drawable("\t")
    ('año', '□', '□')
    """
    known = characters((family,) if isinstance(family, str) else tuple(family))
    shown = {c for c in text if c in (ISOLATE, POP) or (ord(c) in known and c.isprintable())}
    return "".join(c if c in shown else _BOX for c in text)


def label(text: str, longest: int = 40) -> str:
    r"""A name in one line that is short enough to stand at an axis or in a legend; see `shortened`.

    >>> label("two\nlines"), label("\u4f60")
    ('two lines', '□')
    """
    return isolated(drawable(shortened(text, longest)))


def shortened(text: str, longest: int) -> str:
    """A name in one line, without its middle if it is long: names often differ at one end only.

    >>> shortened("abcdefghijklm", 9)
    'abcdef…lm'
    """
    text = " ".join(str(text).split())
    if len(text) <= longest:
        return text
    tail = (longest - 1) // 3
    return f"{text[: longest - 1 - tail]}…{text[len(text) - tail :]}"


def isolated(text: str) -> str:
    """A text that does not change the order of what stands around it where it runs to the left.

    >>> isolated("left"), isolated("\u05d0") == "\u2068\u05d0\u2069"
    ('left', True)
    """
    import matplotlib

    leftwards = any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)
    # Before, Matplotlib does not lay out texts by their direction, and draws the marks instead.
    return f"{ISOLATE}{text}{POP}" if leftwards and matplotlib.__version_info__ >= (3, 11) else text


def finish(axis: Any) -> None:
    """Gives axes the grid of all pictures, and a key above them where it covers no data."""
    axis.grid(alpha=0.25)
    handles, _ = axis.get_legend_handles_labels()
    if handles:
        place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1), "ncols": min(4, len(handles))}
        axis.legend(**place, frameon=False, fontsize="small")


@cache
def characters(families: tuple[str, ...]) -> frozenset:
    """Numbers of the characters that some fonts have."""
    from matplotlib import font_manager as fonts

    found = [fonts.findfont(fonts.FontProperties(family=[name])) for name in families]
    return frozenset().union(*[fonts.get_font(file).get_charmap() for file in found])
