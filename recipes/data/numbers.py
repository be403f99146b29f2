"""Reads texts as numbers, as people of many countries and spreadsheets write them."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recipes.errors import UserError

#: Texts that mean a missing number, in lower case.
MISSING = (
    "", "na", "n/a", "n.a.", "nan", "null", "none", "nil", "<na>", "?", "-", "--", ".",
    "#n/a", "#na", "#div/0!", "#value!", "#ref!", "#num!", "#name?", "#null!", "..", ":", r"\n",
)  # fmt: skip
#: Signs that stand between thousands wherever they stand between digits.
_SPACES = "'\u2019\u00a0\u202f\u2009 _"
_CURRENCY = r"(?:[A-Z]{0,2}[$€£¥₹₽₩]|[A-Z]{3}\b|zł|kr\.?|Kč|Ft|lei)"
#: Codes of currencies: others in front of a number, as in ABC-12, are parts of a name.
_IN_FRONT = _CURRENCY.replace("[A-Z]{3}", (
    "(?:AED|ARS|AUD|BGN|BRL|BTC|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|ETH|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK"
    "|JPY|KES|KRW|MXN|MYR|NGN|NOK|NZD|PEN|PHP|PKR|PLN|RON|RSD|RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|"
    "BHD|BDT|DZD|GEL|GHS|JOD|KWD|KZT|LKR|MAD|NPR|OMR|QAR|TND|TZS|UGX|UYU|XAF|XOF|VND|ZAR)"
))  # fmt: skip
#: The sign of a number, as it is typed or typeset.
_SIGN = r"[+\-\u2212\u2013]"
_DIGITS = rf"(?:\d++(?:[.,{_SPACES}]\d++)*+|[.,]\d++)[.,]?\d*+(?:[eE][+-]?\d+)?"
_NUMBER = re.compile(  # a *+ gives nothing back: else a cell of many spaces takes years
    rf"(?!\s*+[A-Z]{{3}}[.,])\s*+\(?\s*+"  # no name such as GCS.13
    rf"{_SIGN}?\s*+{_IN_FRONT}?\s*+{_SIGN}?\s*+{_DIGITS}\s*+(?:{_CURRENCY}|%)?\s*+\)?\s*+-?\s*+"
)
#: A column of which this share are numbers is a numeric one with mistakes in it.
NEARLY = 0.9
#: Texts that the format of a long column is found out by, if all others fit it.
_SAMPLE = 20_000


def is_number(cell: str) -> bool:
    """Whether a cell looks like a number, in any country's way.

    >>> [is_number(cell) for cell in ("1.016,5", "$1,234.50", "(12)", "12.3 %", "12a", "")]
    [True, True, True, True, False, False]
    """
    return _NUMBER.fullmatch(cell) is not None


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a column are written.

    Args:
        decimal: The decimal sign.
        thousands: Signs between thousands; empty for none.
    """

    decimal: str = "."
    thousands: str = ""

    def __str__(self):
        whole = f"1{self.thousands[:1]}234" if self.thousands else "1234"
        return f"{whole}{self.decimal}5"


@dataclass(frozen=True)
class Numbers:
    """What a column of texts says, read as numbers.

    Args:
        values: float64, NaN where a value is missing or is no number.
        bad: Positions of texts that are no numbers.
        missing: Texts other than an empty one that were taken as missing.
        format: How the numbers are written.
        marks: What else stood beside them, in words, such as a currency.
        codes: Whether some have leading zeros, as codes do.
        whole: Whether all are whole numbers that are written as such.
        guessed: Whether the format is only the likeliest one.
    """

    values: np.ndarray
    bad: np.ndarray
    missing: tuple[str, ...] = ()
    format: NumberFormat = NumberFormat()
    marks: tuple[str, ...] = ()
    codes: bool = False
    whole: bool = False
    guessed: bool = False

    @property
    def share(self) -> float:
        """The share of numbers among the texts that are not missing."""
        known = int(np.isfinite(self.values).sum())
        return known / max(1, known + len(self.bad))


def read_numbers(texts, name, source, separator=",", given=None, missing=()) -> Numbers:
    """Reads a column of texts as numbers, where there is one way to do that.

    The decimal sign is what the column proves: 1.016,5 and 12,75 have a decimal comma, 1,016.5 and
    12.75 a point. Where all numbers with a sign have three digits behind it, as 1,016 has, the sign
    divides thousands if other numbers, all below 1000, do without; and in a file whose columns are
    separated by commas, where a point is a decimal sign and a comma in quotes is none. A
    `UserError` if two readings are possible, or units are mixed.

    Args:
        texts: `pyarrow` array of strings.
        name: Name of the column, for messages.
        source: Name of the file, for messages.
        separator: What separates the columns of the file.
        given: A `NumberFormat` that the user names, or that the run has found; or `None`.
        missing: Texts that mean a missing value, beside `MISSING`.

    >>> import pyarrow
    >>> found = read_numbers(pyarrow.array(["1.016,5", "12,75", "n/a"]), "price", "shop.csv")
    >>> found.values.tolist(), str(found.format)
    ([1016.5, 12.75, nan], '1.234,5')
    """
    if not pa.types.is_string(texts.type):  # plain numbers, read as such
        values = texts.to_numpy() if isinstance(texts, pa.ChunkedArray) else texts.to_numpy(False)
        whole = pa.types.is_integer(texts.type)
        return Numbers(values.astype(np.float64), np.empty(0, int), whole=whole)
    if len(texts) > _SAMPLE:
        distinct = texts.dictionary_encode()
        distinct = distinct.combine_chunks() if isinstance(texts, pa.ChunkedArray) else distinct
        if len(distinct.dictionary) < len(texts) // 4:
            found = read_numbers(distinct.dictionary, name, source, separator, given, missing)
            rows = distinct.indices.to_numpy()
            wrong = np.zeros(len(distinct.dictionary), bool)
            wrong[found.bad] = True
            return replace(found, values=found.values[rows], bad=np.flatnonzero(wrong[rows]))
    texts = pc.utf8_trim_whitespace(texts)
    known = pa.array([*MISSING, *(text.strip().lower() for text in missing)])
    absent = pc.is_in(pc.utf8_lower(texts), known)
    words = pc.unique(pc.filter(texts, pc.fill_null(absent, False))).to_pylist()
    texts = pc.if_else(absent, None, texts)
    plain = _cast(texts) if given in (None, NumberFormat()) else None
    marks: tuple[str, ...] = ()
    guessed = False
    if plain is not None and (given or separator == "," or not _all_threes(texts)):
        found, form = plain, NumberFormat()
    else:
        found, form, marks = _of_format(texts, name, source, separator, given)
        if given is None and form.thousands.strip(_SPACES):  # or no other format fits
            guessed = not any(map(_decimal_sign, _shapes(texts)))
    values = found.to_numpy(zero_copy_only=False).astype(np.float64)
    bad = np.flatnonzero(np.isnan(values) & pc.is_valid(texts).to_numpy(zero_copy_only=False))
    words = tuple(sorted(word for word in words if word))
    known = values[~np.isnan(values)]
    whole = len(known) > 0 and bool((known == np.floor(known)).all())
    whole = whole and not pc.any(pc.match_substring(texts, ".")).as_py()
    return Numbers(values, bad, words, form, marks, has_codes(texts), whole, guessed)


def _of_format(texts, name, source, separator, given):
    """Numbers in the format that the first texts prove; in that of all, if they do not fit it."""
    for part in (texts.slice(0, _SAMPLE), texts):
        _, marks = _without_marks(part, name, source)
        cores = texts
        if marks or part is texts:
            cores, marks = _without_marks(texts, name, source)
        few = part is not texts
        try:
            form = given or _find_format(
                cores.slice(0, _SAMPLE) if few else cores, name, source, separator
            )
        except UserError:
            if few:
                continue
            raise
        found = _parse(cores, form)
        if found.null_count == texts.null_count:
            break
    return found, form, marks


def _cast(texts):
    """Plain numbers such as -1.5e3, or `None` if one of the texts is none."""
    try:
        found = pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        return None
    odd = pc.any(pc.and_(pc.invert(pc.is_finite(found)), pc.is_valid(found))).as_py()
    return None if odd else found


def _all_threes(texts):
    """Whether a point stands in some numbers, and could divide thousands in all of them."""
    having = pc.drop_null(pc.filter(texts, pc.match_substring(texts, ".")))
    groups = r"^[+-]?[1-9]\d{0,2}(?:\.\d{3})+$"
    parts = having.slice(0, 100), having
    return all(len(p) and pc.all(pc.match_substring_regex(p, groups)).as_py() for p in parts)


def _without_marks(texts, name, source):
    """The texts with one sort of minus, and without currencies, percent signs and parentheses."""
    marks = []
    dictionary = pc.dictionary_encode(texts)
    if isinstance(dictionary, pa.ChunkedArray):
        dictionary = dictionary.combine_chunks()
    cells = dictionary.dictionary
    cells = pc.replace_substring_regex(cells, "[\u2212\u2013]", "-")
    blank = r"(\D)[\x{a0}\x{202f}]|[\x{a0}\x{202f}](\D)"  # no space in pyarrow's patterns
    for pattern, plain in ((blank, r"\1 \2"), (r"^-\s+", "-"), (r"(\d)[.,](--?|—)$", r"\1")):
        cells = pc.replace_substring_regex(cells, pattern, plain)
    negative = pc.match_substring_regex(cells, r"^\(.*\)$|^[^-]*\d\s*-$")
    if pc.any(negative).as_py():
        bare = pc.replace_substring_regex(cells, r"^\((.*)\)$|^(.*\d)\s*-$", r"-\1\2")
        cells = pc.if_else(negative, bare, cells)
        marks.append("parentheses and signs behind are taken as minus")
    for front, pattern, what in (
        (_IN_FRONT, _CURRENCY, "currency"), ("%", "%", "percent sign")
    ):  # fmt: skip
        having = pc.match_substring_regex(cells, rf"^[+-]?\s*{front}\s*[\d(.+-]|\d\s*{pattern}$")
        bare = pc.match_substring_regex(cells, r"^[+-]?[\d.,]+$")
        # Among texts, one that begins with "TOP 10" is no number of the currency TOP.
        if not pc.any(having).as_py() or pc.mean(pc.or_(having, bare)).as_py() < 0.5:
            continue
        signs = pc.unique(pc.replace_substring_regex(
            pc.filter(cells, having), rf"^.*?({pattern}).*$", r"\1")).to_pylist()  # fmt: skip
        bare = pc.and_(bare, pc.invert(having))
        if len(signs) > 1 or (what == "percent sign" and pc.any(bare).as_py()):
            others = "numbers without" if len(signs) == 1 else repr(signs[1])
            raise UserError(
                f"Column {name!r} of {source} mixes {signs[0]!r} and {others}: these are different "
                "units. Bring them to one, or leave the column out."
            )
        cells = pc.replace_substring_regex(cells, rf"^([+-]?)\s*{front}\s*([+-]?)|\s*{pattern}$",
                                           r"\1\2")  # fmt: skip
        marks.append(f"the sign {signs[0]} is left out: 12 {signs[0]} is read as 12")
    return pc.take(cells, dictionary.indices), tuple(marks)


def _find_format(cores, name, source, separator):
    """The only `NumberFormat` in which the numbers of a column make sense."""
    examples = _shapes(cores)
    spaces = "".join(sign for sign in _SPACES if any(sign in text for text in examples.values()))
    proofs = {_decimal_sign(shape): text for shape, text in examples.items()}
    proven = [sign for sign in ".," if sign in proofs]
    used = [sign for sign in ".," if any(sign in shape for shape in examples)]
    if (pc.mean(pc.match_substring_regex(cores, f"[^0-9.,+eE{_SPACES}-]")).as_py() or 0) > 0.5:
        return NumberFormat(*proven[:1])  # words, with a few numbers among them
    if len(proven) > 1:
        raise UserError(
            f"Column {name!r} of {source} holds {proofs['.']!r}, whose decimal sign is a point, "
            f"and {proofs[',']!r}, whose decimal sign is a comma. Say --decimal and --thousands "
            "and correct the others, or leave the column out."
        )
    if proven:
        return NumberFormat(proven[0], spaces + "".join(s for s in used if s != proven[0]))
    if not used:
        return NumberFormat(".", spaces)
    sign = used[0]
    other = {".": ",", ",": "."}[sign]
    below = all(shape in ("S", "T") for shape in examples if sign not in shape)
    if separator == ",":  # a decimal comma would cut its number in two
        return NumberFormat(".", "," if sign == "," else "")
    if below and len(examples) > sum(sign in shape for shape in examples):
        return NumberFormat(other, sign)
    example = next(text for shape, text in examples.items() if sign in shape)
    raise UserError(
        f"Numbers such as {example!r} in column {name!r} of {source} can be read in two ways. Say "
        f'--decimal "{sign}" for {example.replace(sign, ".")}, or --thousands "{sign}" for '
        f"{example.replace(sign, '')}."
    )


def _shapes(cores):
    """Shapes of numbers, each with an example; digits are S (one or two), T (three), L, or Z.

    Z stands for digits in front of which begin with a zero, `_` for a space between digits.
    """
    shapes = pc.replace_substring_regex(cores, r"^[+-]|[eE][+-]?\d+$", "")
    for pattern, letter in (
        (r"^0\d*", "Z"), (r"\d{4,}", "L"), (r"\d{3}", "T"), (r"\d+", "S"), (f"[{_SPACES}]", "_"),
    ):  # fmt: skip
        shapes = pc.replace_substring_regex(shapes, pattern, letter)
    number = re.compile("[ZLTS](?:[.,_][ZLTS])*[.,]?|[.,][ZLTS]")
    found = filter(number.fullmatch, pc.drop_null(pc.unique(shapes)).to_pylist())
    return {shape: cores[pc.index(shapes, shape).as_py()].as_py() for shape in found}


def _decimal_sign(shape):
    """The sign that must be the decimal one in numbers of a shape, or `None`."""
    signs = re.findall("[.,]", shape)
    if not signs:
        return None
    if len({*signs}) > 1:
        return signs[-1] if signs.count(signs[-1]) == 1 else None
    if len(signs) > 1:
        return {".": ",", ",": "."}[signs[0]]
    before, after = shape.split(signs[0])
    return None if after == "T" and before in ("S", "T") else signs[0]


def _parse(cores, form):
    """Texts of one format as numbers; null where one is none."""
    decimal = re.escape(form.decimal)
    whole = r"\d+"
    if form.thousands:
        signs = re.escape(form.thousands).replace("\\ ", " ")
        groups = "2,3" if "," in form.thousands else "3"  # as in India
        whole = rf"(?:\d+|[1-9]\d{{0,2}}(?:[{signs}]\d{{{groups}}})*[{signs}]\d{{3}})"
    right = pc.match_substring_regex(
        cores, rf"^[+-]?(?:{whole}(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d+)?$"
    )
    cores = pc.if_else(right, cores, None)
    if form.thousands:
        cores = pc.replace_substring_regex(cores, f"[{re.escape(form.thousands)}]", "")
    if form.decimal != ".":
        cores = pc.replace_substring(cores, form.decimal, ".")
    return pc.cast(pc.replace_substring_regex(cores, r"^\+", ""), pa.float64())


def find_sentinel(values: np.ndarray) -> tuple[float, int]:
    """A number such as -999 that may stand for a missing one, and how often; 0, 0 for none.

    It consists of nines, comes twice or more often, and lies farther from all others than these
    lie from each other.

    >>> find_sentinel(np.array([5.0, -999, 7.5, 6, -999])), find_sentinel(np.array([99.0, 98, 99]))
    ((-999.0, 2), (0.0, 0))
    """
    known = values[np.isfinite(values)]
    for value in {known.min(), known.max()} if len(known) else ():
        if not re.fullmatch(r"-?9{2,}", f"{value:.0f}"):
            continue
        rest = known[known != value]
        count = len(known) - len(rest)
        if count > 1 and len(rest) and np.abs(rest - value).min() > max(np.ptp(rest), 1):
            return float(value), count
    return 0.0, 0


def forms_of(mark: str) -> set[str]:
    """How a number may be written, with zeros behind the decimal sign; other texts as they are.

    >>> sorted(forms_of("-999"))[:2], forms_of("NA")
    (['-999', '-999,0'], {'NA'})
    """
    if not re.fullmatch(r"-?\d+", mark):
        return {mark}
    return {mark} | {mark + sign + "0" * digits for sign in ".," for digits in range(1, 7)}


def has_codes(texts) -> bool:
    """Whether some of an array of texts are whole numbers that begin with a zero, as codes do."""
    zero = pc.filter(texts, pc.fill_null(pc.match_substring_regex(texts, r"^\s*0"), False))
    code = rf"^\s*0[\d{_SPACES}]*\d\s*$"
    return bool(len(zero)) and bool(pc.any(pc.match_substring_regex(zero, code)).as_py())
