"""Changes of files: of their bytes, and of what these stand for."""

import copy
import gzip
import io
import json
import math
import random
import re
import zipfile
import zlib
from functools import lru_cache

import yaml

from recipes.errors import DAMAGED

#: What mutations insert.
TOKENS = [
    *(sign.encode() for sign in ',;\t|"\'\n\r\x00 =+-@:#[]{}<>/'),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"nan", b"inf", b"-0", b"null", b"true", b"--", b"%s"),
    *(b"1e999", b"99999999999999999999", b"2024-02-30", b"01/02/2024", b"2024-03-31T02:30+02:00"),
    *(b"!!python/object:os.system", b"&a [*a]", b"[" * 2000, b"\xc3\x28", b"1,5", b"1.234,5"),
    *("\u202e\U0001f600é".encode(), b"../../etc/passwd"),
]  # fmt: skip


#: What takes the place of a value in a tree of JSON or YAML.
VALUES = [
    *(None, True, False, 0, 1, -1, 2**63, -0.5, 1e308, math.nan, math.inf, "", "x", "1", "nan"),
    *([], [1], [[]], ["a", None], {}, {"a": 1}, "é\u202e", "0" * 400, "2024-02-30", "../x"),
]
#: Cells that take the place of others in a table.
CELLS = [
    *("", "NA", "-", "inf", "1e400", "0x10", "12,5", "1.234,56", "1,234.56", "(12)", "12-", "5 %"),
    *("$ 1", "€1", "0007", "99999999999999999999", "31/02/2024", "2024-02-30", "29.02.2023"),
    *("2024-03-31T02:30:00+02:00", "1/2/3", "Jan-24", "2024Q5", "2024-W54", "24:00", "1900-01-01"),
    *("0001-01-01", "9999-12-31 23:59:60", "31.12.99999", "Total", '"', '"a', 'a"b', "=1+1", "yes"),
    *("\u2212 5", "\u00a01", "\uff11\uff12", "\u0663", "x" * 5000, "1_000", "1 000", "1e5"),
    *("TRUE", "20240230"),
]  # fmt: skip
_PNG = b"\x89PNG\r\n\x1a\n"


def mutated(content: bytes, others: list[bytes], generator: random.Random) -> bytes:
    """A file's content with one to four changes: of bytes, or of what they stand for.

    Values of a tree, cells and lines of a text, and what is packed into an archive or a picture,
    whose checksums are right again.
    """
    for _ in range(generator.choice((1, 1, 1, 2, 4))):
        change = generator.choice((_of_bytes, _of_meaning, _of_meaning))
        content = change(content, others, generator)
    return content


def _of_meaning(content, others, generator):
    """A change of what a file says, where its kind is known."""
    if content.startswith(b"PK\x03\x04"):
        return _of_archive(content, others, generator)
    if content.startswith(b"\x1f\x8b"):
        try:
            return gzip.compress(mutated(gzip.decompress(content), others, generator), 1)
        except DAMAGED:
            return _of_bytes(content, others, generator)
    if content.startswith(_PNG):
        return _of_picture(content, generator)
    tree = _tree(content)
    if isinstance(tree, dict | list) and tree:
        tree = copy.deepcopy(tree)
        _of_tree(tree, generator)
        return (json.dumps(tree) if content[:1] in b"[{" else _yaml(tree)).encode()
    if b"\x00" in content[:1000] or not content:
        return _of_bytes(content, others, generator)
    return _of_text(content, generator)


def _of_archive(content, others, generator):
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # it was damaged before
        return _of_bytes(content, others, generator)
    if not members:
        return content
    name = generator.choice([*members])
    match generator.randrange(8):
        case 0:
            del members[name]
        case 1:
            members[generator.choice([*members])] = members[name]
        case 2:
            members[generator.choice(("x.npy", "../a", "b/c.csv", "xl/workbook.xml"))] = members[
                name
            ]
        case 3:
            members[name] = content
        case _:
            members[name] = mutated(members[name], others, generator)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, inside in members.items():
            archive.writestr(name, inside)
    return file.getvalue()


def _of_picture(content, generator):
    """A PNG file with a chunk changed, left out or twice."""
    chunks, place = [], len(_PNG)
    while place + 8 <= len(content):
        size = int.from_bytes(content[place : place + 4])
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + size]))
        place += size + 12
    at = generator.randrange(len(chunks) + 1)
    kind, inside = chunks[at % len(chunks)] if chunks else (b"IDAT", b"")
    match generator.randrange(4):
        case 0:
            chunks[at : at + 1] = []
        case 1:
            names = (
                b"IHDR",
                b"PLTE",
                b"tRNS",
                b"IDAT",
                b"eXIf",
                b"acTL",
                b"zTXt",
                b"iCCP",
                b"IEND",
            )
            chunks.insert(at, (generator.choice(names), inside))
        case _:
            chunks[at : at + 1] = [(kind, _of_bytes(inside, [inside], generator))]
    parts = [_PNG]
    for kind, inside in chunks:
        check = zlib.crc32(kind + inside).to_bytes(4)
        parts += [len(inside).to_bytes(4), kind, inside, check]
    return b"".join(parts)


@lru_cache(200)
def _tree(content):
    """What JSON or YAML says; `None` for other files."""
    try:
        if content[:1] in (b"[", b"{"):
            return json.loads(content)
        if content[:500].count(b": ") > 3:
            return yaml.load(content, yaml.CSafeLoader)
    except Exception:  # it was damaged before
        return None
    return None


def _yaml(tree):
    return yaml.dump(tree, Dumper=yaml.CSafeDumper, sort_keys=False)


def _of_tree(tree, generator):
    """Another value, key or length somewhere in a tree."""
    places = []

    def walk(part):
        for key in part if isinstance(part, dict) else range(len(part)):
            places.append((part, key))
            if isinstance(part[key], dict | list):
                walk(part[key])

    walk(tree)
    part, key = generator.choice(places)
    match generator.randrange(6):
        case 0:
            del part[key]
        case 1 if isinstance(part, dict):
            part[generator.choice(("x", "", "recipe", "run", "data"))] = part.pop(key)
        case 2:
            other, place = generator.choice(places)
            part[key] = copy.deepcopy(other[place])
        case _:
            part[key] = copy.deepcopy(generator.choice(VALUES))


def _of_text(content, generator):
    """Lines moved, cells or words replaced, all separators, line ends or the encoding."""
    end = b"\r\n" if b"\r\n" in content else b"\n"
    lines = content.split(end)
    at, other = generator.randrange(len(lines)), generator.randrange(len(lines))
    match generator.randrange(12):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[other])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            end = generator.choice((b"\r", b"\n", b"\r\n", b"\n\n", b"\n\r"))
        case 4:
            one, new = (generator.choice((b",", b";", b"\t", b"|", b" ", b".")) for _ in range(2))
            lines = [line.replace(one, new) for line in lines]
        case 5:
            try:
                return content.decode().encode(
                    generator.choice(
                        ("utf-16", "utf-16-be", "utf-32", "cp1252", "utf-8-sig", "cp437")
                    )
                )
            except UnicodeError:
                return content
        case 6:
            lines.insert(at, generator.choice(CELLS).encode())
        case _:
            signs = rb"([,;\t|: \n])"
            sign = generator.choice((rb"([,;\t|])", signs))
            parts = re.split(sign, lines[at])
            place = 2 * generator.randrange((len(parts) + 1) // 2)
            parts[place] = generator.choice(CELLS).encode()
            if generator.random() < 0.2:  # the whole column
                new, place = parts[place], place
                for row, line in enumerate(lines):
                    cells = re.split(sign, line)
                    if place < len(cells) and row:
                        cells[place] = generator.choice((new, cells[place]))
                        lines[row] = b"".join(cells)
            else:
                lines[at] = b"".join(parts)
    return end.join(lines)


def _of_bytes(content, others, generator):
    """Bytes turned, tokens put in, parts doubled, left out, or taken from another file."""
    found = bytearray(content)
    at = generator.randrange(len(found) + 1)
    end = min(len(found), at + generator.choice((1, 2, 4, 16, 200)))
    match generator.choice((0, 1, 1, 2, 2, 2, 3, 4, 5, 6, 6)):
        case 0:
            del found[at:end]
        case 1:
            found[at:end] = bytes(generator.randrange(256) for _ in range(end - at))
        case 2:
            found[at:at] = generator.choice(TOKENS)
        case 3:
            found[at:end] = found[at:end] * generator.choice((2, 3, 50))
        case 4:
            del found[at:]
        case 5:
            other = generator.choice(others)
            found[at:] = other[generator.randrange(len(other) + 1) :]
        case 6 if found:
            found[at % len(found)] ^= 1 << generator.randrange(8)
    return bytes(found)
