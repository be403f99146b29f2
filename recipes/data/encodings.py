"""Finds out how the characters of a file are written as bytes, where only one way makes sense."""

import codecs
import re

from recipes.errors import UserError

_MARKS: dict[str, tuple[bytes, ...]] = {  # UTF-16's little one begins that of UTF-32
    "utf-8-sig": (codecs.BOM_UTF8,),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}
#: The letters beyond ASCII of languages, by the Windows encoding that people write them in.
_ALPHABETS = {
    "cp1252": (
        "äöüßé", "àâæçéèêëîïôœùûüÿ", "áéíñóúüïç", "áâãàçéêíóôõúü", "àéèìíîòóùú", "åäöæøéèüô",
        "áðéíóúýþæö", "áéëïíóúöüèê", "õäöüšž", "àáçéèíïóòúüñ",
    ),
    "cp1250": (
        "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "ąćęłńóśźż", "áéíóöőúüű", "ăâîşţșț", "čćđšž",
        "äöüß",
    ),
    "cp1254": ("çğıöşüâîû",),
    "cp1257": ("āčēģīķļņšūž", "ąčęėįšųūž", "õäöüšž"),
}  # fmt: skip
#: Signs that are no letters and found in texts of all of these languages.
_SIGNS = "\u00a0€£¥§©®°±²³µ·«»¿¡‘’“”„‚‹›–—…•†‡‰™´¨×÷¼½¾ºª\u00ad"  # noqa: RUF001
#: Those of them that may follow a letter, and that a letter may follow.
_BEHIND = "\u00a0®°²³µ·»ºª’‘”“´™–—…\u00ad"  # noqa: RUF001
_BEFORE = "\u00a0°µ·«¡¿’‘“”„‚–—\u00ad"  # noqa: RUF001
#: Encodings of other scripts, to be shown where none of the above makes sense.
_OTHERS = (
    "cp1250", "mac_roman", "cp850", "iso8859_2", "cp1251", "koi8-r", "cp866", "cp1253", "cp1255",
    "cp1256", "shift_jis", "gb18030", "big5", "euc_kr",
)  # fmt: skip
_WORD = re.compile(rb"(?<![A-Za-z0-9\x80-\xff])[A-Za-z0-9]*+[\x80-\xff][A-Za-z0-9\x80-\xff]*+")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f]")
_SAMPLE = 1 << 16
_LATIN = re.compile("[A-Za-z]")
_SHOWN = 3


def find_encoding(content: bytes, name: str) -> str:
    """Python's name of the encoding of a file's bytes, where they can be read in one way only.

    A byte-order mark decides, or that the bytes are valid UTF-8. Else the words with bytes beyond
    ASCII are read in the encodings of the languages with Latin letters: one makes sense if its
    letters are those of one language, stand in words, and other signs do not. If several make sense
    and read differently, or none does, nobody can know: a `UserError` shows how words of the file
    would read in some encodings.

    >>> find_encoding("Stück;Größe".encode("latin-1"), "shop.csv")
    'cp1252'
    """
    for encoding, marks in _MARKS.items():
        if content.startswith(marks):
            return encoding
    half = len(content) // 2
    if half and content[:4000].count(0) > len(content[:4000]) // 4:
        for encoding, zeros in (("utf-16-le", content[1::2]), ("utf-16-be", content[::2])):
            if zeros.count(0) > 0.5 * half:
                return encoding
    if _CONTROL.search(content[:_SAMPLE]):
        raise UserError(f"{name} is no table: it holds bytes that no text has. Save it as CSV.")
    if content.isascii():
        return "utf-8"
    try:
        content.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as error:
        whole = content[: error.start].decode() + content[error.start + 1 :].decode(errors="ignore")
        if sum(ord(c) > 127 for c in whole) > 4 * content.decode(errors="replace").count("\ufffd"):
            line = content.count(b"\n", 0, error.start) + 1
            raise UserError(
                f"{name} is text in UTF-8 but for the byte 0x{content[error.start]:02x} in line "
                f"{line:,}: it is damaged there. Correct the line."
            ) from error
        words = list(dict.fromkeys(_WORD.findall(content)))
        readings = {encoding: _read(words, encoding) for encoding in _ALPHABETS}
        found = {encoding: text for encoding, text in readings.items() if text is not None}
        if len(set(found.values())) == 1:
            return next(iter(found))
        raise UserError(_which(content, error, words, (*found, *_OTHERS), name)) from error


def _read(words, encoding):
    """Words as one text, or `None` where they make no sense in an encoding."""
    try:
        text = b"\n".join(words).decode(encoding)
    except UnicodeDecodeError:
        return None
    letters = set()
    if any(len(word) > 1 and not _LATIN.search(word) for word in re.findall(r"[^\W\d_]+", text)):
        return None  # a word of accented letters alone is one of another script
    for match in re.finditer(r"[^\x00-\x7f]", text):
        sign, place = match.group(), match.start()
        before, after = text[place - 1 : place], text[place + 1 : place + 2]
        if sign in _SIGNS:
            touches = before.isalpha(), after.isalpha()
            if (touches[0] and sign not in _BEHIND) or (touches[1] and sign not in _BEFORE):
                return None
        elif not sign.isalpha() or before.isdigit() or after.isdigit():
            return None
        else:
            letters.add(sign)
    if not letters and {sign for sign in text if ord(sign) > 127} <= set("¡¿…"):
        return None  # Mac OS and DOS have letters there
    if letters and letters <= set("šžŠŽ"):
        return None  # Mac OS has other letters there
    lower = {"\u0131" if letter == "İ" else letter.lower() for letter in letters}
    fits = any(lower <= {*alphabet} for alphabet in _ALPHABETS[encoding])
    within = all(  # a capital stands at a word's beginning, or among capitals
        not re.search(rf"[a-z]{letter}", text) for letter in letters if letter.isupper()
    )
    return text if fits and within else None


def _which(content, error, words, encodings, name):
    line = content.count(b"\n", 0, error.start) + 1
    known = dict.fromkeys(["cp1252", *encodings])
    texts = {e: ", ".join(word.decode(e, "replace") for word in words[:_SHOWN]) for e in known}
    shown = [f"--encoding {e} reads {t!r}" for e, t in texts.items() if "\ufffd" not in t]
    return (
        f"Expected {name} to be text in UTF-8. Received: the byte 0x{content[error.start]:02x} in "
        f"line {line:,}, and several readings are possible. Say which one is right: "
        f"{'; '.join(shown)}."
    )
