"""Pairs of texts, one a line: `source<TAB>target`; published ones and files of your own."""

import zipfile

from recipes.data.download import fetch
from recipes.data.texts import decode, read_text
from recipes.errors import UserError

#: Longest part of a line that a message shows.
_SHOWN = 60


def spa_eng() -> list[tuple[str, str]]:
    """118,964 English sentences and their Spanish translations, the shortest first.

    Many sentences have several translations, each a pair of its own.

    Raises:
        UserError: The file is damaged or cannot be downloaded.

    Reference: Tatoeba through manythings.org (CC BY 2.0); book, chapter 16, 3rd edition cell 88.
    """
    path = fetch("spa_eng")
    with zipfile.ZipFile(path) as archive:
        content = archive.read("spa-eng/spa.txt")
    return parse_pairs(decode(content, "utf-8", str(path)), str(path))


def read_pairs(path, encoding="utf-8") -> list[tuple[str, str]]:
    """Reads a file of one's own.

    Args:
        path: Text file, gzipped or not.
        encoding: How its characters are written as bytes.

    Returns:
        See `parse_pairs`.

    Raises:
        UserError: If it cannot be read, or a line is no pair.
    """
    return parse_pairs(read_text(path, encoding), str(path))


def parse_pairs(text, name) -> list[tuple[str, str]]:
    r"""The pairs of a text.

    Args:
        text: One pair a line, source and target with a tab between them. Further columns, such as
            the sources' authors, are left out, and so are lines that hold nothing but spaces.
        name: What to call the text in a message.

    Returns:
        Sources and targets, without spaces around them.

    Raises:
        UserError: If a line has no tab or an empty side, or there is no pair.

    Example:
        >>> from recipes.translation.data.pairs import parse_pairs
        >>> parse_pairs("Hi.\tHola.\nRun!\tCorre.\tCC-BY 2.0\n", "greetings.tsv")
        [('Hi.', 'Hola.'), ('Run!', 'Corre.')]
    """
    pairs = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) < 2:
            raise UserError(
                f"Expected source, tab and target in each line of {name}. Received in line "
                f"{number:,}, without a tab: {_short(line)}"
            )
        if not columns[0] or not columns[1]:
            side = "target" if columns[0] else "source"
            raise UserError(
                f"The {side} in line {number:,} of {name} is empty: {_short(line)}. Complete it, "
                "or delete the line."
            )
        pairs.append((columns[0], columns[1]))
    if not pairs:
        raise UserError(f"{name} holds no pairs. Write one a line: source, tab, target.")
    return pairs


def _short(line):
    return repr(line[:_SHOWN] + ("..." if len(line) > _SHOWN else ""))
