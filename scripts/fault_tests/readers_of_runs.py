"""Flags, files of runs and searches, and what reads them: see `fuzz`."""

import io
import json
import re
import shutil
import tempfile
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np

from recipes import RECIPES
from recipes.engine import arguments
from recipes.engine.folder import RunFolder, find_runs
from recipes.engine.listing import show_runs
from recipes.engine.recipe import find_recipe
from recipes.errors import UserError, reading
from recipes.tuning.plan import Plan, TuningFolder


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


def _checkpoints():
    import keras

    from callbacks import BestWeights, Checkpoint

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    x = np.ones((4, 2))
    with tempfile.TemporaryDirectory() as folder:
        watch = [BestWeights("loss")]
        watch.append(Checkpoint(folder, watch))
        model.fit(x, x[:, :1], epochs=2, verbose=0, callbacks=watch)
        return [path.read_bytes() for path in sorted(Path(folder).iterdir())]


def _read_checkpoint(path):
    from callbacks import BestWeights, Checkpoint

    path.replace(path.with_name("epoch-000003.npz"))
    found = Checkpoint(path.parent, [BestWeights("loss")], resume=True)
    if found.problems:  # which are told, and the checkpoint before is taken
        raise UserError(found.problems[0])


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


#: What reads flags, and files of runs, by name: valid inputs, and what reads a file of them.
READERS = {
    "command line": (_command_lines, _read_command_line),
    "--config": (_configs, _read_flags_file),
    "config.yaml": (_configs, _read_config),
    "tuning.yaml": (_plans, _read_plan),
    "metrics.json": (_metrics, _read_metrics),
    "tokenizer": (_tokenizers, _read_tokenizer),
    "model.keras": (_models, _read_model),
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
    "checkpoint": (_checkpoints, _read_checkpoint),
    "search.json": (_searches("search.json"), _read_search("search.json")),
    "journal.log": (_searches("journal.log"), _read_search("journal.log")),
}
