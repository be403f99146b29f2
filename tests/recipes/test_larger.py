"""Runs on data larger than memory: decided by a sample, trained on all rows but those held out."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from recipes import language_model, tabular, text_classification, translation
from recipes.cli import main
from recipes.data import larger
from recipes.errors import UserError
from recipes.language_model import loading
from recipes.language_model.config import LanguageModelConfig
from recipes.tabular.config import TabularConfig
from recipes.text_classification.config import TextClassificationConfig
from recipes.translation.config import TranslationConfig
from recipes.translation.loading import key_of

TINY = {"epochs": 2, "model.units": 4, "jit_compile": "false", "progress": "false"}
COUNT = 3000


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(larger, "BLOCK", 1 << 14)


def houses(count=COUNT):
    """Their number, which tells rows apart, is the area; every seventh has no price."""
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"area": np.arange(count), "city": generator.choice(["Bern", "Rome"], count)}
    )
    frame["price"] = 1000 + frame["area"] + 500 * (frame["city"] == "Rome")
    frame.loc[::7, "price"] = np.nan
    return frame


def reviews(count=COUNT):
    """Half of the texts occur a second time, with other signs between."""
    numbers = np.arange(count) % (2 * count // 3)
    words = np.where(numbers % 2, "fine", "awful")
    spaces = [" " if n == k else "  " for n, k in enumerate(numbers)]
    texts = [f"{w} film{s}{k}" for w, s, k in zip(words, spaces, numbers, strict=True)]
    return pd.DataFrame({"text": texts, "label": np.where(numbers % 2, "good", "bad")})


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    found = {}
    for name, frame in (("houses", houses()), ("reviews", reviews())):
        found[name] = tmp_path_factory.mktemp(name)
        for number in range(3):
            frame.iloc[number::3].to_csv(found[name] / f"{number}.csv", index=False)
    return found


def inputs_of(task, built):
    """All that an epoch after the other trains on, in the order of the first two epochs."""
    batches = task.batches("train", built, seed=1)
    orders = []
    for batches.epoch in range(2):
        orders.append(batches.order())
    return batches, np.concatenate(orders)


def test_tables_are_trained_on_but_for_the_rows_held_out(shards):
    config = TabularConfig(
        model="mlp", data=str(shards["houses"]), target="price", in_memory=600, average=False,
        epochs=2, batch_size=32, model_arguments={"units": [4]},
    )  # fmt: skip
    task = tabular.load_data(config)
    built = tabular.build_model(task.config, task)
    batches, order = inputs_of(task, built)
    frame = pd.concat([houses().iloc[number::3] for number in range(3)], ignore_index=True)
    held_out = np.concatenate([task.table.rows[name] for name in ("validation", "test")])
    numbers = task.table.numbers[held_out]
    assert frame.loc[numbers - 1, "price"].tolist() == task.table.target.values[held_out].tolist()
    expected = frame.drop(numbers - 1).dropna()
    assert len(batches.y) == len(expected) > 2000
    x, y = batches.assemble(np.arange(len(expected)))
    mean, scale = task.target_scaling
    assert np.array_equal(x["numeric"][:, 0], expected["area"])
    np.testing.assert_allclose(y[:, 0] * scale + mean, expected["price"], rtol=1e-5)
    assert len(set(order)) >= len(expected) - 2 * 32  # both epochs together read all


def test_a_table_ends_in_a_run_that_goes_on_and_predicts(shards, trainer, quickly, capsys):
    run = trainer("tabular", **TINY, **{"model.members": 1})(
        "--data", shards["houses"], "--target", "price", "--in_memory", 600, average="false"
    )
    metrics = json.loads((run / "metrics.json").read_text())
    kept = (run / "predictions.csv").read_bytes()
    predictions = pd.read_csv(run / "predictions.csv")
    frame = pd.concat([houses().iloc[number::3] for number in range(3)], ignore_index=True)
    assert predictions["target"].tolist() == frame.loc[predictions["row"] - 1, "price"].tolist()
    (run / "metrics.json").unlink()
    max((run / "checkpoints").glob("epoch-*.npz")).unlink()
    with quickly():
        assert main(["train", "--resume", str(run)]) == 0
        assert main(["predict", str(run), "--output", str(run / "again.csv")]) == 0
    again = json.loads((run / "metrics.json").read_text())
    assert again["test"] == metrics["test"]
    assert (run / "predictions.csv").read_bytes() == kept
    assert (run / "again.csv").read_bytes() == kept
    capsys.readouterr()


@pytest.mark.parametrize("encoder", ["mean", "bigru"])
def test_texts_are_trained_on_but_for_those_held_out_and_their_twins(shards, encoder):
    config = TextClassificationConfig(
        model="text_classifier", data=str(shards["reviews"]), in_memory=600, epochs=2,
        batch_size=32, class_weight="balanced",
        model_arguments={"units": 4, "encoder": encoder, "embedding_dim": 4},
    )  # fmt: skip
    task = text_classification.load_data(config)
    built = text_classification.build_model(config, task)
    batches, order = inputs_of(task, built)
    words = [" ".join(text.split()) for text in reviews()["text"]]
    held_out = {" ".join(t.split()) for n in ("validation", "test") for t in task.parts[n].texts}
    expected = [*words[::3], *words[1::3], *words[2::3]]
    expected = [text for text in expected if text not in held_out]
    assert len(batches.labels) == len(expected) > 2000
    ids, labels, weights = batches.assemble(np.arange(len(expected)))
    ids = [row[row > 0].tolist() for row in ids]
    assert ids == [row.tolist() for row in task.reader.encode_list(expected)]
    good = np.array([text.startswith("fine") for text in expected])
    assert np.array_equal(labels[:, 0] == 1, good)
    assert np.array_equal(weights, task.class_weights[good.astype(int)])
    assert len(set(order)) >= len(expected) - 2 * 32


def test_folds_hold_their_own_texts_out(shards):
    config = TextClassificationConfig(
        model="text_classifier", data=str(shards["reviews"]), in_memory=600, epochs=2, folds=3,
        batch_size=32, tokenizer="characters",
        model_arguments={"units": 4, "encoder": "mean", "embedding_dim": 4},
    )  # fmt: skip
    for fold in text_classification.load_data(config).folds().values():
        flat, starts, lengths, *_ = fold.stored.values()
        near = zip(starts[:], lengths[:], strict=True)
        trained = {tuple(flat[start : start + length]) for start, length in near}
        for name in ("validation", "test"):
            known = {tuple(ids) for ids in fold.parts[name].inputs}
            assert len(known) > 20
            assert not known & trained


@pytest.mark.parametrize("change", [{"train_size": 100}, {"bucketing": False}])
def test_flags_of_texts_in_memory(shards, change):
    config = TextClassificationConfig(
        model="text_classifier", data=str(shards["reviews"]), in_memory=600, **change
    )
    with pytest.raises(UserError, match="with --bucketing true and without --train_size"):
        text_classification.load_data(config)


@pytest.mark.slow  # every day a table does
def test_texts_end_in_a_run(shards, trainer):
    run = trainer("text_classification", **TINY)("--data", shards["reviews"], in_memory=600)
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["in_memory"] == 600
    assert "2,000 rows in 3 files" not in (run / "report.md").read_text()
    assert "3,000 rows in 3 files: 600 of them" in (run / "report.md").read_text()


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A text in three files, with an accent and line ends of Windows; and what it says."""
    folder = tmp_path_factory.mktemp("book")
    generator = np.random.default_rng(0)
    text = "".join(generator.choice([*"abcdef \n"], 30_000)) + "é" + "abc def\n" * 1000
    for number in range(3):
        part = text[number * len(text) // 3 : (number + 1) * len(text) // 3]
        (folder / f"{number}.txt").write_text(part, encoding="utf-8", newline="\r\n")
    return folder, text


@pytest.mark.parametrize("tokenizer", ["characters", "bpe"])
def test_texts_are_read_to_the_end_of_training(book, tokenizer):
    folder, text = book
    config = LanguageModelConfig(
        model="char_rnn", data=str(folder), in_memory=10_000, epochs=3, batch_size=4, window=20,
        tokenizer=tokenizer, vocabulary_size=300,
    )  # fmt: skip
    task = language_model.load_data(config)
    training = text[: len(text) - 1000]
    assert task.tokenizer.decode(task.stored[:]) == training.replace(
        "é", "é" if tokenizer == "bpe" else "�"
    )
    bounds = {
        name: task.tokenizer.decode(task.ids[a:b]) for name, [(a, b)] in task.segments.items()
    }
    assert bounds == {"train": text[:9000], "validation": text[-1000:-500], "test": text[-500:]}
    batches, starts = task.batches("train", None, seed=1), []
    for batches.epoch in range(3):
        starts.append(batches.order().reshape(len(batches), 4))
    first = np.concatenate(starts)[:, 0]
    assert len(set(first)) == len(first)
    assert np.ptp(first) + 20 > len(task.stored) // 4 - 3 * 20
    x, y = batches.assemble(starts[0][0])
    assert np.array_equal(x[1:, 1:], y[1:, :-1])
    assert np.array_equal(x[0], task.stored[starts[0][0][0] :][:20])


@pytest.mark.slow  # every day a table does
def test_a_text_ends_in_a_run(book, trainer):
    sizes = {"in_memory": 10_000, "window": 100, "batch_size": 4, "sample_length": 5}
    run = trainer("language_model", **TINY)("--data", book[0], compiled=True, **sizes)
    assert (
        "38,001 characters in 3 files: the first 9,000 and the" in (run / "report.md").read_text()
    )


def test_texts_in_several_files_that_fit_are_read_whole(book):
    folder, text = book
    task = language_model.load_data(LanguageModelConfig(model="char_rnn", data=str(folder)))
    assert task.stored is None
    assert task.tokenizer.decode(task.ids) == text
    assert task.notes[0] == "38,001 characters in 3 files"


def test_texts_that_are_not_read_in_streams(book):
    config = LanguageModelConfig(model="char_rnn", data=str(book[0]), batching="random")
    with pytest.raises(UserError, match="is read by --batching streams"):
        language_model.load_data(config)


def sentences(count=1500):
    """Numbers and their names, half of them a second time in other letters; a few very long."""
    names = np.array(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    )
    numbers = np.arange(count) % 1000
    english = [" ".join(names[[int(digit) for digit in str(n)]]) for n in numbers]
    english = [text if place < 1000 else text.upper() + "!" for place, text in enumerate(english)]
    spelled = [" ".join(str(n) * (90 if n % 97 == 96 else 1)) for n in numbers]
    return pd.DataFrame({"id": np.arange(count), "words": english, "digits": spelled})


@pytest.mark.parametrize("longer", ["drop", "cut"])
def test_pairs_are_trained_on_but_for_those_held_out(tmp_path, longer):
    for number in range(3):
        sentences().iloc[number::3].to_csv(tmp_path / f"{number}.csv", index=False)
    sentences().iloc[96:97].to_csv(tmp_path / "4.csv", index=False)  # too long
    config = TranslationConfig(
        model="transformer", data=str(tmp_path), in_memory=300, epochs=2, batch_size=16,
        source="words", target="digits", tokenizer="words", held_out=20, max_length=8,
        longer=longer, lowercase=True, source_vocabulary_size=40, target_vocabulary_size=40,
    )  # fmt: skip
    task = translation.load_data(config)
    assert "of 3 columns, 'words' is the source and 'digits' the target" in task.notes
    held_out = {key_of(s) for n in ("validation", "test") for s, _ in task.pairs[n]}
    frame = pd.concat([*(sentences().iloc[n::3] for n in range(3)), sentences().iloc[96:97]])
    frame["words"] = frame["words"].str.lower()
    frame = frame[[key_of(text) not in held_out for text in frame["words"]]]
    if longer == "drop":
        frame = frame[frame["digits"].str.len() < 20]
    assert len(frame) > 1000
    batches, order = inputs_of(task, None)
    inputs, labels = batches.assemble(np.arange(len(frame)))
    for given, tokenizer, texts, most in (
        (inputs["source"], task.source_tokenizer, frame["words"], 8),
        (labels, task.target_tokenizer, frame["digits"], 9),
    ):
        ids = [row[:most].tolist() for row in tokenizer.encode_list(list(texts), truncate=False)]
        ids = ids if most == 8 else [row[1:] for row in ids]
        assert [row[row > 0].tolist() for row in given] == ids
    assert np.array_equal(inputs["target"][:, 1:], np.where(labels[:, 1:] > 0, labels[:, :-1], 0))
    assert len(set(order)) >= len(frame) - 2 * 16


def test_series_end_in_a_run_that_goes_on_and_predicts(tmp_path, trainer, quickly, capsys):
    days = pd.date_range("2024-01-01", periods=60)
    for number, part in enumerate((days[:25], days[25:])):
        frame = pd.DataFrame(
            {"day": np.repeat(part, 40), "shop": np.tile(np.arange(40), len(part))}
        )
        frame["sold"] = (frame["day"].dt.day * (1 + frame["shop"]) % 7).astype(float)
        frame.to_parquet(tmp_path / f"{number}.parquet")
    flags = ("--data", tmp_path, "--series", "shop", "--target", "sold", "--in_memory", 600)
    run = trainer("forecast", epochs=2, jit_compile="false", progress="false")(*flags, horizon=2)
    kept, files = (run / "predictions.csv").read_bytes(), ("own.csv", "all.csv")
    assert "2,400 rows in 2 files: 600 of them, whole series" in (run / "report.md").read_text()
    (run / "metrics.json").unlink()
    max((run / "checkpoints").glob("epoch-*.npz")).unlink()
    with quickly():
        assert main(["train", "--resume", str(run)]) == 0
        for name, source in zip(files, ([], [str(tmp_path)]), strict=True):
            assert main(["predict", str(run), *source, "--output", str(run / name)]) == 0
    assert (run / "predictions.csv").read_bytes() == kept
    own, everything = (pd.read_csv(run / name).set_index(["shop", "day"]) for name in files)
    assert (len(own), len(everything)) == (10 * 2, 40 * 2)
    assert own.equals(everything.loc[own.index])
    assert "windows of 40 series are read from the disk" in capsys.readouterr().err


@pytest.mark.slow  # every day a table does
def test_pairs_end_in_a_run(tmp_path, trainer):
    sentences().to_parquet(tmp_path / "pairs.parquet")
    run = trainer("translation", epochs=1, jit_compile="false", progress="false")(
        *("--data", tmp_path / "pairs.parquet", "--in_memory", 300, "--model.units", 4),
        *("--model.embedding_dim", 4, "--source", "digits", "--target", "words"),
    )  # fmt: skip
    assert "1,500 rows: 300 of them, drawn" in (run / "report.md").read_text()


def test_cells_are_read_alike_in_the_sample_and_in_blocks(tmp_path):
    """Their form is decided by rows that not every block has."""
    frame = houses(2000)
    numbers = frame["area"].to_numpy()
    late = numbers >= 1000
    frame["rooms"] = np.where(late, "$", "") + pd.Series(numbers % 3 + 1).astype(str)
    frame["money"] = [f"${n * 1000:,}" if n % 2 else f"{n}" for n in numbers]
    frame["at"] = pd.date_range("2024-01-01", periods=2000, freq="h").strftime("%d/%m/%Y %H:%M")
    frame["price"] = (1000 + frame["area"]).map("{:,}".format)
    path = tmp_path / "t.csv"
    path.write_text("a title\n\n" + frame.to_csv(index=False))
    config = TabularConfig(
        model="mlp", data=str(path), target="price", in_memory=500, average=False, skip_rows=2,
        epochs=2, batch_size=32, model_arguments={"units": [4]}, drop=["area"],
    )  # fmt: skip
    task = tabular.load_data(config)
    held_out = np.concatenate([task.table.rows[name] for name in ("validation", "test")])
    whole = tabular.load_data(replace(config, in_memory=None))
    expected = whole.table.frame.drop(task.table.numbers[held_out] - 1)
    columns = task.preprocessing.columns
    assert dict(columns.categories)["rooms"] == ("1", "2", "3")
    for name, array in columns.encode(expected).items():
        np.testing.assert_array_equal(task.stored[name][:], array, err_msg=name)


def test_rows_of_json_without_a_target(tmp_path):
    houses(2000).dropna().to_json(tmp_path / "0.jsonl", orient="records", lines=True)
    houses(2000).drop(columns="price").to_json(tmp_path / "1.jsonl", orient="records", lines=True)
    config = TabularConfig(
        model="mlp", data=str(tmp_path), target="price", in_memory=500, average=False, epochs=2,
        batch_size=32,
    )  # fmt: skip
    with pytest.raises(UserError, match="'price'"):
        _ = tabular.load_data(config).stored


def test_a_text_that_becomes_shorter_meanwhile(tmp_path, monkeypatch):
    path = tmp_path / "t.txt"
    path.write_text("abc def\n" * 5000)
    fitted = loading.fit_tokenizer

    def shortening(*arguments):
        path.write_text("abc def\n" * 3000)
        return fitted(*arguments)

    monkeypatch.setattr(loading, "fit_tokenizer", shortening)
    config = LanguageModelConfig(model="char_rnn", data=str(path), in_memory=10_000)
    with pytest.raises(UserError, match=r"has changed: 15,\d{3} characters less"):
        language_model.load_data(config)


def test_what_all_rows_would_have_to_be_in_memory_for(shards):
    config = TabularConfig(
        model="wide_and_deep", data=str(shards["houses"]), target="price", in_memory=600,
        neighbors=True,
    )  # fmt: skip
    with pytest.raises(UserError, match="--neighbors true looks for all rows"):
        tabular.load_data(config)


def test_a_class_that_the_sample_lacks(tmp_path):
    frame = reviews()
    frame.loc[COUNT - 1, "label"] = "odd"
    frame.to_csv(tmp_path / "t.csv", index=False)
    config = TextClassificationConfig(
        model="text_classifier", data=str(tmp_path / "t.csv"), in_memory=600, batch_size=32,
    )  # fmt: skip
    task = text_classification.load_data(config)
    with pytest.raises(UserError, match=r"rows 2,\d+ to 3,000 of .*t.csv have a class .*'odd'"):
        _ = task.stored
