"""`zoo train translation` and `zoo predict` from end to end, on a few dozen pairs."""

import contextlib
import io
import itertools
import json
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import yaml

import zoo
from callbacks import Checkpoint
from recipes import translation
from recipes.cli import main
from recipes.engine.arguments import parse
from recipes.errors import UserError
from recipes.translation.metrics import sentence_scores
from recipes.translation.presets import PRESETS
from recipes.translation.translator import Translator
from scripts.benchmarks.translation import BOOK_TOKEN_ACCURACY

TINY = {
    "epochs": 3, "batch_size": 8, "learning_rate": 0.02, "tokenizer": "words", "max_length": 6,
    "model.units": 12, "model.embedding_dim": 6, "model.attention_layer_size": 12,
    "model.dropout": 0.1, "jit_compile": "false", "progress": "false",
}  # fmt: skip
#: The quickest model to trace, for what does not depend on it.
PLAIN = {
    "model.attention": "none", "model.attention_layer_size": None, "model.encoder": "plain",
    "model.cell": "gru",
}  # fmt: skip
ENGLISH = ("one", "two", "three", "red", "blue", "cat", "dog", "runs")
SPANISH = ("uno", "dos", "tres", "rojo", "azul", "gato", "perro", "corre")


def sentences(count=60):
    """Different sentences of one to four words, and their translations word by word."""
    rows = [row for size in (1, 2, 3, 4) for row in itertools.product(range(8), repeat=size)]
    chosen = np.random.default_rng(0).choice(len(rows), count, replace=False)
    sides = [[" ".join(side[i] for i in rows[n]) for n in chosen] for side in (ENGLISH, SPANISH)]
    return [(f"{s.capitalize()}.", f"¡{t.capitalize()}!") for s, t in zip(*sides, strict=True)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "pairs.tsv"
    path.write_text("".join(f"{s}\t{t}\n" for s, t in sentences()))
    return path


@contextlib.contextmanager
def quick():
    """Without drawing and decoding, which takes longer than training here."""
    touch = lambda self, path, **_: Path(path).touch()  # noqa: E731
    with (
        mock.patch("matplotlib.figure.Figure.savefig", touch),
        mock.patch("callbacks.TensorBoard._write_figures"),
        mock.patch.object(Translator, "translate", lambda self, texts: ["uno"] * len(texts)),
        mock.patch.object(Translator, "attention", return_value=None),
    ):
        yield


@pytest.fixture(scope="module")
def train(tmp_path_factory, data):
    """Calls `zoo train translation` with a tiny model and returns the folder of the run."""
    numbers = itertools.count()
    logs = tmp_path_factory.mktemp("logs")

    def run(*flags, draw=False, status=0, command="train", **settings):
        settings = {**TINY, "data": data, "logdir": logs, "name": f"run{next(numbers)}", **settings}
        given = [f"--{name}={value}" for name, value in settings.items() if value is not None]
        with contextlib.nullcontext() if draw else quick():
            assert main([command, "translation", *given, *map(str, flags)]) == status
        return Path(settings["logdir"], "translation", settings["name"])

    return run


@pytest.fixture(scope="module")
def run(train):
    """A plain run, with attention pictures, and scores of beam search too."""
    return train(draw=True, beam=3)


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
    arguments = {"units": 12, "embedding_dim": 6}
    settings = {"data": str(data), "tokenizer": "words", "batch_size": 8, "max_length": 6}
    settings |= {"model_arguments": arguments, **flags}
    config = replace(translation.default_config(own_data=True), **settings)
    config.validate()
    keras.utils.set_random_seed(1)
    task = translation.load_data(config)
    return task, translation.build_model(config, task)


# The folder


def test_a_run_holds_everything(run):
    found = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    kept = {path for path in found if "tfevents" in path or path.startswith("checkpoints/")}
    kept |= {path for path in found if ".embeddings" in path or path.startswith("projector")}
    assert found - kept == {
        "config.yaml", "metrics.json", "model.keras", "translations.tsv", "report.md",
        "history.csv", "plots/learning_curves.png", "plots/attention.png",
    }  # fmt: skip
    saved = yaml.safe_load((run / "config.yaml").read_text())["run"]
    assert saved["pairs"] == {"train": 48, "validation": 6, "test": 6}
    assert saved["source_vocabulary"] == saved["target_vocabulary"] == 12


def test_metrics_have_the_agreed_keys(run):
    metrics = metrics_of(run)
    assert (metrics["recipe"], metrics["model"]) == ("translation", "seq2seq")
    plain = ["nll", "token_accuracy", "exact_match", "bleu", "chrf"]
    beam = ["beam_exact_match", "beam_bleu", "beam_chrf"]
    assert list(metrics["train"]) == plain
    assert list(metrics["validation"]) == list(metrics["test"]) == plain + beam
    assert list(metrics["baselines"]) == ["most frequent", "nearest source"]
    for entry in metrics["baselines"].values():
        assert list(entry["test"]) == plain[2:]


def test_scores_are_those_of_the_saved_model(run, loaded, data):
    task, _ = task_and_built(data)
    found = metrics_of(run)["test"]
    encode = {side: zoo.tokenizer(loaded, side).encode for side in ("source", "target")}
    log_probs, right = [], []
    for source, target in task.pairs["test"]:  # one at a time: nothing is padded
        target = encode["target"](target)[None]
        inputs = {"source": encode["source"](source)[None], "target": target[:, :-1]}
        logits = np.asarray(loaded(inputs), np.float64)[0]
        logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        log_probs += logits[np.arange(len(logits)), target[0, 1:]].tolist()
        right += (logits.argmax(axis=-1) == target[0, 1:]).tolist()
    assert found["nll"] == pytest.approx(-np.mean(log_probs), rel=1e-4)
    assert found["token_accuracy"] == pytest.approx(np.mean(right))
    sources, references = task.questions("test")
    outputs = Translator(loaded, 6).translate(sources)
    scores = sentence_scores(outputs, references)
    assert {name: found[name] for name in scores} == pytest.approx(scores)
    rows = (run / "translations.tsv").read_text().splitlines()
    found = zip(sources, outputs, references, strict=True)
    assert rows[1:] == ["\t".join([s, o, *r]) for s, o, r in found]


def test_the_saved_model_is_decoded_by_its_parts(loaded):
    names = [layer.name for layer in loaded.layers]
    assert {"source_tokenizer", "encoder", "target_tokenizer", "decoder"} <= set(names)
    source, target = zoo.tokenizer(loaded, "source"), zoo.tokenizer(loaded, "target")
    limits = 6, target.start_id, target.end_id
    ids = zoo.decoding.decode(loaded, source.encode(["one red cat", "two"]), *limits)
    alone = zoo.decoding.decode(loaded, source.encode(["two"]), *limits)
    np.testing.assert_array_equal(ids[1], alone[0])
    found = Translator(loaded, 6).translate(["Two", "", "One red cat!"])
    assert found[0] == target.decode(ids[1])
    assert found[2] == target.decode(ids[0])


def test_the_report_shows_translations_and_attention(run):
    text = (run / "report.md").read_text()
    for line in (
        "|  | part | nll | token_accuracy | exact_match | bleu | chrf | beam_exact_match |",
        "| nearest source | test |  |  | ", "## Translations",
        "| source | reference | translation |", "![Attention, of test sentences](plots/attention",
        "--held_out 2,000 is lowered to 6, a tenth of the sources", "words knows 100.0% of the",
    ):  # fmt: skip
        assert line in text


def test_tensorboard_has_attention_and_translations(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tags = EventAccumulator(str(run)).Reload().Tags()
    assert "attention" in tags["images"]
    assert "translations/text_summary" in tags["tensors"]


@pytest.mark.slow  # other recipes do it every day
def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(train):
    def killed(self, epoch, logs=None):
        original(self, epoch, logs)
        if epoch == 0:
            raise KeyboardInterrupt

    original = Checkpoint.on_epoch_end
    whole = train(**PLAIN, epochs=2)
    with mock.patch.object(Checkpoint, "on_epoch_end", killed):
        cut = train(**PLAIN, epochs=2, status=130)
    with quick():
        assert main(["train", "--resume", str(cut)]) == 0
    assert metrics_of(cut)["test"] == metrics_of(whole)["test"]


# Models


def test_scheduled_sampling_counts_the_steps_of_the_run(data):
    task, built = task_and_built(data, sampling="embedding", sampling_probability=0.8, epochs=4)
    decoder = built.model.get_layer("decoder")
    assert decoder.sampling == "embedding"
    assert decoder.sampling_probability.steps == 4 * (48 // 8) / 2
    assert float(decoder.sampling_probability(12)) == pytest.approx(0.8)
    batches = task.batches("train", built, seed=1)
    inputs, labels = batches.assemble(batches.order()[:8])
    plain = built.training_model(inputs)
    np.testing.assert_allclose(built.model(inputs), plain, atol=1e-6)
    built.training_model.compile("sgd", built.loss, run_eagerly=True)
    built.training_model.train_on_batch(inputs, labels)
    assert int(decoder.training_steps) == 1


def test_transformers_and_models_without_attention_translate(train, data):
    arguments = {"num_layers": 1, "num_heads": 2, "embedding_dim": 8}
    task, built = task_and_built(data, model="transformer", model_arguments=arguments)
    (found,) = Translator(built.model, 6).attention(["One red cat"])
    source, target, weights = found
    assert weights.shape == (len(target), 3) == (len(target), len(source))
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    arguments = {"units": 6, "attention": "none", "encoder": "plain", "cell": "gru"}
    task, built = task_and_built(data, model_arguments=arguments)
    assert Translator(built.model, 6).attention(["One"]) is None
    with mock.patch.object(Translator, "translate", lambda self, texts: ["uno"] * len(texts)):
        assert list(task.figures(built.model)(0)) == ["translations"]


def test_label_smoothing_is_that_of_the_loss(data):
    _, built = task_and_built(data, label_smoothing=0.1)
    assert built.loss.label_smoothing == 0.1


# Predict


def test_sentences_are_translated_line_by_line(run, loaded, capsys, tmp_path, monkeypatch):
    expected = Translator(loaded, 6).translate(["One red cat", "Two dogs"])
    text = "One red cat\n\n  Two dogs "
    out, error = predict(capsys, run, "--text", text)
    assert (out, error) == (f"{expected[0]}\n\n{expected[1]}\n", "")
    (tmp_path / "in.txt").write_text(text + "\n")
    assert predict(capsys, run, tmp_path / "in.txt")[0] == out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert predict(capsys, run, "-")[0] == out
    assert predict(capsys, run, "--text", text, "-o", tmp_path / "out.txt")[0] == ""
    assert (tmp_path / "out.txt").read_text() == out
    assert loaded.predict(["One red cat", "", "Two dogs"]) == out


def test_what_the_terminal_cannot_show_is_replaced(run, loaded, monkeypatch):
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    shown.isatty = lambda: True
    monkeypatch.setattr(sys, "stdout", shown)
    with mock.patch.object(Translator, "translate", lambda self, texts: ["¡uno!"] * len(texts)):
        assert main(["predict", str(run), "--text", "one"]) == 0
    shown.flush()
    assert shown.buffer.getvalue() == b"?uno!\n"


def test_the_best_translations_with_their_scores(run, loaded, capsys):
    flags = ["--beam", 3, "--n-best", 2, "--length-penalty", 0.6]
    lines = predict(capsys, run, "--text", "One red cat\n\nTwo", *flags)[0].splitlines()
    rows = [line.split("\t") for line in lines]
    assert [row[0] for row in rows] == ["1", "1", "", "3", "3"]
    assert float(rows[0][1]) >= float(rows[1][1])
    expected = Translator(loaded, 6).search(["One red cat", "Two"], 3, 2, 0.6)
    assert [row[2] for row in rows if len(row) > 1] == [t for best in expected for t, _ in best]
    first = predict(capsys, run, "--text", "One red cat", "--beam", 3, "--length_penalty", 0.6)
    assert first[0] == f"{rows[0][2]}\n"


def test_long_sentences_are_cut_off_and_named(run, loaded, capsys):
    long = "one two three red blue cat"
    out, error = predict(capsys, run, "--text", f"one\n{long} dog dog\n{long}")
    assert error == "note: the model reads 6 tokens; cut off: line 2\n"
    assert out.splitlines()[1] == out.splitlines()[2]


def test_unknown_characters(data):
    from recipes.data.texts import check_known
    from recipes.translation.predict import _UNKNOWN

    task, _ = task_and_built(data, tokenizer="characters", max_length=40)
    with pytest.raises(UserError, match="The model does not know 'z', '你', which the sources"):
        check_known(task.source_tokenizer, ["one z", "你"], _UNKNOWN)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "A sentence is missing: give a file"),
        (["none.txt"], "There is no file none.txt to predict from. A sentence itself goes behind"),
        (["--text", ""], "There is nothing to translate: the input is empty."),
        (["empty.txt"], "There is nothing to translate: the input is empty."),
        (
            ["--text", "caf\udce9"],
            "--text holds bytes that are no text in this terminal's encoding",
        ),
        (["--text=a", "bad.txt"], "Give the input either as a file or with --text"),
        (["bad.txt"], "Expected bad.txt to be text in UTF-8. Received: the byte 0xe4"),
        (["bad.txt", "--encoding", "ascii"], "Expected bad.txt to be text in ascii. Received: the"),
        (["bad.txt", "--sheet", "a"], "--sheet is for tables: the input is a sentence a line."),
        (["bad.txt", "--keep", "id"], "--keep is for runs of"),
        (["--text", "a", "--beam", "0"], "--beam must be at least 1. Received: 0"),
        (["--text", "a", "--beam", "10"], "--beam 10 is more than the 9 tokens that the model"),
        (["--text", "a", "--n-best", "0"], "--n_best must be at least 1. Received: 0"),
        (["--text", "a", "--n-best", "2"], "--n_best 2 needs as many beams. Give --beam 2 or more"),
        (
            ["--text", "a", "--beam=2", "--length-penalty=-1"],
            "--length_penalty must be at least 0. Received: -1",
        ),
        (["--text", "a", "--length-penalty", "1"], "--length_penalty is for beam search: give"),
        (["--text", "a", "--backtest"], "--backtest is for runs of forecast: leave it out"),
        (["--text", "a", "--temperature", "1"], "--temperature is for runs of language_model: lea"),
    ],
)
def test_wrong_input_to_predict(run, loaded, capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("bad.txt").write_text("дождь", "cp1251")
    Path("empty.txt").write_text("\n \n")
    out, error = predict(capsys, run, *arguments, status=2)
    assert out == ""
    assert error.startswith(f"zoo: {message}")
    assert error.count("\n") == 1


# Flags


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"beam": 0}, "--beam must be at least 1. Received: 0"),
        ({"beam": 500}, "--beam 500 is more than the 9 tokens of the target."),
        ({"max_length": 1}, "--max_length must be at least 2. Received: 1"),
        ({"held_out": 0}, "--held_out must be at least 1. Received: 0"),
        ({"in_memory": -5}, "--in_memory must be at least 100. Received: -5"),
        ({"split": "book"}, "--split book is that of --dataset spa_eng: leave it out."),
        ({"label_smoothing": 1}, "--label_smoothing must be at least 0 and below 1."),
        ({"sampling_probability": 2}, "--sampling_probability must lie in [0, 1]. Received: 2"),
        ({"model": "transformer", "sampling": "output"}, "--sampling is for seq2seq: leave it out"),
        (
            {"tokenizer": "syllables"},
            "Expected --tokenizer to be one of words, characters, bpe, word",
        ),
        ({"source_vocabulary_size": 4}, "--source_vocabulary_size must be at least 5"),
        (
            {"tokenizer": "bpe", "target_vocabulary_size": 99},
            "There is no such target vocabulary (th",
        ),
        ({"dataset": "novel", "data": None}, "There is no dataset 'novel'. Expected one of dates"),
        (
            {"data": "nowhere.tsv"},
            "Expected a table (CSV, Excel, Parquet or JSON lines). Received: "
            "nowhere.tsv, which is nothing of that name.",
        ),
        ({"data": None, "source": "2"}, "--source names a column of your own file: give it with"),
        ({"target": "9"}, "Expected --target to be a number from 1 to 2. Received: 9"),
        ({"model.sampling": "output"}, "--model.sampling follows from the other flags"),
        ({"model.target_vocabulary_size": 9}, "--model.target_vocabulary_size follows from the o"),
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
        (b"a\tb\n", "Expected pairs of at least 10 different sources"),
        (b"a\tb\nno tab\n", "Received in line 2, without a tab: 'no tab'"),
        (b"a\tb\n\tc\n", "The source in line 2 of"),
        ("и\tимя\n".encode("cp1251"), "Received: the byte 0xe8 in line 1, and several readings"),
    ],
)
def test_files_that_will_not_do(train, capsys, tmp_path, content, message):
    (tmp_path / "bad.tsv").write_bytes(content)
    folder = train(status=2, data=tmp_path / "bad.tsv")
    assert message in capsys.readouterr().err
    assert not folder.exists()


def test_columns_of_a_table_are_learned_from(train, tmp_path, capsys):
    rows = "".join(f"{n};{s};{t}\n" for n, (s, t) in enumerate(sentences()))
    (tmp_path / "t.csv").write_text("id;Text;Übersetzung\n" + rows, "cp1252")
    columns = {"source": "Übersetzung", "target": "Text"}
    run = train(data=tmp_path / "t.csv", **columns, **PLAIN, epochs=1)
    report = (run / "report.md").read_text()
    assert "of 3 columns, 'Übersetzung' is the source and 'Text' the target" in report
    assert "t.csv: 60 rows; encoding cp1252; separator ';'" in report
    tokenizer = zoo.tokenizer(zoo.load(run), "source")
    assert set(SPANISH) <= set(tokenizer.tokenizer.words)
    (tmp_path / "in.txt").write_text("¡gato!\nuno más\n", "cp1252")
    out, error = predict(capsys, run, tmp_path / "in.txt")
    assert out.count("\n") == 2
    assert error.startswith(f"note: {tmp_path / 'in.txt'}: encoding cp1252")
    assert predict(capsys, run, tmp_path / "in.txt", "--encoding", "latin-1")[0] == out


@pytest.mark.parametrize(
    ("max_length", "fewest"), [(9, 16), pytest.param(6, 8, marks=pytest.mark.slow)]
)
def test_learned_positions_must_be_enough(data, max_length, fewest):
    arguments = {"num_layers": 1, "num_heads": 2, "embedding_dim": 8, "positions": "learned"}
    flags = {"model": "transformer", "max_length": max_length}
    _, built = task_and_built(data, **flags, model_arguments={**arguments, "max_length": fewest})
    assert len(Translator(built.model, max_length).translate(["One red cat"])) == 1
    wrong = {**arguments, "max_length": fewest - 1}
    with pytest.raises(UserError, match=f"needs {fewest} positions.*now {fewest - 1}"):
        task_and_built(data, **flags, model_arguments=wrong)


def test_presets_are_flags_of_models_that_can_be_built():
    own = {name for name, preset in PRESETS.items() if preset["dataset"] == "spa_eng"}
    assert set(BOOK_TOKEN_ACCURACY) == own
    sizes = {"source_vocabulary_size": 1000, "target_vocabulary_size": 1000}
    for name in PRESETS:
        config = parse("translation", ["--preset", name])
        config.validate()
        assert config.split == ("book" if name in own else "disjoint")
        model = zoo.create_model(config.model, **sizes, **config.model_arguments)
        assert {"encoder", "decoder"} <= {layer.name for layer in model.layers}
    plain = zoo.create_model("seq2seq", **sizes, **PRESETS["ml3-ch16-98"][
        "model_arguments"])  # fmt: skip
    book = 2 * 1000 * 128 + 2 * 4 * 512 * (128 + 512 + 1) + 513 * 1000
    assert plain.count_params() == book


def test_defaults_follow_data_and_model():
    dates = parse("translation", [])
    assert (dates.dataset, dates.tokenizer, dates.model) == ("dates", "characters", "seq2seq")
    spanish = parse("translation", ["--dataset=spa_eng"])
    assert (spanish.tokenizer, spanish.split, spanish.max_length) == ("bpe", "disjoint", 50)
    other = parse("translation", ["--model=transformer"])
    zoo.create_model(
        "transformer", source_vocabulary_size=9, target_vocabulary_size=9, **other.model_arguments
    )


def test_the_search_space_can_be_built(data):
    import keras_tuner

    found = translation.search_space(keras_tuner.HyperParameters())
    task_and_built(data, **found)
