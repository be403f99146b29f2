"""Bach chorales: reading them, and the recipe on them."""

import contextlib
import itertools
import json
import wave
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import yaml
from pretty_midi import PrettyMIDI

import zoo
from recipes import language_model
from recipes.cli import main
from recipes.engine.arguments import parse
from recipes.errors import UserError
from recipes.language_model import chorale_predict, chorale_task
from recipes.language_model.baselines import SameVoice
from recipes.language_model.chorale_flags import OPENING, STRIDE, WINDOW
from recipes.language_model.chorale_task import KEYS, KeyBatches
from recipes.language_model.data.chorales import COLUMNS, HIGHEST, LOWEST, chorales, read_chords
from recipes.language_model.scores import Reader
from zoo.layers import NoteTokenizer

HEADER = ",".join(COLUMNS) + "\n"
TINY = {
    "dataset": "chorales", "epochs": 2, "batch_size": 4, "learning_rate": 0.01,
    "sample_length": 16, "sample_temperatures": "[0.5,1.0]", "model.units": 8,
    "model.filters": "[4,6]", "jit_compile": "false", "progress": "false",
}  # fmt: skip


def made_up(seed=0):
    """Pieces of 36 to 60 chords whose voices move by steps or rest."""
    generator = np.random.default_rng(seed)
    parts, number = {}, itertools.count()
    for part, count in (("train", 6), ("validation", 3), ("test", 3)):
        parts[part] = {}
        for _ in range(count):
            beats = generator.integers(9, 16)
            moves = generator.integers(-2, 3, (beats, 4)).cumsum(axis=0)
            notes = np.clip(np.add([72, 67, 60, 48], moves), LOWEST, HIGHEST)
            notes[generator.random(notes.shape) < 0.05] = 0
            parts[part][f"chorale_{next(number):03}"] = np.repeat(notes, 4, axis=0).astype(np.uint8)
    return parts


PARTS = made_up()


@pytest.fixture(scope="module", autouse=True)
def pieces():
    """Made-up pieces in place of the published ones, for the recipe."""
    with (
        mock.patch.object(chorale_task, "chorales", return_value=PARTS),
        mock.patch.object(chorale_predict, "chorales", return_value=PARTS),
    ):
        yield PARTS


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def train(logs):
    """Calls `zoo train language_model` on made-up pieces and returns the folder of the run."""
    numbers = itertools.count()

    def run(status=0, draw=False, **settings):
        settings = {**TINY, "logdir": logs, "name": f"run{next(numbers)}", **settings}
        given = [f"--{name}={value}" for name, value in settings.items() if value is not None]
        with contextlib.ExitStack() as stack:
            if not draw:  # which takes longer than training here
                stack.enter_context(mock.patch("callbacks.TensorBoard._write_figures"))
            assert main(["train", "language_model", *given]) == status
        return Path(logs, "language_model", settings["name"])

    return run


@pytest.fixture(scope="module")
def run(train):
    return train(draw=True)


@pytest.fixture(scope="module")
def model(run):
    return zoo.load(run)


def config_of(**settings):
    given = [f"--{name}={value}" for name, value in {**TINY, **settings}.items()]
    return parse("language_model", given)


@pytest.fixture(scope="module")
def task():
    return language_model.load_data(config_of())


def test_the_published_chorales(zoo_data):
    parts = chorales()
    assert {name: len(pieces) for name, pieces in parts.items()} == {
        "train": 229, "validation": 76, "test": 77,
    }  # fmt: skip
    assert sum(len(piece) for pieces in parts.values() for piece in pieces.values()) == 92_536
    names = [name for pieces in parts.values() for name in pieces]
    assert len(set(names)) == 382
    assert names == sorted(names)
    for pieces in parts.values():
        for piece in pieces.values():
            assert piece.shape[1] == 4
            assert ((piece == 0) | ((piece >= LOWEST) & (piece <= HIGHEST))).all()
    np.testing.assert_array_equal(parts["train"]["chorale_000"][0], [74, 70, 65, 58])
    # The windows of 33 chords, 16 apart, that the book trains on: 98 batches of 32.
    windows = sum((len(piece) - 33) // 16 + 1 for piece in parts["train"].values())
    assert -(-windows // 32) == 98


def test_the_range_is_that_of_the_tokens():
    tokens = NoteTokenizer()
    assert (tokens.lowest, tokens.highest, tokens.voices) == (LOWEST, HIGHEST, len(COLUMNS))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_chords_of_ones_own(tmp_path, separator):
    path = tmp_path / "mine.csv"
    text = HEADER + "72,67,64,48\n74,0,65.0,50\n"
    path.write_text(text.replace(",", separator))
    chords = read_chords(path)
    assert chords.dtype == np.uint8
    assert chords.tolist() == [[72, 67, 64, 48], [74, 0, 65, 50]]


def test_voices_are_told_by_their_names(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("note3,note2,note1,note0\n48,64,67,72\n")
    assert read_chords(path).tolist() == [[72, 67, 64, 48]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.csv, which is empty"),
        (HEADER, "Expected rows below the header"),
        ("a,b,c,d\n1,2,3,4\n", "columns note0, note1, note2, note3 .*Received: a, b, c, d"),
        ("note0,note1,note2\n60,60,60\n", "Received: note0, note1, note2"),
        ("i," + HEADER + "0,60,60,60,60\n", "Received: i, note0"),
        (HEADER + "60,60,60,48\n60,82,60,48\n", "36 to 81.*Received: 82 in column note1, chord 2"),
        (HEADER + "60,60,60,35\n", "Received: 35 in column note3, chord 1"),
        (HEADER + "60,60,60,-1\n", "Received: -1 in column note3"),
        (HEADER + "60,60,60.5,48\n", "Received: 60.5 in column note2"),
        (HEADER + "60,60,C4,48\n", "Received: C4 in column note2"),
        (HEADER + "60,60,,48\n", "Received: nothing in column note2, chord 1"),
        (HEADER + "60,60,60,48,1\n", "Expected 4 cells in every row .*Received: 5 in 1 rows"),
    ],
)
def test_chords_that_cannot_be_read(tmp_path, text, message):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_chords(path)


def test_no_such_file(tmp_path):
    with pytest.raises(UserError, match="nothing of that name"):
        read_chords(tmp_path / "none.csv")


def by_hand(model, batches):
    """Loss and accuracy of a model on batches of sequences of one length, `(batch, time)`."""
    losses, hits = [], []
    for ids in batches:
        logits = np.asarray(model(ids[:, :-1]), np.float64)
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
        chosen = np.take_along_axis(probabilities, ids[:, 1:, None], axis=-1)
        losses.append(-np.log(chosen).ravel())
        hits.append((logits.argmax(axis=-1) == ids[:, 1:]).ravel())
    return np.concatenate(losses).mean(), np.concatenate(hits).mean()


@pytest.mark.parametrize("part", ["validation", "test"])
def test_scores_are_those_of_pieces_read_alone_and_of_the_books_windows(run, model, part):
    metrics = json.loads((run / "metrics.json").read_text())
    pieces = [NoteTokenizer().encode(piece) for piece in PARTS[part].values()]
    assert len({len(piece) for piece in pieces}) > 1  # so some of them are filled up to be read
    nats, accuracy = by_hand(model, [piece[None] for piece in pieces])
    windows = [p[at : at + 132] for p in pieces for at in range(0, len(p) - 131, 64)]
    _, accuracy_windows = by_hand(model, [np.array(windows)])
    expected = {
        "nats": nats, "perplexity": np.exp(nats), "accuracy": accuracy,
        "accuracy_windows": accuracy_windows,
    }  # fmt: skip
    assert metrics[part] == pytest.approx(expected, rel=1e-4)
    assert set(metrics["baselines"]) == {*(f"{n}-gram" for n in range(1, 6)), "same voice"}
    for scores in metrics["baselines"].values():
        assert set(scores[part]) == set(expected)


def test_no_note_sees_the_future(task, model):
    """A later note changes no earlier logits, through all layers as they are after training."""
    start, end = task.segments["test"][0]
    ids = task.ids[start:end][None]
    before = np.asarray(model(ids, training=False))
    for place in (1, 5, 139):
        changed = ids.copy()
        changed[0, place:] = (changed[0, place:] + 1) % 47
        after = np.asarray(model(changed, training=False))
        np.testing.assert_array_equal(after[:, :place], before[:, :place])
        assert np.abs(after[:, place:] - before[:, place:]).max(axis=-1).min() > 0


def test_a_score_depends_on_the_notes_before_it_in_its_piece_alone(task, model):
    segments = np.array(task.segments["test"])
    expected, _ = task.predictor(model)(segments)
    start = segments[1][0]
    first = segments[0][1] - segments[0][0] - 1  # scores of the first piece
    ids = task.ids.copy()
    ids[start + 8 :] = (ids[start + 8 :] + 1) % 47
    found, _ = Reader(model, ids, block=len(ids), warm_up=0)(segments)
    # Batches of another content may differ in the last digit.
    np.testing.assert_allclose(found[: first + 7], expected[: first + 7], rtol=1e-5)
    assert not np.isclose(found[first + 7], expected[first + 7], rtol=1e-3)
    assert len(expected) == sum(end - start - 1 for start, end in segments)


def test_training_moves_windows_to_other_keys(task):
    batches = task.batches("train", None, seed=3)
    assert isinstance(batches, KeyBatches)
    starts = batches.examples
    notes = task.ids[starts[:, None] + np.arange(WINDOW + 1)]
    moves = []
    for batches.epoch in range(30):
        order = batches.order()
        again = batches.order()
        np.testing.assert_array_equal(order, again)  # nothing but the seed and the epoch counts
        inputs, targets = batches.assemble(order)
        np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
        windows = np.concatenate([inputs, targets[:, -1:]], axis=1)
        assert windows.min() >= 0
        assert windows.max() <= 46
        originals = notes[np.searchsorted(starts, order % len(task.ids))]
        np.testing.assert_array_equal(windows == 0, originals == 0)
        differences = np.where(originals > 0, windows - originals, 99)
        for row in differences:
            (move,) = set(row[row != 99].tolist())
            moves.append(move)
    assert set(moves) == set(KEYS)
    other = task.batches("train", None, seed=4)
    assert not np.array_equal(other.order(), task.batches("train", None, seed=3).order())


def test_a_window_is_moved_only_where_its_notes_have_ids():
    ids = np.array([46, 0, 3, 46] + [0] * 4 + [1, 46, 1, 1])
    segments = [(0, 4), (4, 8), (8, 12)]
    batches = KeyBatches(ids, segments, 3, 3, seed=0, stride=4, vocabulary_size=47)
    allowed = [[key for key, fits in zip(KEYS, row, strict=True) if fits] for row in batches.fits]
    assert allowed == [[-2, -1, 0], list(KEYS), [0]]
    counts = {row: [] for row in range(3)}
    for batches.epoch in range(3000):
        for at in batches.order():
            counts[at % 12 // 4].append(int(KEYS[at // 12]))
    for row, keys in enumerate(allowed):
        share = np.array([counts[row].count(key) for key in keys]) / 3000
        np.testing.assert_allclose(share, 1 / len(keys), atol=0.04)
        assert share.sum() == pytest.approx(1)


def test_without_transposition_and_in_validation_windows_are_as_published():
    task = language_model.load_data(config_of(transpose="false"))
    for part, seed in (("train", 3), ("validation", None)):
        batches = task.batches(part, None, seed)
        inputs, _ = batches.assemble(batches.order())
        pieces = [NoteTokenizer().encode(piece) for piece in PARTS[part].values()]
        windows = {tuple(p[at : at + 131]) for p in pieces for at in range(0, len(p) - 131, 64)}
        assert {tuple(row) for row in inputs.tolist()} <= windows
        assert len(inputs) == len(windows) // (4 if seed else 1) * (4 if seed else 1)


def test_the_same_voice_baseline_counts(task):
    segments = task.segments
    log_probabilities, hits = SameVoice(task.ids, segments["train"], 47)(segments["test"])
    pairs, notes = np.zeros((47, 47)), np.ones(47)
    for start, end in segments["train"]:
        for at in range(start, end):
            notes[task.ids[at]] += 1
            if at - start >= 4:
                pairs[task.ids[at - 4], task.ids[at]] += 1
    expected, right = [], []
    for start, end in segments["test"]:
        for at in range(start + 1, end):
            chances = notes / notes.sum()
            if at - start >= 4 and pairs[task.ids[at - 4]].any():
                row = pairs[task.ids[at - 4]]
                chances = (row + (row > 0).sum() * chances) / (row.sum() + (row > 0).sum())
            assert chances.sum() == pytest.approx(1)
            expected.append(np.log(chances[task.ids[at]]))
            right.append(chances.argmax() == task.ids[at])
    np.testing.assert_allclose(log_probabilities, expected)
    np.testing.assert_array_equal(hits, right)


def test_the_run_writes_music_and_says_what_is_copied(run):
    opening = next(iter(PARTS["test"].values()))[:OPENING]
    names = ["Bach", "temperature-0.5", "temperature-1"]
    assert sorted(path.name for path in (run / "music").iterdir()) == sorted(
        f"{name}.{ending}" for name in names for ending in ("wav", "mid")
    )
    for name in names:
        music = PrettyMIDI(str(run / "music" / f"{name}.mid"))
        assert music.instruments[0].notes[0].pitch == next(n for n in opening[:, 0] if n)
        end = music.get_end_time()
        assert OPENING / 4 * 60 / 80 <= end <= (OPENING + 4) / 4 * 60 / 80
        with wave.open(str(run / "music" / f"{name}.wav")) as file:
            assert file.getnframes() == pytest.approx((end + 1) * 44_100, abs=1)
    report = (run / "report.md").read_text()
    assert "longest copy in any key" in report
    assert "| Bach | 4 |" in report
    assert "plots/piano_rolls.png" in report
    assert "test piece chorale_009" in report
    assert (run / "plots" / "piano_rolls.png").stat().st_size > 10_000


def test_tensorboard_shows_piano_rolls(task, model):
    figure = task.figures(model)(0)["samples"]
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles == ["Bach", "temperature 0.5", "temperature 1"]


def predicted(capsys, run, *flags):
    assert main(["predict", str(run), *map(str, flags)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == ",".join(COLUMNS)
    return np.array([[int(note) for note in row.split(",")] for row in rows[1:]])


def test_predict_goes_on_from_a_test_piece_by_default(run, capsys):
    chords = predicted(capsys, run)
    assert chords.shape == (OPENING + 128, 4)
    np.testing.assert_array_equal(chords[:OPENING], next(iter(PARTS["test"].values()))[:OPENING])
    np.testing.assert_array_equal(predicted(capsys, run), chords)
    assert not np.array_equal(predicted(capsys, run, "--seed", 1), chords)


def test_predict_continues_an_opening_as_the_model_would_note_by_note(run, model, tmp_path, capsys):
    opening = [[60, 55, 52, 48], [62, 55, 0, 50]]
    path = tmp_path / "opening.csv"
    path.write_text(HEADER + "".join(",".join(map(str, chord)) + "\n" for chord in opening))
    chords = predicted(capsys, run, path, "--length", 3, "--top_k", 1)
    ids = NoteTokenizer().encode(opening).tolist()
    for _ in range(12):
        ids.append(int(np.asarray(model(np.array([ids])))[0, -1].argmax()))
    np.testing.assert_array_equal(chords, NoteTokenizer().decode(ids))


@pytest.mark.parametrize("ending", ["mid", "csv"])
def test_predict_writes_what_the_name_asks_for(run, tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    assert main(["predict", str(run), "-o", str(path), "--length", "4", "--tempo", "120"]) == 0
    if ending == "mid":
        music = PrettyMIDI(str(path))
        assert music.get_tempo_changes()[1] == pytest.approx([120])
        assert OPENING / 4 * 0.5 <= music.get_end_time() <= (OPENING + 4) / 4 * 0.5
    else:
        assert len(read_chords(path)) == OPENING + 4


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-o", "out.mp3"], r"end in .csv, .mid, .png or .wav"),
        (["--length", "0"], "--length must be at least 1"),
        (["--temperature", "0"], "--temperature must be above 0"),
        (["--top_k", "48"], "more than the 47 tokens"),
        (["--tempo", "0"], "--tempo must be above 0"),
        (["--seed", "-1"], "--seed must be at least 0"),
        (["--text", "To be"], "--text is not for chorales"),
        (["--samples", "2"], "--samples is not for chorales"),
        (["--backtest"], "--backtest is for runs of forecast: leave it out"),
        (["opening.csv"], "Received: 99 in column note0, chord 1"),
        (["empty.csv"], "empty.csv, which is empty"),
        (["none.csv"], "There is no file none.csv"),
    ],
)
def test_predict_refuses(run, tmp_path, monkeypatch, capsys, flags, message):
    monkeypatch.chdir(tmp_path)
    Path("opening.csv").write_text(HEADER + "99,60,60,60\n")
    Path("empty.csv").touch()
    before = sorted(tmp_path.iterdir())
    assert main(["predict", str(run), *flags]) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batching": "streams"}, "needs --batching sliding"),
        ({"stride": 6}, "--stride must be a multiple of 4"),
        ({"sample_length": 6}, "--sample_length must be a multiple of 4"),
        ({"tokenizer": "bpe"}, "--tokenizer is about texts"),
        ({"lowercase": "true"}, "--lowercase is about texts"),
        ({"prompt": "To be"}, "--prompt is about texts"),
        ({"test_fraction": 0.2}, "--test_fraction is about texts"),
        ({"window": 400}, "--window 400 is longer than the pieces of"),
        ({"dataset": "python_docs", "transpose": "true"}, "--transpose is for music"),
    ],
)
def test_flags_that_do_not_go_with_chorales(train, logs, capsys, settings, message):
    folder = train(status=2, **settings)
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert not folder.exists()


def test_pieces_shorter_than_a_window_are_noted(task):
    lengths = sorted(4 * len(piece) for piece in PARTS["train"].values())
    assert len(task.notes) == 1
    longer = language_model.load_data(config_of(window=lengths[1]))
    count = sum(length <= lengths[1] for length in lengths)
    assert longer.notes[1].startswith(f"{count} of 6 training pieces are left out")
    assert len(longer.batches("train", None, seed=0)) > 0


def test_it_is_asked_over_http_with_chords(run):
    pytest.importorskip("pydantic", reason="needs the serve extra, which dev includes")
    from recipes.engine.predict import SavedRun
    from recipes.serving.schema import Contract

    contract = Contract(SavedRun(run), SimpleNamespace(max_rows=100, max_text=100))
    ((own,), _) = contract.answer(*contract.asked(contract.request(length=3)))
    assert [list(chord) for chord in own["rows"]] == [list(COLUMNS)] * (OPENING + 3)
    request = contract.request(rows=own["rows"][:OPENING], length=3)
    assert contract.answer(*contract.asked(request))[0] == [own]
    with pytest.raises(UserError, match="MIDI notes"):
        contract.answer([dict.fromkeys(COLUMNS, 3)], {"length": 3})


def test_the_defaults_are_for_chorales(run):
    saved = yaml.safe_load((run / "config.yaml").read_text())
    assert saved["model"] == "conv_lstm_language_model"
    assert (saved["window"], saved["stride"], saved["transpose"]) == (WINDOW, STRIDE, True)
    assert saved["run"]["vocabulary_size"] == 47
    assert saved["run"]["data_sha256"] == language_model.load_data(config_of()).sha256


def test_the_books_settings(zoo_data):
    config = parse("language_model", ["--preset", "ml2-ch15-138"])
    config.validate()
    with mock.patch.object(chorale_task, "chorales", chorales):
        task = language_model.load_data(config)
    built = language_model.build_model(config, task)
    assert built.model.count_params() == 396_810
    assert built.training_model is built.model.get_layer("conv_lstm_language_model")
    batches = task.batches("train", built, seed=0)
    assert (config.optimizer, config.learning_rate, config.schedule) == ("nadam", 0.001, "constant")
    assert (config.epochs, config.batch_size, len(batches)) == (20, 32, 97)  # and a part of one
    inputs, targets = batches.assemble(batches.order()[:32])
    assert inputs.shape == targets.shape == (32, 131)
    assert not config.transpose
