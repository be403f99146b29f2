"""Files of data, and what reads them: see `fuzz`."""

import gzip
import io
import random
import re
import tempfile
import zipfile
import zlib
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from recipes.data.dialect import Dialect
from recipes.data.files import open_table
from scripts.fault_tests import made_up


def _tables():
    frame = pd.DataFrame(
        {
            "day": pd.date_range("2024-01-01", periods=12).astype(str),
            "size": [f"{n},5" for n in range(12)],
            "name": ["a b", "é", "", "NA"] * 3,
            "code": [f"0{n}" for n in range(12)],
        }
    )
    typed = frame.assign(day=pd.to_datetime(frame["day"]), size=range(12))
    texts = [frame.to_csv(index=False, sep=sign) for sign in ",;\t"]
    found = [text.encode(code) for text in texts for code in ("utf-8", "utf-16", "cp1252")]
    found += [gzip.compress(found[0]), frame.to_json(orient="records", lines=True).encode()]
    found += [frame.to_json(orient="records").encode(), typed.to_parquet()]
    for write in (partial(typed.to_excel, index=False), partial(_zip, text=texts[0])):
        file = io.BytesIO()
        write(file)
        found.append(file.getvalue())
    return found + _made_up(made_up.read_back)() + _made_up(made_up.typed)()


def _zip(file, text):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", text)


def _read_table(path):
    table = open_table(path, Dialect())
    for name in table.names:
        table.column(name)
    if table.names and table.holds_times(table.names[0]):
        table.times(table.names[0])


def _archives():
    found = []
    for save in (np.savez, np.savez_compressed):
        for labels in (np.arange(6), np.array(list("aabbcc")), np.array([b"a"] * 6)):
            file = io.BytesIO()
            save(file, x=np.zeros((6, 4, 4), "uint8"), y=labels)
            found.append(file.getvalue())
    return found


def _read_archive(path):
    from recipes.data.images.arrays import read_arrays, read_unlabelled

    read_arrays(path)
    read_unlabelled(path, (4, 4))


def _pictures():
    found = []
    for mode, kinds in (("L", "PNG BMP GIF TIFF"), ("RGB", "PNG JPEG WEBP TIFF"), ("I;16", "PNG")):
        for kind in kinds.split():
            file = io.BytesIO()
            Image.new(mode, (9, 7), 100).save(file, kind)
            found.append(file.getvalue())
    return found


def _read_picture(path):
    from recipes.data.images.image_files import read_images

    read_images([path], image_size=(8, 8))


def _chords():
    rows = [f"{74 - n % 3},{70 - n % 2},0,{50 + n % 4}" for n in range(12)]
    return ["\n".join([sign.join(names), *rows]).encode() for sign in "," for names in (
        ("note0", "note1", "note2", "note3"), ("note3", "note1", "note2", "note0"))]  # fmt: skip


def _read_chords(path):
    from recipes.language_model.data.chorales import read_chords

    assert read_chords(path).dtype == np.uint8


class _WrittenError(Exception):
    """The content that was to be written."""


class _Path:
    """Where nothing is written, and no more is done."""

    def write_bytes(self, content):
        raise _WrittenError(content)


def _made_up(write, least=0):
    """Sixty files of made-up columns, with so many lines at least."""

    def made():
        chance, found = random.Random(7), []
        while len(found) < 60:
            try:
                write(_Path(), chance)
            except _WrittenError as written:
                found += [written.args[0]] * (re.split(b"[\r\n]+", written.args[0])[least:] != [])
        return found

    return made


def _read_series(path):
    """One of several ways to ask for a forecast, drawn by the file."""
    from recipes.forecast.data.opening import open_file
    from recipes.forecast.loading import load_series, split_windows

    ways = (
        *("", "", "--target value", "--series shop --target value", "--wide true", "--time none"),
        *("--resample D", "--series shop --resample W --resample_rule sum", "--missing zero"),
        *("--datetime_features month,dayofweek", "--day_first true", "--date_format %d/%m/%Y"),
        *("--header none", "--skip_rows 1", "--encoding latin-1", "--decimal ,", "--separator ;"),
    )
    flags = ways[zlib.crc32(path.read_bytes()) % len(ways)]
    config, file, _ = open_file(made_up.parsed("forecast", f"{made_up.SHORT} {flags}"), path)
    found = load_series(config, file=file)
    split_windows(config, found)
    config, again, _ = open_file(config, path, file.decided, False)
    assert (load_series(config, future=1, file=again).values == found.values).all()


def _future_tables():
    days = pd.date_range("2024-01-01", periods=14)
    frame = pd.DataFrame({"when": days, "sunny": range(14), "rain": np.arange(14) / 4})
    long = pd.concat([frame.assign(shop=name) for name in "ab"])
    return [each.to_csv(index=False, sep=s).encode() for each in (frame, long) for s in ",;"]


def _read_future(path):
    from recipes.forecast.loading import load_series

    config, file, _ = _opened_series()
    load_series(replace(config, future_covariates=str(path)), future=1, file=file)


@lru_cache(1)
def _opened_series():
    """What future covariates belong to: the same for each of their files."""
    from recipes.forecast.data.opening import open_file

    days = pd.date_range("2024-01-01", periods=12)
    frame = pd.DataFrame({"when": days, "value": np.arange(12) % 5 / 2})
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.csv"
        pd.concat([frame.assign(shop=name) for name in "ab"]).to_csv(data, index=False)
        flags = f"{made_up.SHORT} --target value --series shop"
        return open_file(made_up.parsed("forecast", flags), data)


def _read_examples(path):
    """What `zoo train tabular` reads, and `zoo predict` again."""
    from recipes.tabular.loading import load_table, own_frame

    file = open_table(path, Dialect())
    numbers = [name for name in file.names if file.is_numeric(name)]
    names = numbers if numbers and zlib.crc32(path.read_bytes()) % 4 else file.names
    target = names[zlib.crc32(path.read_bytes()) % len(names)]
    config = replace(made_up.parsed("tabular", ""), data=str(path), target=target)
    table = load_table(config)
    assert sum(map(len, table.rows.values())) == len(table.frame)
    again = own_frame(open_table(path, config, table.decided), config)
    for name in table.columns.numeric:
        a, b = again[name].iloc[table.numbers - 1], table.frame[name]
        assert a.reset_index(drop=True).equals(b.reset_index(drop=True))


def _read_labelled_texts(path):
    from recipes.text_classification.data.labelled_texts import read_labelled_texts

    read_labelled_texts(path)


def _pairs():
    lines = ["Hi.\tHola.", "Run!\tCorre.", 'He said "no".\tDijo que no.', "A, b\tA; b", "é\tñ"]
    tabs = "\n".join(lines * 4).encode()
    commas = "id,english,spanish\n" + "\n".join(f'{n},"a, b{n}",c {n}' for n in range(9))
    return [
        tabs,
        b"english\tspanish\n" + tabs,
        commas.encode(),
        "\r\n".join(lines).encode("cp1252"),
    ]


def _read_pairs(path):
    from recipes.translation.data.pairs import open_pairs

    open_pairs(path)


def _texts():
    texts = ["The cat sat.\r\nNaïve café\n" * 5, "Größe \u2013 \u201cx\u201d\rßä"]
    texts += ["Привет, мир\n" * 9, "", "\x0c"]
    codes = ("utf-8", "utf-16", "cp1252", "utf-8-sig", "cp1251", "koi8-r", "utf-32")
    found = [text.encode(code, "replace") for text in texts for code in codes]
    return [*found, gzip.compress(found[0])]


def _read_text(path):
    from recipes.data.texts import read_noted_text

    assert isinstance(read_noted_text(path)[0], str)


def _picture_tables():
    rows = [f"p{n % 2}.png,{'ab'[n % 2]},{('train', 'test')[n // 6]}" for n in range(8)]
    rows.insert(0, "file,label,split")
    several = ["image,labels"] + [f"p{n % 2}.png,{('a;b', 'b', 'a', '')[n % 4]}" for n in range(8)]
    return [
        "\n".join(each).encode() for each in (rows, several, [r.replace(",", ";") for r in rows])
    ]


def _read_picture_table(path):
    from recipes.data.images.labelled_files import labelled_files

    for name in ("p0.png", "p1.png"):
        path.with_name(name).touch()
    found = labelled_files(path, label_delim=(None, "none", ";")[len(path.read_bytes()) % 3])
    assert len(found.files) == len(found.labels)


#: What reads data, by name: valid inputs to begin with, and what reads a file of them.
READERS = {
    "tables": (_tables, _read_table),
    "npz": (_archives, _read_archive),
    "pictures": (_pictures, _read_picture),
    "chords": (_chords, _read_chords),
    "series": (_made_up(made_up.series), _read_series),
    "future_covariates": (_future_tables, _read_future),
    "examples": (_made_up(made_up.read_back, least=25), _read_examples),
    "labelled texts": (_made_up(made_up.texts), _read_labelled_texts),
    "pairs": (_pairs, _read_pairs),
    "texts": (_texts, _read_text),
    "tables of pictures": (_picture_tables, _read_picture_table),
}
