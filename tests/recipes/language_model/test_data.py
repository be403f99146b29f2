"""Streams, windows and texts: every target is the id one step ahead, and no part sees another."""

import gzip
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes import language_model
from recipes.data.texts import decode, python_docs, read_noted_text, shakespeare
from recipes.errors import UserError
from recipes.language_model.baselines import NGrams
from recipes.language_model.data.streams import (
    RandomWindowBatches,
    SlidingWindowBatches,
    StreamBatches,
)
from recipes.language_model.loading import cuts, load


def epoch_of(batches, epoch=0):
    """First positions of the windows of an epoch, `(steps, batch)`."""
    batches.epoch = epoch
    return batches.order().reshape(len(batches), batches.batch_size)


def pieces_of(lengths):
    ends = np.cumsum(lengths).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


# Streams


@settings(deadline=None)
@given(
    st.integers(0, 40), st.integers(2, 400), st.integers(1, 20), st.integers(1, 8),
    st.sampled_from([None, 1, 2]), st.integers(0, 5),
)  # fmt: skip
def test_streams_go_on_where_they_ended(start, length, window, rows, seed, epoch):
    if length - 1 < rows * (1 if seed is None else window):
        with pytest.raises(ValueError, match="streams of windows"):
            StreamBatches(np.arange(600), start, start + length, window, rows, seed)
        return
    ids = np.random.default_rng(0).permutation(600)
    batches = StreamBatches(ids, start, start + length, window, rows, seed)
    starts = epoch_of(batches, epoch)
    assert (np.diff(starts, axis=0) == batches.window).all()
    x, y = batches.assemble(starts.reshape(-1))
    positions = starts.reshape(-1, 1) + np.arange(batches.window)
    assert (x == ids[positions]).all()
    assert (y == ids[positions + 1]).all()
    seen = positions.reshape(-1)
    assert len(set(seen)) == len(seen)  # nothing is read twice in an epoch
    assert start <= seen.min()
    assert seen.max() + 1 < start + length  # nor beyond the part, targets included
    assert batches.window <= window
    assert batches.drops_rest


def test_streams_move_from_epoch_to_epoch_and_repeat_with_the_seed():
    batches = StreamBatches(np.arange(1000), 0, 1000, 10, 4, seed=1)
    firsts = {int(epoch_of(batches, epoch)[0, 0]) for epoch in range(400)}
    assert firsts == set(range(40))  # 24 steps of 40 ids leave 39 over
    again = StreamBatches(np.arange(1000), 0, 1000, 10, 4, seed=1)
    for epoch in (0, 3):
        assert (epoch_of(batches, epoch) == epoch_of(again, epoch)).all()
    other = StreamBatches(np.arange(1000), 0, 1000, 10, 4, seed=2)
    assert any(epoch_of(other, e)[0, 0] != epoch_of(batches, e)[0, 0] for e in range(3))


def test_validation_leaves_hardly_anything_out():
    batches = StreamBatches(np.arange(60_000), 0, 60_000, 100, 64)
    assert batches.window == 93
    assert batches.left_over < 64 * 10
    assert (epoch_of(batches, 3) == epoch_of(batches, 0)).all()


@pytest.mark.parametrize("kind", ["streams", "random", "sliding"])
def test_the_backend_is_fed_the_same_batches(kind):
    ids = np.random.default_rng(1).integers(0, 9, 500)
    if kind == "streams":
        batches = StreamBatches(ids, 20, 480, 7, 5, seed=3)
    else:
        kinds = {"random": RandomWindowBatches, "sliding": SlidingWindowBatches}
        batches = kinds[kind](ids, [(20, 200), (200, 480)], 7, 5, seed=3)
    feed = batches.feed()
    for epoch in (0, 1):
        starts = epoch_of(batches, epoch)
        fed = [tuple(map(np.asarray, batch)) for batch in feed]
        assert len(fed) == len(batches)
        for (x, y), row in zip(fed, starts, strict=True):
            expected = batches.assemble(row)
            np.testing.assert_array_equal(x, expected[0])
            np.testing.assert_array_equal(y, expected[1])
            assert x.dtype == np.int32


# Windows


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(1, 12), st.integers(1, 9),
    st.integers(0, 3),
)  # fmt: skip
def test_windows_stay_in_their_segment(lengths, window, batch, epoch):
    parts = pieces_of(lengths)
    if max(lengths) <= window:
        with pytest.raises(ValueError, match="needs"):
            SlidingWindowBatches(np.arange(400), parts, window, batch)
        return
    inside = {s for start, end in parts for s in range(start, end - window)}
    ids = np.arange(400)
    sliding = SlidingWindowBatches(ids, parts, window, batch, seed=1)
    every = SlidingWindowBatches(ids, parts, window, batch)
    assert set(every.order()) == inside
    assert (np.diff(every.order()) > 0).all()
    random = RandomWindowBatches(ids, parts, window, batch, seed=1)
    for batches in (sliding, random):
        starts = epoch_of(batches, epoch).reshape(-1)
        assert set(starts) <= inside
        assert len(set(starts)) == len(starts)
        assert len(starts) % batches.batch_size == 0
    read = random.order()[:, None] + np.arange(window)
    assert len(set(read.reshape(-1))) == read.size  # side by side: no id twice


def test_random_windows_read_nearly_everything_in_random_order():
    batches = RandomWindowBatches(np.arange(2001), [(0, 2001)], 10, 8, seed=1)
    assert len(batches) == 24
    first = epoch_of(batches, 0).reshape(-1)
    assert (np.diff(first) < 0).any()
    offsets = {int(epoch_of(batches, epoch).min() % 10) for epoch in range(60)}
    assert offsets == set(range(10))


def test_the_stride_thins_sliding_windows_out():
    batches = SlidingWindowBatches(np.arange(50), [(0, 20), (20, 50)], 8, 4, stride=5)
    assert batches.order().tolist() == [0, 5, 10, 20, 25, 30, 35, 40]


# Texts


def test_shakespeare_is_the_published_one(zoo_data):
    text = shakespeare()
    assert (len(text), len(set(text)), len(set(text.lower()))) == (1_115_394, 65, 39)
    assert text.startswith("First Citizen:\nBefore we proceed")


@pytest.mark.parametrize("split", ["book", "90-10", "fractions"])
@pytest.mark.parametrize("lowercase", [True, False])
def test_the_splits_of_shakespeare_need_no_unknown_token(zoo_data, split, lowercase):
    config = replace(language_model.default_config("shakespeare"), split=split, lowercase=lowercase)
    task = load(config)
    assert task.tokenizer.unknown_id is None
    assert task.tokenizer.vocabulary_size == (39 if lowercase else 65)
    ends = {
        "book": (1_000_000, 1_060_000, 1_060_000, 1_115_394),
        "90-10": (1_003_854, 1_115_394, 1_059_624, 1_115_394),
        "fractions": (1_003_854, 1_059_624, 1_059_624, 1_115_394),
    }[split]
    assert task.segments == {
        "train": [(0, ends[0])],
        "validation": [(ends[0], ends[1])],
        "test": [(ends[2], ends[3])],
    }
    assert any("no test part" in note for note in task.notes) == (split == "90-10")
    start = "first citizen:" if lowercase else "First Citizen:"
    assert task.tokenizer.decode(task.ids[:14]) == start


def test_the_offline_text_is_that_of_python():
    text = python_docs()
    assert len(text) == 400_000
    assert "assert" in text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
        ("\ufeffAh é".encode(), "Ah é"),
        (gzip.compress("zipped é".encode(), mtime=0), "zipped é"),
    ],
)
def test_text_files(tmp_path, content, text):
    (tmp_path / "a.txt").write_bytes(content)
    assert read_noted_text(tmp_path / "a.txt") == (text, ())


def test_other_encodings():
    assert decode("né".encode("latin-1"), "latin-1", "a") == "né"
    assert decode("né".encode("utf-16"), "utf-16", "a") == "né"


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (b"one\ntwo \xe9", "utf-8", "0xe9 after 8 bytes, in line 2. If .* --encoding latin-1"),
        ("né".encode("utf-16"), "utf-8", "0xff after 0 bytes, in line 1. If .* --encoding utf-16"),
        (b"a", "utf-9", "There is no --encoding utf-9"),
        (b"a", "rot13", "There is no --encoding rot13"),
    ],
)
def test_bytes_that_are_no_text(content, encoding, message):
    with pytest.raises(UserError, match=message):
        decode(content, encoding, "a.txt")


# Splits and tokens


def own(tmp_path, text, **flags):
    (tmp_path / "own.txt").write_text(text, encoding="utf-8")
    config = replace(
        language_model.default_config(own_data=True), data=str(tmp_path / "own.txt"), **flags
    )
    config.validate()
    return load(config)


PROSE = "The rain in Spain stays mainly in the plain. " * 60


@pytest.mark.parametrize("split", ["fractions", "90-10"])
@pytest.mark.parametrize("tokens", ["characters", "bpe", "unigram"])
def test_parts_follow_each_other_and_lose_nothing(tmp_path, split, tokens):
    task = own(
        tmp_path, PROSE, split=split, tokenizer=tokens, vocabulary_size=270, window=5,
        validation_fraction=0.2, test_fraction=0.1,
    )  # fmt: skip
    assert task.tokenizer.decode(task.ids) == PROSE
    (train,), (validation,), (test,) = task.segments.values()
    assert train[0] == 0
    assert train[1] == validation[0]
    assert test[1] == len(task.ids)
    assert validation[1] == (test[1] if split == "90-10" else test[0])
    share = len(task.tokenizer.decode(task.ids[: train[1]])) / len(PROSE)
    assert share == pytest.approx(0.9 if split == "90-10" else 0.7, abs=0.001)
    first = len(task.tokenizer.decode(task.ids[test[0] : test[0] + 1]))
    whole = len(PROSE) // (20 if split == "90-10" else 10)
    bits = np.full(test[1] - test[0] - 1, -np.log(2)), np.zeros(test[1] - test[0] - 1, bool)
    per_character = task.score(bits, "test")["bits_per_character"]
    assert len(bits[0]) / per_character == pytest.approx(whole - first)


@pytest.mark.parametrize("batching", ["streams", "random", "sliding"])
def test_training_reads_the_training_part_only(tmp_path, batching):
    task = own(tmp_path, PROSE, window=10, batch_size=4, batching=batching)
    for epoch in range(4):
        batches = task.batches("train", None, seed=1)
        starts = epoch_of(batches, epoch).reshape(-1)
        assert starts.min() >= 0
        assert starts.max() + batches.window < task.segments["train"][0][1]
    for split in ("validation", "test"):
        batches = task.batches(split, None)
        (start, end), starts = task.segments[split][0], batches.order()
        assert starts.min() == start
        assert starts.max() + batches.window < end


def test_the_vocabulary_is_that_of_training(tmp_path):
    task = own(tmp_path, PROSE + "é\u2603" * 70, window=10, validation_fraction=0.1)
    assert task.tokenizer.unknown_id == task.tokenizer.vocabulary_size - 1
    assert "é" not in task.tokenizer.characters
    (note,) = [note for note in task.notes if "unknown token" in note]
    assert note.startswith("2 characters of validation and test never occur in training ('é', ")
    assert "streams instead of 64" in task.notes[-1]


def test_lower_case_is_for_all_tokens(tmp_path):
    for tokens in ("characters", "bpe"):
        task = own(
            tmp_path, PROSE, tokenizer=tokens, lowercase=True, window=10, vocabulary_size=260,
            prompt="The Rain",
        )  # fmt: skip
        assert task.tokenizer.decode(task.ids) == PROSE.lower()
        assert task.prompt == "the rain"
        training = task.ids[: task.segments["train"][0][1]]
        text = task.tokenizer.decode(training).upper()
        np.testing.assert_array_equal(task.tokenizer.encode(text), training)


def test_the_hash_is_that_of_the_text(tmp_path):
    first = own(tmp_path, PROSE, window=10)
    assert own(tmp_path, PROSE, window=20).sha256 == first.sha256
    assert own(tmp_path, PROSE.replace("T", "U"), window=10).sha256 != first.sha256
    assert own(tmp_path, PROSE.replace("rain", "arin"), window=10).sha256 != first.sha256


@pytest.mark.parametrize(
    ("text", "flags", "message"),
    [
        ("", {}, "at least two different characters. Received: 0 characters"),
        ("x", {}, "Received: 1 characters, 1 of them different"),
        ("xxxxxxxxxx", {}, "Received: 10 characters, 1 of them different"),
        ("ab", {}, "cannot be made into tokens|too short"),
        (PROSE, {"window": 300}, "validation part has 135 characters, and one window needs --win"),
        (
            PROSE,
            {"window": 130, "tokenizer": "bpe"},
            "part has .* tokens, and one window needs --win",
        ),
        (PROSE, {"tokenizer": "bpe", "vocabulary_size": 10}, "at least 256"),
        (
            PROSE,
            {"window": 10, "prompt": "\u2603"},
            "--prompt must be made of characters of the text. Received: '\u2603'",
        ),
    ],
)
def test_texts_that_will_not_do(tmp_path, text, flags, message):
    with pytest.raises(UserError, match=message):
        own(tmp_path, text, **flags)


def test_a_short_text_gets_fewer_streams(tmp_path):
    task = own(tmp_path, PROSE, window=10, batch_size=64)
    assert task.rows == (2430 - 1) // (50 * 10)  # streams of 50 windows of the training part
    assert own(tmp_path, PROSE, window=100, batch_size=64).rows == 1
    assert own(tmp_path, PROSE, window=2, batch_size=8).rows == 8


def test_long_texts_are_counted_in_part(tmp_path, monkeypatch):
    for module in ("task", "loading"):
        monkeypatch.setattr(f"recipes.language_model.{module}.MAX_COUNTED", 1000)
    task = own(tmp_path, PROSE, window=10, batch_size=4)
    assert task.notes == ("n-gram models are fitted on the first 1,000 tokens of training",)
    expected = NGrams(task.ids, [(0, 1000)], task.tokenizer.vocabulary_size).models()["2-gram"]
    found = task.baselines()["2-gram"]([(2500, 2600)])
    np.testing.assert_array_equal(found[0], expected([(2500, 2600)])[0])


def test_cuts_of_the_tenth_are_the_published_ones():
    config = replace(language_model.default_config("shakespeare"), split="90-10")
    assert cuts(config, 1_115_394) == (1_003_854, 1_059_624)
