"""A saved model's tokenizer gives the ids that it was trained on, in a fresh process."""

import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recipes.engine.fitting import start_afresh
from recipes.engine.optimizer import make_optimizer
from recipes.language_model import chorale_task
from tests.shared import every_day, run_fresh

WORDS = ("the", "a", "red", "Blue", "cat", "dog", "sees", "Äpfel", "<b>bold</b>", "&", "not;")
PLAIN = {"units": 4, "attention": "none", "encoder": "plain", "cell": "gru"}  # quick to train
CHORDS = np.random.default_rng(0).choice([0, 36, 60, 64, 81], (3, 300, 4))


def texts(count, longest, seed=0):
    """Texts of one to `longest` words, of different lengths, with capitals, signs and markup."""
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, n % longest + 1)) + f" {n}!" for n in range(count)]


def prose(folder):
    path = folder / "prose.txt"
    path.write_text("\n".join(texts(400, 8)))
    return path


def table(folder):
    path = folder / "mails.csv"
    labels = ["ham", "spam"] * 30
    pd.DataFrame({"text": texts(60, 8), "target": labels}).to_csv(path, index=False)
    return path


def pairs(folder):
    path = folder / "pairs.tsv"
    sides = zip(texts(60, 8), texts(60, 5, seed=1), strict=True)
    path.write_text("".join(f"{source}\t{target}\n" for source, target in sides))
    return path


RECIPES = {
    "language_model": (
        prose,
        {"window": 8, "model_arguments": {"units": 4, "embedding_dim": 4}},
        {
            "characters": {"tokenizer": "characters", "lowercase": True},
            "bpe": {"tokenizer": "bpe", "vocabulary_size": 300, "lowercase": True},
            "unigram": {"tokenizer": "unigram", "vocabulary_size": 300, "batching": "random"},
            "chorales": {"dataset": "chorales", "window": 8, "transpose": False},
        },
    ),
    "text_classification": (
        table,
        {"model_arguments": {"units": 4, "embedding_dim": 4, "encoder": "mean"}},
        {
            "words": {"tokenizer": "words", "max_length": 4, "truncation": "both"},
            "characters": {"tokenizer": "characters", "lowercase": True, "strip_html": False},
            "bpe": {"tokenizer": "bpe", "vocabulary_size": 300, "max_length": 9},
        },
    ),
    "translation": (
        pairs,
        {"longer": "cut", "held_out": 5, "model_arguments": {**PLAIN, "embedding_dim": 4}},
        {
            "words": {"tokenizer": "words", "max_length": 4},
            "characters": {"tokenizer": "characters", "max_length": 30, "lowercase": True},
            "bpe": {"tokenizer": "bpe", "max_length": 12, "source_vocabulary_size": 300},
            "wordpiece": {"tokenizer": "wordpiece", "max_length": 12, "lowercase": True},
        },
    ),
}
CASES = {
    f"{recipe}-{kind}": (recipe, kind) for recipe, (*_, kinds) in RECIPES.items() for kind in kinds
}
#: Each recipe and each tokenizer once.
FEW = (
    "language_model-characters", "language_model-unigram", "language_model-chorales",
    "text_classification-words", "translation-bpe", "translation-wordpiece",
)  # fmt: skip


def read(recipe, task, order, inputs, labels):
    """What a batch holds: `(name of the tokenizer, text, ids)`, without padding."""
    if recipe == "language_model":
        whole = task.segments["train"][0]
        text = task.tokenizer.decode(task.ids[slice(*whole)])
        return [(None, text, row) for row in inputs]
    if recipe == "text_classification":
        found = [task.parts["train"].texts[i] for i in order]
        return [(None, text, row[row != 0]) for text, row in zip(found, inputs, strict=True)]
    rows = []
    for i, source, target, written in zip(order, *inputs.values(), labels, strict=True):
        texts = task.pairs["train"][i]
        written = written[written != 0]
        np.testing.assert_array_equal(target[1 : len(written)], written[:-1])
        rows.append(("source", texts[0], source[source != 0]))
        rows.append(("target", texts[1], np.concatenate([target[:1], written])))
    return rows


FRESH = """
import json, sys, zoo
for folder in sys.argv[1:]:
    model = zoo.load(folder)
    with open(f"{folder}/batch.json") as file:
        rows = json.load(file)
    for name, text, ids in rows:
        found = zoo.tokenizer(model, name).encode(text).tolist()
        if len(found) > 1000:  # a whole training part, of which the batch has a window
            windows = (found[first : first + len(ids)] for first in range(len(found)))
            found = next((window for window in windows if window == ids), None)
        assert found == ids, (folder, name, text[:99], found, ids)
    print(folder)
"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory, request):
    """Trains a tiny model of each kind for a step and saves it; one fresh process reads all."""
    data, folders = tmp_path_factory.mktemp("data"), {}
    asked = [
        item.callspec.params["name"] for item in request.session.items if item.path == request.path
    ]
    for name in asked:
        recipe, kind = CASES[name]
        write, common, kinds = RECIPES[recipe]
        module = importlib.import_module(f"recipes.{recipe}")
        settings = {"batch_size": 8, **common, **kinds[kind]}
        dataset = settings.pop("dataset", None)
        config = replace(
            module.default_config(dataset, own_data=dataset is None),
            **settings, data=None if dataset else str(write(data)),
        )  # fmt: skip
        config.validate()
        start_afresh(config)
        task = module.load_data(config)
        built = module.build_model(config, task)
        batches = task.batches("train", built, seed=1)
        model = built.training_model
        model.compile(
            make_optimizer(config, 10), built.loss, metrics=built.metrics, run_eagerly=True
        )
        order = batches.order()[: batches.batch_size]
        inputs, labels = batches.assemble(order)
        model.train_on_batch(inputs, labels)
        folder = tmp_path_factory.mktemp(f"{recipe}-{kind}")
        built.model.save(folder / "model.keras")
        rows = [
            [name, text.upper() if config.lowercase else text, ids.tolist()]
            for name, text, ids in read(recipe, task, order, inputs, labels)
        ]
        (folder / "batch.json").write_text(json.dumps(rows, default=np.ndarray.tolist))
        folders[name] = str(folder)
    return folders, run_fresh(FRESH, *folders.values()).split()


@pytest.fixture(scope="module", autouse=True)
def chorales():
    with pytest.MonkeyPatch.context() as patch:
        parts = dict(zip(("train", "validation", "test"), CHORDS, strict=True))
        pieces = {part: {f"{part} 1": piece} for part, piece in parts.items()}
        patch.setattr(chorale_task, "chorales", lambda: pieces)
        yield


@pytest.mark.parametrize("name", every_day(FEW, CASES))
def test_a_saved_model_encodes_as_it_was_trained(name, checked):
    folders, printed = checked
    assert folders[name] in printed
    rows = json.loads(Path(folders[name], "batch.json").read_text())
    assert len(rows) >= 4
    assert len({tuple(ids) for _, _, ids in rows}) > 2
