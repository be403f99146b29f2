"""`zoo train language_model` and `zoo predict` from end to end, on tiny texts."""

import ast
import contextlib
import io
import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import yaml

import zoo
from callbacks import Checkpoint
from recipes import language_model
from recipes.cli import main
from recipes.engine.arguments import parse
from recipes.engine.tables import fenced
from recipes.errors import UserError
from recipes.language_model import samples
from recipes.language_model.predict import make_sampler, texts
from recipes.language_model.presets import PRESETS
from recipes.language_model.scores import language_scores
from scripts.benchmarks.language_model import BOOK_LOSS, BOOK_NATS

TINY = {
    "epochs": 3, "batch_size": 4, "window": 16, "learning_rate": 0.01, "sample_length": 30,
    "model.units": 12, "model.embedding_dim": 6, "model.dropout": 0.1, "jit_compile": "false",
    "progress": "false", "validation_fraction": 0.1, "test_fraction": 0.1,
}  # fmt: skip
WORDS = ("the", "rain", "in", "Spain", "falls", "on", "a", "plain", "and", "stays")


def prose(count=700, seed=0):
    """Words in an order that the word before partly decides."""
    generator = np.random.default_rng(seed)
    at, words = 0, []
    for _ in range(count):
        at = (at + generator.integers(1, 4)) % len(WORDS)
        words.append(WORDS[at])
    lines = [" ".join(words[i : i + 9]) for i in range(0, count, 9)]
    return ".\n".join(lines)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "prose.txt"
    path.write_text(prose())
    return path


@pytest.fixture(scope="module")
def quick(undrawn):
    """Makes contexts without drawing and writing samples, which takes longer than training here."""
    write = lambda model, ids, length, ts, seed: np.resize(ids, (len(ts), length))  # noqa: E731

    @contextlib.contextmanager
    def make():
        with undrawn(), mock.patch.object(samples, "write", write):
            yield

    return make


@pytest.fixture(scope="module")
def train(trainer, data, quick):
    """Calls `zoo train language_model` with a tiny model and returns the folder of the run."""
    return trainer("language_model", quick, **TINY, data=data)


@pytest.fixture(scope="module")
def run(train):
    """A plain run, samples and all."""
    return train(draw=True)


@pytest.fixture(scope="module")
def odd(train, tmp_path_factory):
    """A run whose vocabulary has an unknown token, on lower-case text."""
    path = tmp_path_factory.mktemp("odd") / "odd.txt"
    path.write_text(prose() + "\u2603\u00e9 " * 40)
    return train(data=path, lowercase="true", epochs=1)


@pytest.fixture(scope="module")
def loaded(run):
    """The model of the plain run; within this module it is loaded, and its loops compiled, once."""
    model = zoo.load(run)
    original = zoo.load
    with mock.patch.object(zoo, "load", lambda p: model if Path(p) == run else original(p)):
        yield model


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text())


def predict(capsys, run, *arguments, status=0):
    """What the program prints on standard output and on standard error."""
    capsys.readouterr()
    assert main(["predict", str(run), *map(str, arguments)]) == status
    return capsys.readouterr()


def task_and_built(data, **flags):
    """What the recipe makes of the tiny settings, in this process."""
    defaults = {"data": str(data), "dataset": None, "batch_size": 4, "window": 16}
    arguments = {"units": 12, "embedding_dim": 6}
    config = replace(
        language_model.default_config(own_data=True),
        **{**defaults, "jit_compile": False, "model_arguments": arguments, **flags},
    )
    config.validate()
    keras.utils.set_random_seed(1)
    task = language_model.load_data(config)
    return task, language_model.build_model(config, task)


# The folder


def test_a_run_holds_everything(run):
    found = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    logs = {path for path in found if "tfevents" in path}
    assert {str(Path(path).parent) for path in logs} == {"."}
    logs |= {path for path in found if path.startswith(("embedding.", "projector_config"))}
    kept = {path for path in found if path.startswith("checkpoints/")}
    assert found - logs - kept == {
        "config.yaml", "metrics.json", "model.keras", "samples.txt", "report.md", "history.csv",
        "plots/learning_curves.png",
    }  # fmt: skip


def test_metrics_have_the_agreed_keys(run):
    metrics = metrics_of(run)
    assert (metrics["recipe"], metrics["model"]) == ("language_model", "char_rnn")
    assert list(metrics["baselines"]) == [f"{n}-gram" for n in range(1, 6)]
    splits = [metrics[name] for name in ("train", "validation", "test")]
    splits += [part for each in metrics["baselines"].values() for part in each.values()]
    for scores in splits:
        assert list(scores) == ["nats", "bits_per_character", "perplexity", "accuracy"]
        assert scores["bits_per_character"] == pytest.approx(scores["nats"] / np.log(2))
        assert scores["perplexity"] == pytest.approx(np.exp(scores["nats"]))
        assert 0 < scores["accuracy"] < 1
    assert metrics["test"]["nats"] < metrics["baselines"]["1-gram"]["test"]["nats"]


def test_scores_are_those_of_one_pass_of_the_saved_model(run, data):
    model = zoo.load(run)
    assert not model.compiled
    text = data.read_text()
    ids = zoo.tokenizer(model).encode(text)
    tenth = round(len(text) / 10)
    logits = np.asarray(model(ids[None, -tenth:-1]), np.float64)[0]
    targets = ids[1 - tenth :]
    logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    found = language_scores(logits[np.arange(len(targets)), targets], logits.argmax(-1) == targets)
    assert metrics_of(run)["test"] == pytest.approx(found, rel=1e-4)


def test_the_report_shows_what_the_model_writes(run):
    text = (run / "report.md").read_text()
    for line in (
        "|  | part | nats | bits_per_character | perplexity | accuracy |", "| 5-gram | test | ",
        "## Generated text", "| temperature | longest copy | it reads |", "Temperature 0.2:",
        "| 0.5 | ", " of 30 characters | '", "![Learning curves](plots/learning_curves.png)",
    ):  # fmt: skip
        assert line in text
    written = (run / "samples.txt").read_text()
    assert re.findall("== temperature (.*) ==", written) == ["0.2", "0.5", "1"]


def test_tensorboard_has_samples_as_text(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run)).Reload()
    tags = [tag for tag in events.Tags()["tensors"] if "temperature" in tag]
    assert tags == [f"temperature_{t}/text_summary" for t in ("0.2", "0.5", "1")]
    first, last = events.Tensors(tags[1])[0], events.Tensors(tags[1])[-1]
    assert (first.step, last.step) == (0, 2)
    shown = last.tensor_proto.string_val[0].decode()
    written = (run / "samples.txt").read_text()
    report = (run / "report.md").read_text()
    said = re.search(r"goes on from (.*?);", report)[1]
    prompt = ast.literal_eval(said.replace(r"\\", "\\"))
    assert len(prompt) == samples.PROMPT_LENGTH
    assert shown.startswith(f"~~~text\n{prompt}")
    assert written.count(prompt) >= 3


def test_config_keeps_the_parts(run, data):
    saved = yaml.safe_load((run / "config.yaml").read_text())
    length = len(data.read_text())
    tenth = round(length / 10)
    parts = {"train": length - 2 * tenth, "validation": tenth, "test": tenth}
    assert saved["run"]["tokens_of"] == parts
    assert saved["run"]["vocabulary_size"] == len(set(data.read_text()))
    assert saved["batching"] == "streams"


@pytest.mark.slow  # other recipes and test_checkpoint.py cut runs off every day
def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(run, train, quick):
    def killed(self, epoch, logs=None):
        original(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    original = Checkpoint.on_epoch_end
    with mock.patch.object(Checkpoint, "on_epoch_end", killed):
        cut = train(status=130)
    assert not (cut / "metrics.json").exists()
    with quick():
        assert main(["train", "--resume", str(cut)]) == 0
    for name in ("train", "validation", "test"):
        assert metrics_of(cut)[name] == metrics_of(run)[name]


# Training


def test_sub_words_are_scored_by_character(train):
    run = train(tokenizer="bpe", vocabulary_size=280, epochs=1, batching="sliding", stride=8)
    metrics = metrics_of(run)
    for part in (metrics["test"], metrics["baselines"]["2-gram"]["test"]):
        assert part["nats"] < 0.7 * part["nats_per_token"]
        assert part["perplexity"] == pytest.approx(np.exp(part["nats_per_token"]))
    assert "bpe" in (run / "config.yaml").read_text()


def test_the_training_model_carries_its_state_from_batch_to_batch(data):
    task, built = task_and_built(data)
    (reset,) = built.callbacks
    batches = task.batches("train", built, seed=1)
    rows = batches.order().reshape(len(batches), -1)[:3]
    parts = [np.asarray(built.training_model(batches.assemble(row)[0])) for row in rows]
    whole = np.concatenate([batches.assemble(row)[0] for row in rows], axis=1)
    expected = np.asarray(built.model(whole))
    np.testing.assert_allclose(np.concatenate(parts, axis=1), expected, atol=1e-5)
    reset.set_model(built.training_model)
    reset.on_epoch_begin(1)
    again = np.asarray(built.training_model(batches.assemble(rows[0])[0]))
    np.testing.assert_allclose(again, parts[0], atol=1e-6)


def test_models_without_a_state_take_windows(data):
    config = language_model.default_config(own_data=True, model="transformer_language_model")
    assert config.batching == "random"
    with pytest.raises(UserError, match=r"--batching streams carries a state.*Use --batching ran"):
        task_and_built(
            data, model="transformer_language_model", batching="streams",
            model_arguments={"num_layers": 1, "num_heads": 2, "embedding_dim": 8},
        )  # fmt: skip
    task, built = task_and_built(
        data, model="transformer_language_model", batching="random",
        model_arguments={"num_layers": 1, "num_heads": 2, "embedding_dim": 8},
    )  # fmt: skip
    assert built.callbacks == ()
    reader = task.predictor(built.model)
    assert (reader.block, reader.warm_up) == (8, 8)
    assert 0 < task.score(task.predict(reader, "test"), "test")["accuracy"] < 1


@pytest.mark.slow  # engine/test_finding.py asks for a forecast every day
def test_find_lr(train, capsys):
    folder = train("--steps=20", command="find-lr", name="found", batching="random")
    assert (folder.parent / "find-lr-found" / "find-lr.csv").exists()
    assert "recommended" in capsys.readouterr().out


@pytest.mark.slow
def test_a_search(train):
    run = train("--trials=1", command="tune", epochs=1, window=16, batch_size=4)
    rows = (run / "tuning.csv").read_text().splitlines()
    assert len(rows) == 3
    assert "weight_decay" in rows[0]
    assert "## Tuning" in (run / "report.md").read_text()


# Predict


def test_a_prompt_goes_on(run, loaded, capsys):
    out, error = predict(capsys, run, "--text", "the rain", "--length", 50)
    assert error == ""
    assert out.startswith("the rain")
    assert len(out) == len("the rain") + 50 + 1
    assert predict(capsys, run, "--text", "the rain", "--length", 20)[0][:-1] == out[:28]
    assert predict(capsys, run, "--text", "the rain", "--seed", 7)[0][:50] != out[:50]


def test_the_model_of_a_run_goes_on(run, loaded, capsys):
    expected = predict(capsys, run, "--text", "the rain", "--length", 9)[0]
    assert loaded.predict("the rain", length=9) == expected


def test_the_same_prompt_from_a_file_and_from_standard_input(
    run, loaded, capsys, tmp_path, monkeypatch
):
    expected = predict(capsys, run, "--text", "in Spain", "--length", 40)[0]
    (tmp_path / "prompt.txt").write_text("in Spain\n")
    assert predict(capsys, run, tmp_path / "prompt.txt", "--length", 40)[0] == expected
    standard_input = io.TextIOWrapper(io.BytesIO(b"in Spain\n"))
    monkeypatch.setattr(sys, "stdin", standard_input)
    assert predict(capsys, run, "-", "--length", 40)[0] == expected
    flags = ["--text", "in Spain", "--length", 40, "-o", tmp_path / "out.txt"]
    assert predict(capsys, run, *flags)[0] == ""
    assert (tmp_path / "out.txt").read_text() == expected


def test_several_samples_start_with_the_single_one(run, loaded, capsys):
    single = predict(capsys, run, "--text", "a plain", "--length", 40)[0]
    out = predict(capsys, run, "--text", "a plain", "--length", 40, "--samples", 3)[0]
    first, second, third = re.split(r"== \d of 3 ==\n", out)[1:]
    assert first == single
    assert len({first, second, third}) == 3
    assert second.startswith("a plain")


def test_the_likeliest_characters(run, loaded, capsys):
    tokens = zoo.tokenizer(loaded)
    found = zoo.decoding.generate(loaded, tokens.encode("on a"), 20)
    out = predict(capsys, run, "--text", "on a", "--length", 20, "--top-k=1")[0]
    assert out == f"on a{tokens.decode(found)}\n"


def test_flags_make_samplers():
    assert make_sampler(0.5) == zoo.decoding.Temperature(0.5)
    assert make_sampler(0.5, top_k=3) == zoo.decoding.TopK(3, 0.5)
    assert make_sampler(2.0, top_p=0.9) == zoo.decoding.TopP(0.9, 2.0)
    assert make_sampler(1.0, min_p=0.1) == zoo.decoding.MinP(0.1, 1.0)


def test_output_appears_as_it_comes(run, loaded, capsys):
    seen = []
    with mock.patch.object(sys.stdout, "flush", side_effect=lambda: seen.append(1)):
        main(["predict", str(run), "--text", "the", "--length", "100"])
    assert len(seen) >= 5  # the prompt, four chunks, the end


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "A prompt is missing: give a file"),
        (
            ["none.txt"],
            "There is no file none.txt to predict from. A prompt itself goes behind --t",
        ),
        (["--text", ""], "The prompt is empty."),
        (["--text", "x!?"], "The model does not know 'x', '!', '?', which the text that it was"),
        (["--text=a", "prompt.txt"], "Give the input either as a file or with --text"),
        (["prompt.txt"], "Expected prompt.txt to be text in UTF-8. Received: the byte 0xe4"),
        (["prompt.txt", "--encoding", "ascii"], "Expected prompt.txt to be text in ascii. Receiv"),
        (["prompt.txt", "--encoding", "nope"], "There is no --encoding nope."),
        (["empty.txt"], "The prompt is empty."),
        (["--text", "a", "--length", "0"], "--length must be at least 1. Received: 0"),
        (["--text", "a", "--samples", "0"], "--samples must be at least 1. Received: 0"),
        (["--text", "a", "--temperature", "0"], "--temperature must be above 0. Received: 0. For"),
        (["--text", "a", "--temperature=-1"], "--temperature must be above 0. Received: -1."),
        (["--text", "a", "--temperature", "nan"], "--temperature must be above 0. Received: nan"),
        (["--text", "a", "--temperature", "hot"], "argument --temperature: invalid float value"),
        (["--text", "a", "--top_k", "0"], "--top_k must be at least 1. Received: 0"),
        (["--text", "a", "--top_k", "99"], "--top_k 99 is more than the 18 tokens"),
        (["--text", "a", "--top_p", "1.5"], "--top_p must be above 0 and at most 1. Received: 1.5"),
        (["--text", "a", "--min_p", "0"], "--min_p must be above 0 and at most 1. Received: 0"),
        (["--text", "a", "--min_p", "1", "--top_k", "3"], "Give one of --top_k, --min_p."),
        (["--text", "a", "--seed=-1"], "--seed must be at least 0. Received: -1"),
        (["--text", "a", "--backtest"], "--backtest is for runs of forecast: leave it out"),
        (["--text", "a", "-o", "nowhere/out.txt"], "Cannot write nowhere/out.txt"),
    ],
)
def test_wrong_input_to_predict(run, loaded, capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("prompt.txt").write_text("дождь", "cp1251")
    Path("empty.txt").write_text("\n")
    before = sorted(Path().rglob("*"))
    out, error = predict(capsys, run, *arguments, status=2)
    assert out == ""
    assert error.startswith(f"zoo: {message}")
    assert error.count("\n") == 1
    assert sorted(Path().rglob("*")) == before


def test_unknown_characters_of_a_prompt_are_named(run, loaded, odd, capsys):
    _, error = predict(capsys, run, "--text", "x!?", status=2)
    assert "'x', '!', '?'" in error
    out, error = predict(capsys, odd, "--text", "The rain \u2603!", "--length", 5)
    assert error == "note: the model does not know '\u2603', '!': read as unknown\n"
    assert out.startswith("the rain \u2603!")
    assert "unknown token" in (odd / "report.md").read_text()


def test_other_recipes_refuse_these_flags(train, tmp_path, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    saved = {"run": {"recipe": "forecast", "format": 1}}
    (folder / "config.yaml").write_text(yaml.safe_dump(saved))
    zipfile.ZipFile(folder / "model.keras", "w").close()
    for flags in (["--text", "a"], ["--length", "5"], ["--top_k", "5"], ["--seed", "1"]):
        _, error = predict(capsys, folder, *flags, status=2)
        everyone = "language_model, text_classification, translation"
        takers = everyone if flags[0] == "--text" else "language_model"
        takers += ", generate_images" * (flags[0] == "--seed")
        assert error == f"zoo: {flags[0]} is for runs of {takers}: leave it out for forecast.\n"


def test_half_a_character_waits_for_the_other_half():
    class Bytes:
        def decode(self, ids):
            return bytes(ids).decode(errors="replace")

    whole = "né\u2603 x\U0001f600".encode()
    for size in (1, 2, 3, 50):
        chunks = [list(whole[i : i + size]) for i in range(0, len(whole), size)]
        found = list(texts(Bytes(), chunks))
        assert "".join(found) == whole.decode()
        assert "\ufffd" not in "".join(found)
    assert "".join(texts(Bytes(), [list(whole[:3])[:2]])) == "n\ufffd"


def test_a_sampler_of_each_row_is_that_of_its_temperature():
    logits = np.random.default_rng(1).normal(size=(2, 9)).astype("float32")
    uniform = np.float32([0.3, 0.8])
    found = np.asarray(samples.EachRow((0.3, 2.0)).sample(logits, uniform))
    for row, temperature in enumerate((0.3, 2.0)):
        alone = make_sampler(temperature).sample(logits[row : row + 1], uniform[row : row + 1])
        assert found[row] == np.asarray(alone)[0]


@pytest.mark.parametrize(
    ("text", "source", "copy"),
    [("abcd", "xbcx", "bc"), ("abc", "xyz", ""), ("abc", "abc", "abc"), ("", "abc", "")],
)
def test_the_longest_copy(text, source, copy):
    assert samples.longest_copy(text, source) == copy


def test_samples_of_any_kind_can_be_quoted():
    assert fenced("a\n~~~\nb").startswith("~~~~text\n")
    section = samples.section("p|", {0.5: "a|b\n" * 30}, "a|b\n" * 90)
    assert r"| 0.5 | 120 of 120 characters | 'a\|b" in section


# Flags


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"window": 0}, "--window must be at least 1"),
        ({"stride": 0}, "--stride must be at least 1"),
        ({"batching": "rows"}, "Expected --batching to be one of streams, random, sliding."),
        ({"validation_fraction": 0}, "--validation_fraction must be above 0 and below 1."),
        ({"test_fraction": 0.95}, "--validation_fraction and --test_fraction leave nothing"),
        ({"split": "book"}, "--split book is that of --dataset shakespeare"),
        ({"sample_temperatures": "0.5,0"}, "--sample_temperatures must be above 0. Received: 0"),
        ({"sample_temperatures": "[]"}, "--sample_temperatures must name at least one"),
        ({"prompt": ""}, "--prompt must not be empty."),
        (
            {"prompt": "\u2603"},
            "--prompt must be made of characters of the text. Received: '\u2603'",
        ),
        ({"dataset": "shakespeare"}, "Give either --dataset or --data, not both"),
        ({"dataset": "novel", "data": None}, "There is no dataset 'novel'. Expected one of python"),
        ({"data": "nowhere.txt"}, "Expected a text file. Received: nowhere.txt, which is nothing"),
        ({"encoding": "klingon"}, "There is no --encoding klingon."),
        ({"window": 5000}, "The text is too short: the "),
        ({"tokenizer": "wordpiece", "vocabulary_size": 40}, "The text cannot be made into tokens."),
        ({"model.vocabulary_size": 3}, "--model.vocabulary_size follows from the other flags"),
        ({"model.stateful": "true"}, "--model.stateful follows from the other flags"),
        ({"model": "mlp"}, "The model cannot be built."),
    ],
)
def test_mistakes_end_with_status_2_and_write_nothing(train, capsys, flags, message):
    folder = train(status=2, **flags)
    error = capsys.readouterr().err
    assert error.startswith(f"zoo: {message}")
    assert error.count("\n") == 1
    assert not folder.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Expected a text with at least two different characters. Received: 0 characters"),
        (b"a", "Expected a text with at least two different characters. Received: 1 characters"),
        (
            "дождь ".encode("cp1251") * 100,
            "Received: the byte 0xe4 in line 1, and several readings are possible. Say which one",
        ),
        (b"short text", "The text is too short: the train part has 8 characters, and one window"),
    ],
)
def test_texts_that_will_not_do(train, capsys, tmp_path, content, message):
    (tmp_path / "bad.txt").write_bytes(content)
    folder = train(status=2, data=tmp_path / "bad.txt")
    assert message in capsys.readouterr().err
    assert not folder.exists()


def test_texts_in_encodings_of_windows(train, tmp_path, capsys):
    path = tmp_path / "rain.txt"
    path.write_text(prose().replace("rain", "pluie mêlée"), "cp1252")
    run = train(data=path, epochs=1)
    noted = f"{path}: encoding cp1252 (--encoding says another one)"
    assert noted in (run / "report.md").read_text()
    assert not zoo.tokenizer(zoo.load(run)).unknown_characters("mêlée")
    path.write_text("a mêlée", "cp1252")
    out, error = predict(capsys, run, path, "--length", 5)
    assert out.startswith("a mêlée")
    assert error == f"note: {noted}\n"
    path.write_text(prose().replace("rain", "дождь"), "cp1251")
    train(data=path, epochs=1, status=2)
    assert "--encoding cp1251 reads 'дождь'" in capsys.readouterr().err
    run = train(data=path, epochs=1, encoding="cp1251")
    assert not zoo.tokenizer(zoo.load(run)).unknown_characters("дождь")
    path.write_text("a дождь", "cp1251")
    assert predict(capsys, run, path, "--length", 5, status=2)[1].count("--encoding cp1251 reads")
    out, error = predict(capsys, run, path, "--length", 5, "--encoding", "cp1251")
    assert (out[:7], error) == ("a дождь", "")


def test_presets_are_flags_of_models_that_can_be_built():
    own = {name: p for name, p in PRESETS.items() if p["dataset"] == "shakespeare"}
    assert set(BOOK_NATS) | set(BOOK_LOSS) == set(own)
    for name in own:
        config = parse("language_model", ["--preset", name])
        config.validate()
        assert config.lowercase
        assert config.split == ("90-10" if "ml2" in name else "book")
        model = zoo.create_model(config.model, vocabulary_size=39, **config.model_arguments)
        book = {"ml3": 39 * 16 + 3 * 128 * (16 + 128 + 2) + 129 * 39,
                "ml2": 3 * 128 * (39 + 128 + 2) + 3 * 128 * (128 + 128 + 2) + 129 * 39}  # fmt: skip
        assert model.count_params() == book[name[:3]]
    assert parse("language_model", ["--preset=ml2-ch16-30", "--data=x.txt"]).dataset is None


def test_defaults_follow_data_and_model():
    config = parse("language_model", [])
    assert (config.dataset, config.split, config.model) == ("python_docs", "fractions", "char_rnn")
    config = parse("language_model", ["--dataset=shakespeare"])
    assert (config.split, config.lowercase) == ("book", True)
    own = parse("language_model", ["--data=x.txt"])
    assert (own.dataset, own.split, own.lowercase) == (None, "fractions", False)


def test_the_search_space_can_be_built(data):
    import keras_tuner

    hp = keras_tuner.HyperParameters()
    found = language_model.search_space(hp)
    assert {"units", "num_layers", "window", "dropout"} <= set(hp.values)
    task_and_built(data, **found)


def test_the_catalogue_names_it_without_keras():
    code = (
        "import sys; from recipes.cli import main; main(['list', '*ch16*']); "
        "main(['list', 'python_docs']); main(['list', 'language_model']); "
        "print('keras' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert all(name in done.stdout for name in (*BOOK_NATS, *BOOK_LOSS, "help texts of Python"))
    assert done.stdout.endswith("False\n")
