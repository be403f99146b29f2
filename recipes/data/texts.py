"""Texts: two at hand, and files of the user's own."""

import codecs
from pathlib import Path

from recipes.data.download import fetch
from recipes.data.encodings import find_encoding
from recipes.data.memory import read_bytes
from recipes.errors import UserError, reading, some

#: Characters of the standard library's help texts that `python_docs` uses.
PYTHON_DOCS_CHARACTERS = 400_000


def python_docs() -> str:
    """The first 400,000 characters of the help texts inside Python's standard library.

    They differ from one version of Python to the next.
    """
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name] for name in sorted(topics))[:PYTHON_DOCS_CHARACTERS]


def shakespeare() -> str:
    """Tiny Shakespeare: 1,115,394 characters of plays, 65 of them distinct; see `fetch`.

    Reference: Karpathy, char-rnn, 2015 (a text in the public domain); book, chapter 16.
    """
    return read_noted_text(fetch("shakespeare"))[0]


def read_noted_text(path, encoding: str | None = None) -> tuple[str, tuple[str, ...]]:
    r"""Reads a text file, gzipped or not; every line ends in `\n`, whatever ends it in the file.

    The encoding is found out by default, see `recipes.data.encodings`, and noted unless it is
    UTF-8; a byte order mark is left out. A `UserError` if the file cannot be read, or its bytes are
    no text in this encoding.
    """
    path = Path(path)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing of that name"
        raise UserError(f"Expected a text file. Received: {path}, which is {what}.")
    with reading(path):
        content = read_bytes(path)
    found = encoding or find_encoding(content, str(path))
    plain = encoding or found in ("utf-8", "utf-8-sig")
    notes = () if plain else (f"{path}: encoding {found} (--encoding says another one)",)
    return decode(content, found, str(path)), notes


def decode(content: bytes, encoding: str, name: str) -> str:
    r"""Bytes as a text whose lines end in `\n`; `name` is what messages call them.

    A `UserError` if there is no such encoding, or the bytes are no text in it.

    >>> decode(b"one\r\ntwo", "utf-8", "numbers.txt")
    'one\ntwo'
    """
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        raise UserError(
            f"Expected {name} to be text in {encoding}. Received: the byte "
            f"0x{content[error.start]:02x} after {error.start:,} bytes, in line {line:,}. If the "
            f"text is in another encoding, say which, such as --encoding "
            f"{'utf-16' if wide else 'latin-1'}."
        ) from error
    except UnicodeError as error:
        raise UserError(f"Cannot read {name} as {encoding}: {error}.") from error
    except LookupError as error:
        raise UserError(
            f"There is no --encoding {encoding}. Such are utf-8, latin-1, cp1252 and utf-16."
        ) from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def given_text(text, source, encoding) -> str:
    """What stands behind `--text`, or in a file, whose notes are said."""
    from recipes.data.files import say_notes  # here: it takes longer than all the rest

    if text is None:
        text, notes = read_noted_text(source, encoding)
        say_notes(notes)
    return text


def check_known(tokenizer, texts, reason) -> None:
    """Says which characters a model reads as unknown; a `UserError` with a reason if it cannot."""
    from recipes.data.files import say_notes

    new = list(dict.fromkeys(c for text in texts for c in tokenizer.unknown_characters(text)))
    if new and tokenizer.unknown_id is None:
        raise UserError(f"The model does not know {some(new)}, {reason}")
    if new:
        say_notes([f"the model does not know {some(new)}: read as unknown"])
