"""Pairs of texts, one a line: `source<TAB>target`; published ones and files of your own."""

import re
import zipfile
from pathlib import Path

from recipes.data.dates import is_date
from recipes.data.dialect import Dialect
from recipes.data.download import fetch, open_bytes
from recipes.data.larger import open_rows
from recipes.data.memory import is_too_large, shards
from recipes.data.numbers import is_number
from recipes.data.texts import decode, read_noted_text
from recipes.errors import DAMAGED, UserError

#: Longest part of a line that a message shows.
_SHOWN = 60


def spa_eng() -> list[tuple[str, str]]:
    """118,964 English sentences and their Spanish translations, the shortest first; see `fetch`.

    Many sentences have several translations, each a pair of its own.

    Reference: Tatoeba through manythings.org (CC BY 2.0); book, chapter 16, 3rd edition cell 88.
    """
    path = fetch("spa_eng")
    with zipfile.ZipFile(path) as archive:
        content = archive.read("spa-eng/spa.txt")
    return parse_pairs(decode(content, "utf-8", str(path)), str(path))


def open_pairs(path, dialect=None, source=None, target=None):
    """The pairs of a file of one's own, and notes: lines with tabs, or any other table.

    Thirdly, of several files or a sample, the `Rows` (see `recipes.data.larger`) that it was drawn
    from and the names of both columns, or `None`. A `UserError` if a file cannot be read, or a line
    is no pair.

    The columns of sources and targets are named, or numbered from 1. They default to the first two
    of texts: numbers and codes of languages in front of these are passed over.
    """
    dialect = dialect or Dialect()
    dialect.check()
    alone = shards(path) == [Path(path)] and getattr(dialect, "in_memory", None) is None
    if alone and _has_tabs(path, dialect) and not is_too_large(path):
        text, notes = read_noted_text(path, dialect.encoding)
        skipped = dialect.skip_rows or 0
        text = "\n".join(["" if n < skipped else t for n, t in enumerate(text.split("\n"))])
        pairs, more = find_pairs(text, str(path), source, target, dialect.header)
        return pairs, notes + more, None
    file, larger = open_rows(path, dialect)
    columns, notes = {name: file.texts(name).fillna("") for name in file.names}, ()
    rows = enumerate(zip(*columns.values(), strict=True), start=1)
    rows = [(f"row {number:,}", cells) for number, cells in rows]
    asked = {source, target} & {*file.names}
    may_be_a_pair = len(file.names) > 1 and "header" in file.decided and not asked
    if may_be_a_pair and dialect.header is None:
        if sum(map(_is_name, file.names)) < 2:
            raise UserError(
                f"The first row of {path} may hold names or a pair: {', '.join(file.names)[:80]!r}."
                " Say --header first or --header none."
            )
        notes = (_names_note("row", file.names),)
    places, more = _places(rows, file.names, str(path), source, target)
    found = larger and (larger, [file.names[place] for place in places])
    return _pairs(rows, places, str(path)), (*file.notes, *notes, *more), found


def pairs_of(file, columns) -> list[tuple[str, str]]:
    """The pairs in two columns of a `TableFile`; a `UserError` if one or a side is not there."""
    for name, flag in zip(columns, ("--source", "--target"), strict=True):
        file.require(name, flag)
    rows = zip(*(file.texts(name).fillna("") for name in columns), strict=True)
    numbered = [(f"row {number:,}", cells) for number, cells in enumerate(rows, start=1)]
    return _pairs(numbered, [0, 1], file.source)


def _has_tabs(path, dialect):
    """Whether a file is text with a tab in its first line, or in half of the lines."""
    if not Path(path).is_file():
        return False
    try:
        with open_bytes(path) as file:
            start = file.read(1 << 16)
    except DAMAGED:
        return True  # to be read, and refused, as a text
    if start[:4] in (b"PAR1", b"PK\x03\x04"):
        return False
    if dialect.separator is not None:
        return dialect.separator_sign == "\t"
    having = [b"\t" in line for line in start.replace(b"\x00", b"").splitlines() if line.strip()]
    return not having or having[0] or 2 * sum(having) >= len(having)


def parse_pairs(text, name) -> list[tuple[str, str]]:
    r"""The pairs of a text: one a line, source and target with a tab between them.

    Further columns, such as the sources' authors, and spaces around either are left out, and so are
    lines that hold nothing but spaces. A `UserError` if a line has no tab or an empty side, or
    there is no pair.

    >>> parse_pairs("Hi.\tHola.\nRun!\tCorre.\tCC-BY 2.0\n", "greetings.tsv")
    [('Hi.', 'Hola.'), ('Run!', 'Corre.')]
    """
    return find_pairs(text, name, "1", "2", "none")[0]


def find_pairs(text, name, source=None, target=None, header=None):
    r"""The pairs of a text with tabs, and notes; see `open_pairs`.

    Quotes are characters like others. A first line such as `English<TAB>Spanish` is left out.

    >>> find_pairs("1\tHi.\t7\tHola.\n2\tRun!\t8\tCorre.\n", "tatoeba.tsv")[0]
    [('Hi.', 'Hola.'), ('Run!', 'Corre.')]
    """
    rows, lead = [], re.match(r"(?:#[^\t\n]*\n)*", text)[0].count("\n")  # as Anki writes
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip() and number > lead:
            cells = [cell.strip() for cell in line.split("\t")]
            if len(cells) < 2:
                raise UserError(
                    f"Expected source, tab and target in each line of {name}. Received in line "
                    f"{number:,}, without a tab: {_short(line)}"
                )
            rows.append((f"line {number:,}", cells))
    names, notes = None, ()
    if rows and header != "none" and (header == "first" or _are_names(rows)):
        names, rows = rows[0][1], rows[1:]
        notes = (_names_note("line", names),)
    places, more = _places(rows, names, name, source, target)
    return _pairs(rows, places, name), notes + more


def _are_names(rows):
    """Whether the first row holds names of columns: at least two that are in no row below."""
    first = rows[0][1]
    known = [place for place, cell in enumerate(first) if _is_name(cell)]
    if len(known) < 2:
        return False
    below = {(p, cells[p]) for _, cells in rows[1:] for p in known if p < len(cells)}
    return sum((place, first[place]) not in below for place in known) >= 2


def _is_name(cell):
    """Whether a cell names a column, such as `en`, `target`, `sentence_es`, `English sentence`."""
    words = [part in _HEADER for part in re.split(r"[\W_]+", cell.casefold())]
    return all(words) if " " in cell else any(words)


#: Names of columns of texts, in lower case.
_HEADER = {
    "source", "src", "input", "target", "tgt", "output", "translation", "text", "sentence", "label",
    "english", "en", "eng", "spanish", "es", "spa", "french", "fr", "fra", "german", "de", "deu",
    "italian", "it", "ita", "portuguese", "pt", "por", "dutch", "nl", "nld", "russian", "ru", "rus",
    "chinese", "zh", "cmn", "japanese", "ja", "jpn", "arabic", "ar", "ara", "turkish", "tr", "tur",
    "polish", "pl", "pol", "czech", "cs", "ces", "swedish", "sv", "swe", "hindi", "hi", "hin",
    "source_text", "target_text", "question", "answer", "id",
}  # fmt: skip


def _places(rows, names, name, source, target):
    """Which columns of numbered rows of cells are the sources and the targets, and notes."""
    if not rows:
        raise UserError(f"{name} holds no pairs. Write one a line: source, tab, target.")
    width = max(len(cells) for _, cells in rows)
    if width == 1:
        raise UserError(
            f"Expected two columns of texts in {name}. Received: one, such as "
            f"{_short(rows[0][1][0])}. Put a tab between source and target, or name the sign that "
            "stands there with --separator."
        )
    places = [_place(column, names, width, name, flag)
              for column, flag in ((source, "--source"), (target, "--target"))]  # fmt: skip
    free = [place for place in range(width) if place not in places]
    found = [place for place in free if _holds_texts(rows, place)]
    shown = ", ".join(_called(names, place) for place in found) or "none"
    if len(free) == places.count(None):
        found = free  # there is nothing to choose
    places = [found.pop(0) if place is None and found else place for place in places]
    if None in places or places[0] == places[1]:
        raise UserError(
            f"Expected two columns of texts in {name}. Received: {width} columns, of texts among "
            f"them: {shown}. Say which they are with --source and --target: a number from 1, or a "
            "name of the header."
        )
    if width == 2 and places == [0, 1] and not names:
        return places, ()
    said = [_called(names, place) for place in places]
    return places, (f"of {width} columns, {said[0]} is the source and {said[1]} the target",)


def _pairs(rows, places, name):
    pairs = []
    for number, cells in rows:
        pair = tuple(cells[place].strip() if place < len(cells) else "" for place in places)
        if not all(pair):
            side = "target" if pair[0] else "source"
            raise UserError(
                f"The {side} in {number} of {name} is empty: {_short(chr(9).join(cells))}. "
                f"Complete it, or delete the {number.split()[0]}."
            )
        pairs.append(pair)
    return pairs


def _called(names, place):
    return repr(names[place]) if names and place < len(names) else f"number {place + 1}"


def _names_note(what, names):
    return f"the first {what} holds names: {', '.join(names)} (--header none reads it)"


def _place(column, names, width, name, flag):
    """The position of a column that a flag names, or `None`."""
    if column is None:
        return None
    if names and column in names:
        return names.index(column)
    if column.isdigit() and 1 <= int(column) <= width:
        return int(column) - 1
    known = f"{', '.join(names)}, or a" if names else "a"
    raise UserError(f"Expected {flag} to be {known} number from 1 to {width}. Received: {column}")


def _holds_texts(rows, place):
    """Whether a column holds texts, and not numbers or a few codes such as those of languages."""
    cells = [cells[place] for _, cells in rows if place < len(cells)]
    cells = [cell for cell in cells if cell]
    values = sum(is_number(cell) or is_date(cell) for cell in cells)
    if not cells or values >= 0.9 * len(cells):
        return False
    few = len(cells) > 10 and len({*cells}) <= 3
    short = max(map(len, cells)) <= 8 and not any(" " in cell for cell in cells)
    spaced = any(" " in cell for _, row in rows[:100] for cell in row)
    return not (short and (few or (spaced and any(c.isdigit() for cell in cells for c in cell))))


def _short(line):
    return repr(line[:_SHOWN] + ("..." if len(line) > _SHOWN else ""))
