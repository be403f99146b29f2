"""Mutated files and flags for all that reads: a `UserError`, or an answer, and nothing else."""

import contextlib
import gzip
import io
import json
import math
import os
import random
import re
import signal
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from recipes import RECIPES
from recipes.data.dialect import Dialect
from recipes.data.files import open_table
from recipes.engine import arguments
from recipes.engine.folder import RunFolder, find_runs
from recipes.engine.listing import show_runs
from recipes.engine.recipe import find_recipe
from recipes.errors import UserError
from recipes.tuning.plan import Plan, TuningFolder

#: What becomes of an input: it is read, refused with a `UserError`, takes too long, or is not met.
VERDICTS = ("read", "clear", "slow", "traceback")
#: Seconds that one input may take.
LIMIT = 10
#: What mutations insert.
TOKENS = [
    *(sign.encode() for sign in ',;\t|"\'\n\r\x00 =+-@:#[]{}<>/'),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"nan", b"inf", b"-0", b"null", b"true", b"--", b"%s"),
    *(b"1e999", b"99999999999999999999", b"2024-02-30", b"01/02/2024", b"2024-03-31T02:30+02:00"),
    *(b"!!python/object:os.system", b"&a [*a]", b"[" * 2000, b"\xc3\x28", b"1,5", b"1.234,5"),
    *("\u202e\U0001f600é".encode(), b"../../etc/passwd"),
]  # fmt: skip


def mutated(content: bytes, others: list[bytes], generator: random.Random) -> bytes:
    """A file's content with one to four changes: bytes, tokens, parts of itself or of another."""
    found = bytearray(content)
    for _ in range(generator.choice((1, 1, 1, 2, 4))):
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
    return found


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


def _configs():
    found = []
    for name in RECIPES:
        config = find_recipe(name).config()
        found.append(RunFolder.config_text(name, config, data_sha256="0").encode())
    return found


def _read_config(path):
    folder = RunFolder(path.parent)
    path.replace(folder.config)
    saved = folder.read_config()
    run = saved.pop("run")
    RunFolder.open(path.parent, finished=False)
    find_recipe(run.get("recipe")).config.from_saved(saved, str(folder.config)).validate()


def _read_flags_file(path):
    recipe = re.search(rb"recipe: (\w+)", path.read_bytes())
    name = recipe[1].decode() if recipe else "forecast"
    arguments.parse(find_recipe(name).name, ["--config", str(path)]).validate()


def _metrics():
    scores = {"mae": 1.5, "accuracy": 0.5}
    found = {"recipe": "forecast", "model": "wavenet", "dataset": "book", "parameters": 5}
    found |= {"seed": 1, "epochs": 2, "seconds": 1.5, "validation": scores, "test": scores}
    return [json.dumps(found).encode(), json.dumps({**found, "recipe": "tabular"}).encode()]


def _read_metrics(path):
    run = path.parent / "logs" / "forecast" / "run"
    run.mkdir(parents=True, exist_ok=True)
    path.replace(run / "metrics.json")
    assert find_runs(path.parent / "logs")
    show_runs(str(path.parent / "logs"))


def _command_lines():
    flags = "--epochs=3 --batch_size 8 --model.units [5,6] --learning_rate 1e-3 --schedule cosine"
    more = "--data t.csv --target y --seed 1 --loss huber --ema 0.9 --optimizer sgd --nesterov true"
    return [f"{name} {part}".encode() for name in RECIPES for part in (flags, more)]


def _read_command_line(path):
    recipe, *rest = path.read_bytes().decode(errors="surrogateescape").split(" ")
    if not arguments.HELP & {*rest}:
        arguments.parse(find_recipe(recipe).name, rest).validate()


def _tokenizers():
    from zoo.layers import SubwordTokenizer

    text = "the cat sat on a mat, naïve \U0001f642 " * 9
    sizes = {"bpe": 270, "wordpiece": 530, "unigram": 270}
    fitted = [SubwordTokenizer.fit(text, kind, size) for kind, size in sizes.items()]
    return [layer.model_json.encode() for layer in fitted]


def _read_tokenizer(path):
    from zoo.layers import SubwordTokenizer

    try:  # what becomes a `ModelFileError` where a model is loaded
        layer = SubwordTokenizer(path.read_text(errors="surrogateescape"))
    except ValueError as error:
        raise UserError(str(error)) from error
    ids = layer.encode("the cat, \U0001f642 zz")
    assert isinstance(layer.decode(ids), str)


def _chords():
    rows = [f"{74 - n % 3},{70 - n % 2},0,{50 + n % 4}" for n in range(12)]
    return ["\n".join([sign.join(names), *rows]).encode() for sign in "," for names in (
        ("note0", "note1", "note2", "note3"), ("note3", "note1", "note2", "note0"))]  # fmt: skip


def _read_chords(path):
    from recipes.language_model.data.chorales import read_chords

    assert read_chords(path).dtype == np.uint8


def _plans():
    found = []
    for name in RECIPES:
        for tuner, given in (("random", ()), ("hyperband", ("batch_size", "model.units"))):
            found.append(Plan(name, find_recipe(name).config(), given, tuner, 3).text().encode())
    return found


def _read_plan(path):
    folder = TuningFolder(path.parent)
    path.replace(folder.plan)
    Plan.read(folder).check()


#: What reads, by name: valid inputs to begin with, and what reads a file of them.
READERS = {
    "tables": (_tables, _read_table),
    "npz": (_archives, _read_archive),
    "pictures": (_pictures, _read_picture),
    "config.yaml": (_configs, _read_config),
    "--config": (_configs, _read_flags_file),
    "metrics.json": (_metrics, _read_metrics),
    "command line": (_command_lines, _read_command_line),
    "tuning.yaml": (_plans, _read_plan),
    "tokenizer": (_tokenizers, _read_tokenizer),
    "chords": (_chords, _read_chords),
}


class _TooSlowError(BaseException):
    """An input that takes longer than `LIMIT`."""


def fuzz(
    reader: str, count: int, seed: int, seconds=None
) -> tuple[Counter, list[tuple[bytes, str]]]:
    """Gives a reader so many inputs, and says what became of them.

    Args:
        reader: One of `READERS`.
        count: Inputs.
        seed: Seed of their mutations.
        seconds: Seconds of the processor after which it is enough.

    Returns:
        How many were `"read"`, `"clear"` (a `UserError`), `"slow"` or a `"traceback"`, and those of
        the last two kinds, one for each place in the code, with what was raised.
    """
    make, read = READERS[reader]
    begun, generator = make(), random.Random(seed)
    counts, found = Counter(), {}

    def stop(number, frame):
        raise _TooSlowError

    before = signal.signal(signal.SIGALRM, stop)
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as silence:
        end = time.process_time() + (seconds or math.inf)
        for _ in range(count):
            if time.process_time() > end:
                break
            content = mutated(generator.choice(begun), begun, generator)
            path = Path(folder) / "input"
            path.write_bytes(content)
            verdict, said = _tried(read, path, silence)
            counts[verdict] += 1
            if verdict in ("traceback", "slow"):
                place = [line for line in said.splitlines() if line.startswith("  File")][-1]
                found.setdefault(place, (content, said))
    signal.signal(signal.SIGALRM, before)
    return counts, list(found.values())


def _tried(read, path, silence):
    signal.alarm(LIMIT)
    try:
        with (
            contextlib.redirect_stdout(silence),
            contextlib.redirect_stderr(silence),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            read(path)
        return "read", ""
    except UserError:
        return "clear", ""
    except _TooSlowError:
        return "slow", traceback.format_exc()
    except KeyboardInterrupt:
        raise
    except BaseException:  # a panic in Rust is no Exception
        return "traceback", traceback.format_exc()
    finally:
        signal.alarm(0)
