"""How the values of pixels become bytes, decided over all pictures at once and kept with a run."""

from dataclasses import asdict, dataclass

import numpy as np

from recipes.errors import UserError

#: What whole numbers in more than a byte may have; the least that holds all values is taken.
BITS = (8, 10, 12, 16)
#: Names that a message lists before it only counts.
LISTED = 10
WHOLE = "whole numbers from 0 to 65,535"
#: How a message explains the x of a formula.
X = "x: the array, of a file recipes.data.images.pixels.deep_values(FILE)[0]"


@dataclass(frozen=True)
class Depth:
    """Which value is white, where the type of the pixels does not tell.

    Args:
        bits: Of whole numbers in more than a byte, one of `BITS`; 1 for arrays of zeros and ones.
        float_max: White in floating-point numbers, 1 or 255.
    """

    bits: int | None = None
    float_max: int | None = None

    @property
    def metadata(self) -> dict[str, int]:
        """What a run keeps of it."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def to_bytes(self, values) -> np.ndarray:
        """Values of any type as uint8.

        >>> Depth(bits=12).to_bytes(np.array([0, 2048, 4095], np.uint16)).tolist()
        [0, 128, 255]
        """
        if values.dtype.kind == "f":
            return np.round(values * (255 / self.float_max)).astype(np.uint8)
        if self.bits == 1 or (values.dtype == bool and self.bits != 8):
            return values.astype(np.uint8) * np.uint8(255)
        if values.dtype.itemsize > 1:
            values = values >> ((self.bits or 8) - 8)
        return values.astype(np.uint8, copy=False)


#: Of pictures whose types tell.
BYTES = Depth()


@dataclass(frozen=True)
class Range:
    """The values of one picture, or of one array of them.

    Args:
        name: What it is called.
        dtype: Type of its values.
        low: The least finite one.
        high: The greatest finite one.
        finite: Whether all are.
    """

    name: str
    dtype: np.dtype
    low: float
    high: float
    finite: bool = True

    @classmethod
    def of(cls, name, values) -> "Range":
        """Of an array that is not empty."""
        kept = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        ends = (kept.min().item(), kept.max().item()) if kept.size else (0.0, 1.0)
        return cls(str(name), values.dtype, *ends, kept.size == values.size)

    @property
    def floating(self) -> bool:
        """Whether they are fractions."""
        return self.dtype.kind == "f"

    @property
    def wide(self) -> bool:
        """Whether they are whole numbers of more than a byte."""
        return not self.floating and self.dtype.itemsize > 1


def decide(ranges, total, kept=None, arrays=False) -> tuple[Depth, tuple[str, ...]]:
    """Which value is white in some pictures: the `Depth` to read all of them with, and notes.

    A `UserError` if there are values that cannot be told, or that the run does not know.

    The `Range`s are of each array, or each picture of more than 8 bits; the total counts those of 8
    bits, too. `kept` is the `Depth` of the run that is to predict, `None` for one to be trained;
    `arrays`, whether they come from such, in which bytes may stand in a wider type.
    """
    wide = [found for found in ranges if found.wide]
    floats = [found for found in ranges if found.floating]
    whole = [found for found in ranges if not found.floating] if arrays else []
    notes = []
    bits, white = (kept.bits, kept.float_max) if kept else (None, None)
    if whole:
        _refuse_outside(whole, 65535, WHOLE)
    if whole and (_highest(whole) == 1 if kept is None else bits == 1):
        if beyond := [found for found in whole if found.low < 0 or found.high > 1]:
            raise UserError(
                f"The model was trained on pixels of 0 and 1. Received: {_received(beyond)}. If "
                "white is 255, make them black and white: x > 127 (x: the array)."
            )
        bits = 1
        notes.append("pixels of 0 and 1 taken as 0 and 255")
    elif wide:
        bits = _bits(wide, kept, arrays)
        if bits and not (arrays and bits == 8):
            notes.append(
                f"{_some(wide, total, arrays)} of 16 bits or more hold values up to "
                f"{_highest(wide):,.0f}: read as {bits} bits"
            )
    if floats:
        white = _float_max(floats, white)
        taken = "from 0 to 1 taken as 0 to 255" if white == 1 else "from 0 to 255 rounded"
        notes.append(f"{_some(floats, total, arrays)} of floating-point numbers: pixels {taken}")
    return Depth(bits, white), tuple(notes)


def listed(names, between=", ") -> str:
    """The first names, and how many more there are."""
    more = [f"and {len(names) - LISTED:,} more"] if len(names) > LISTED else []
    return between.join([*map(str, names[:LISTED]), *more])


def _some(ranges, total, arrays):
    return "images" if arrays or len(ranges) == total else f"{len(ranges):,} of {total:,} images"


def _bits(wide, kept, arrays):
    """Of whole numbers in a wide type."""
    _refuse_outside(wide, 65535, WHOLE)
    top = _highest(wide)
    bits = next(bits for bits in BITS if top < 2**bits)
    known = kept.bits if kept and kept.bits != 1 else None
    if known is None and ((arrays and bits == 8) or (kept and top == 0)):
        return None
    if kept is None:
        return bits
    if known is None and bits < 16:
        raise UserError(
            f"The model was trained on images of 8 bits. Received: {_received(wide)}, of which "
            f"nothing says what white is. Save them with 8 bits: np.uint8(x >> {bits - 8}) if "
            f"white is {2**bits - 1:,}, np.uint8(x >> 8) if it is 65,535 ({X})."
        )
    if known is not None and bits > known:
        beyond = [found for found in wide if found.high >= 2**known]
        raise UserError(
            f"The model was trained on images of {known} bits, values up to {2**known - 1:,}. "
            f"Received: {_received(beyond)}. If white is {2**bits - 1:,} in them, save them with 8 "
            f"bits: np.uint8(x >> {bits - 8}) ({X})."
        )
    return known or 16


def _float_max(floats, known):
    """White in floating-point numbers."""
    white = known or (1 if _highest(floats) <= 1 else 255)
    beyond = [found for found in floats if found.high > 1]
    if known == 1 and beyond and _highest(floats) <= 255:
        raise UserError(
            f"The model was trained on pixels from 0 to 1. Received: {_received(beyond)}. If white "
            f"is 255, save them with 8 bits: np.uint8(np.round(x)) ({X})."
        )
    _refuse_outside(floats, white, "numbers from 0 to 1, or from 0 to 255,")
    small = [found for found in floats if 0 < found.high <= 1]
    if known is None and beyond and small:
        raise UserError(
            f"Expected one scale of floating-point pixels. Received: {_received(small)}, and "
            f"{_received(beyond)}. Save the former with 8 bits: np.uint8(np.round(x * 255)) if "
            f"their white is 1, np.uint8(np.round(x)) if it is 255 ({X})."
        )
    return white


def _refuse_outside(ranges, top, expected):
    """Names those with values below 0, above a limit, or of no number."""
    outside = [found for found in ranges if found.low < 0 or found.high > top or not found.finite]
    if not outside:
        return
    low = float(min(found.low for found in ranges))
    span = float(_highest(ranges)) - low or 1.0
    x = "x" if all(found.finite for found in ranges) else f"np.where(np.isfinite(x), x, {low!r})"
    rule = f"np.uint8(({x} {'-' if low > 0 else '+'} {abs(low)!r}) * {255 / span!r})"
    raise UserError(
        f"Expected {expected} as pixels. Received: {_received(outside)}. Save all of them with 8 "
        f"bits by one rule, by which you save those to predict from, too, such as {rule} ({X})."
    )


def _received(ranges):
    low, high = min(found.low for found in ranges), _highest(ranges)
    numbers = "" if all(found.finite for found in ranges) else ", with NaN or infinity,"
    names = listed([found.name for found in ranges])
    return f"values from {low:,.6g} to {high:,.6g}{numbers} in {names}"


def _highest(ranges):
    return max(found.high for found in ranges)
