"""Mutated files and flags for all that reads: a `UserError`, or an answer, and nothing else."""

import contextlib
import gzip
import io
import itertools
import json
import math
import os
import random
import re
import shutil
import signal
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections import Counter
from dataclasses import replace
from functools import lru_cache, partial
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
from recipes.errors import UserError, reading
from recipes.tuning.plan import Plan, TuningFolder
from scripts.fault_tests import made_up
from scripts.fault_tests.mutations import mutated

#: What becomes of an input: it is read, refused with a `UserError`, misread, takes too long, or is
#: not met.
VERDICTS = ("read", "clear", "wrong", "slow", "traceback")
#: Seconds of the processor that one input may take.
LIMIT = 10


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


def _models():
    import zoo

    found = [zoo.linear_forecaster((4, 1)), zoo.mlp((3,), units=[4])]
    found.append(zoo.char_rnn(vocabulary_size=5, units=4, num_layers=1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.keras"
        return [model.save(path) or path.read_bytes() for model in found]


def _read_model(path):
    import zoo
    from zoo.errors import ModelFileError

    try:
        zoo.load(path.replace(path.with_suffix(".keras")))
    except ModelFileError as error:  # of which `main` makes a message
        raise UserError(str(error)) from error


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
    config, file = open_file(made_up.parsed("forecast", f"{made_up.SHORT} {flags}"), path)
    found = load_series(config, file=file)
    split_windows(config, found)
    config, again = open_file(config, path, file.decided, False)
    assert (load_series(config, future=1, file=again).values == found.values).all()


def _future_tables():
    days = pd.date_range("2024-01-01", periods=14)
    frame = pd.DataFrame({"when": days, "sunny": range(14), "rain": np.arange(14) / 4})
    long = pd.concat([frame.assign(shop=name) for name in "ab"])
    return [each.to_csv(index=False, sep=s).encode() for each in (frame, long) for s in ",;"]


def _read_future(path):
    from recipes.forecast.data.opening import open_file
    from recipes.forecast.loading import load_series

    data = path.with_name("data.csv")
    if not data.exists():
        days = pd.date_range("2024-01-01", periods=12)
        frame = pd.DataFrame({"when": days, "value": np.arange(12) % 5 / 2})
        pd.concat([frame.assign(shop=name) for name in "ab"]).to_csv(data, index=False)
    config = made_up.parsed("forecast", f"{made_up.SHORT} --target value --series shop")
    config, file = open_file(replace(config, future_covariates=str(path)), data)
    load_series(config, future=1, file=file)


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
    from recipes.translation.data.pairs import read_pairs

    read_pairs(path)


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


def _of_run(name, read):
    """What reads a file of a run, by its name."""

    def of_run(path):
        (path.parent / "run").mkdir(exist_ok=True)
        path.replace(path.parent / "run" / name)
        read(RunFolder(path.parent / "run"))

    return of_run


def _read_partners(folder):
    from recipes.engine.selection import joined

    partners = folder.read_partners()
    known = dict.fromkeys(partners, lambda *arguments: np.ones(3))
    joined(lambda *arguments: np.ones(3), partners, known)


def _radii():
    kept = [
        {"radii": {"80": 1.5, "95": 2}, "labels": []},
        {"radii": {"90": 0.3}, "labels": ["a", "b"]},
    ]
    return [json.dumps(each).encode() for each in kept]


def _read_radii(folder):
    from recipes.engine.conformal import Conformal

    found = Conformal.load(folder)
    if found is not None and len(found.labels) in (0, 2):
        found.columns(np.full((3, 2), 0.5) if found.labels else np.ones(3))


def _read_history(folder):
    from recipes.engine.showing import _history

    _history(folder)


def _intervals():
    file = io.BytesIO()
    levels = {"level_80": np.ones((2, 3, 1)), "level_95": np.ones((2, 3, 1))}
    np.savez(file, ids=np.array(["a", "b"]), period=7, **levels)
    return [file.getvalue()]


def _read_intervals(folder):
    from recipes.forecast.intervals import ConformalIntervals

    ConformalIntervals.load(folder, [80])


def _search(tuner, folder):
    import keras_tuner

    from callbacks.tuning import Search

    space = keras_tuner.HyperParameters()
    space.Float("rate", 1e-3, 1.0, sampling="log")
    space.Choice("kind", ["a", "b"])

    def train(trial):
        if trial.prune:
            trial.prune(0, {"loss": 1.0})
        return {"loss": trial.hyperparameters.values["rate"], "epochs": 1.0, "seconds": 0.1}

    start = {"rate": 0.1, "kind": "a"}
    return Search(train, space, "loss", folder, tuner=tuner, trials=3, epochs=2, start=start)


def _searches(name):
    """A file of a search's state, of some searches that have ended or begun."""

    def made():
        found = []
        for tuner in ("random", "bayesian", "tpe") if name == "search.json" else ("tpe",):
            for limit in (1, 4):
                with tempfile.TemporaryDirectory() as folder:
                    _search(tuner, Path(folder) / "tuner").run(limit)
                    found.append((Path(folder) / "tuner" / name).read_bytes())
        return found

    return made


def _read_search(name):
    def read(path):
        content = path.read_bytes()
        tuners = ("random", "bayesian", "tpe") if name == "search.json" else ("tpe",)
        folder = path.parent / "tuner"
        shutil.rmtree(folder, ignore_errors=True)
        tuner = tuners[zlib.crc32(content) % len(tuners)]
        if name != "search.json":
            folder.mkdir()
            if zlib.crc32(content) % 3:  # killed between the two, or not
                (folder / "search.json").write_bytes(_whole_search())
        folder.mkdir(exist_ok=True)
        path.replace(folder / name)
        search = _search(tuner, folder)
        with reading(folder):  # as `zoo tune --resume` does
            search.restore()
            assert search.trials is not None
        search.run(1)

    return read


@lru_cache(1)
def _whole_search():
    return _searches("search.json")()[-1]


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
    "model.keras": (_models, _read_model),
    "chords": (_chords, _read_chords),
    "series": (_made_up(made_up.series), _read_series),
    "future_covariates": (_future_tables, _read_future),
    "examples": (_made_up(made_up.read_back, least=25), _read_examples),
    "labelled texts": (_made_up(made_up.texts), _read_labelled_texts),
    "pairs": (_pairs, _read_pairs),
    "texts": (_texts, _read_text),
    "tables of pictures": (_picture_tables, _read_picture_table),
    "partners.json": (
        lambda: [b'{"auto_ets": 0.5, "boosted": 0.25}'],
        _of_run("partners.json", _read_partners),
    ),
    "conformal.json": (_radii, _of_run("conformal.json", _read_radii)),
    "history.csv": (
        lambda: [b"epoch,loss,val_loss\n0,1.5,2\n1,1.25,1.75\n"],
        _of_run("history.csv", _read_history),
    ),
    "conformal.npz": (_intervals, _of_run("conformal.npz", _read_intervals)),
    "search.json": (_searches("search.json"), _read_search("search.json")),
    "journal.log": (_searches("journal.log"), _read_search("journal.log")),
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
    content = b""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(Exception):
        path = Path(folder) / "input"
        path.write_bytes(begun[0])
        read(path)  # imports what it needs

    def read_one(path):
        nonlocal content
        content = mutated(generator.choice(begun), begun, generator)
        path.write_bytes(content)
        read(path)

    return tried(read_one, count, seconds, lambda: content)


def make_up(kind: str, count: int, seed: int, seconds=None):
    """The same of tables that are made up: those that are `"read"` are read right."""
    number = itertools.count()

    def read_one(path):
        made_up.KINDS[kind](path, random.Random(f"{seed} {next(number)}"))

    return tried(read_one, count, seconds, lambda: f"the one before {number}")


def tried(read_one, count, seconds, shown):
    """What became of so many inputs, and what those were like of which nothing good became."""
    counts, found = Counter(), {}

    def stop(number, frame):
        raise _TooSlowError

    before = {each: signal.signal(each, stop) for each in (signal.SIGALRM, signal.SIGPROF)}
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as silence:
        end = time.process_time() + (seconds or math.inf)
        for _ in range(count):
            if time.process_time() > end:
                break
            verdict, said = _tried(read_one, Path(folder) / "input", silence)
            counts[verdict] += 1
            if verdict not in ("read", "clear"):
                place = [line for line in said.splitlines() if line.startswith("  File")][-1]
                place += said.splitlines()[-1][:40] * (verdict == "wrong")
                found.setdefault(place, (shown(), said))
    for number, handler in before.items():
        signal.signal(number, handler)
    return counts, list(found.values())


def _tried(read, path, silence):
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    signal.alarm(12 * LIMIT)  # where it only waits
    try:
        with (
            contextlib.redirect_stdout(silence),
            contextlib.redirect_stderr(silence),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            read(path)
        return "read", ""
    except UserError as error:
        return "clear", str(error)
    except AssertionError:
        return "wrong", traceback.format_exc()
    except OSError as error:  # of which `main` makes a message
        return ("clear", "") if error.filename else ("traceback", traceback.format_exc())
    except _TooSlowError:
        return "slow", traceback.format_exc()
    except KeyboardInterrupt:
        raise
    except BaseException:  # a panic in Rust is no Exception
        return "traceback", traceback.format_exc()
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
