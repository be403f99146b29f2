"""Pairs, their splits, their ids and their batches."""

import gzip
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes import translation
from recipes.data.dialect import Dialect
from recipes.engine.tables import cell
from recipes.errors import UserError
from recipes.translation import plots
from recipes.translation.baselines import MostFrequent, Nearest
from recipes.translation.data.date_pairs import date_pairs
from recipes.translation.data.pair_batches import PairBatches
from recipes.translation.data.pairs import open_pairs, parse_pairs, spa_eng
from recipes.translation.loading import book_split, disjoint_split, fit_tokenizer, key_of, load
from recipes.translation.metrics import sentence_scores, token_scores
from recipes.translation.sampling import sampling_probability
from zoo.layers.raw_texts import padded

LINES = [("one red cat", "un gato rojo"), ("A dog!", "¡Un perro!"), ("Two", "Dos")]


def read_pairs(*arguments, **named):
    return open_pairs(*arguments, **named)[:2]


def config(**flags):
    found = replace(translation.default_config(own_data=True), held_out=1, **flags)
    found.validate()
    return found


def write(path, pairs):
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), "utf-8")
    return path


# Pairs


def test_pairs_of_a_file(tmp_path):
    text = "one red cat\tun gato rojo\n\n A dog! \t¡Un perro!\tCC-BY\r\nTwo\tDos"
    chosen = ("of 3 columns, number 1 is the source and number 2 the target",)
    (tmp_path / "p.tsv").write_bytes(text.encode("utf-16"))
    assert read_pairs(tmp_path / "p.tsv", Dialect(encoding="utf-16")) == (LINES, chosen)
    noted = f"{tmp_path / 'p.tsv'}: encoding utf-16 (--encoding says another one)"
    assert read_pairs(tmp_path / "p.tsv") == (LINES, (noted, *chosen))
    (tmp_path / "p.tsv.gz").write_bytes(gzip.compress(text.encode()))
    assert read_pairs(tmp_path / "p.tsv.gz") == (LINES, chosen)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\tb\n\nno tab\n", r"Expected source, tab and target in each line of .*line 3, without"),
        (b"a\tb\n \tc\n", r"The source in line 2 of .* is empty: '\\tc'. Complete it, or delete"),
        (b"a\t\n", "The target in line 1 of"),
        (b"\n \n", "holds no pairs. Write one a line"),
        (b"", "holds no pairs. Write one a line"),
        (b"no tab\na\tb\nc\td\n", "Received in line 1, without a tab: 'no tab'"),
        (b"no tab\nand none here\n", "Received: one, such as 'and none here'. Put a tab between"),
        (
            b"en,es\nc,d\ne,\n",
            "The target in row 2 of .*: 'e\\\\t'. Complete it, or delete the row",
        ),
        (gzip.compress(b"a\tb\n" * 99, mtime=0)[:20], "Cannot read .*p.tsv: "),
    ],
)
def test_files_that_are_no_pairs(tmp_path, content, message):
    (tmp_path / "p.tsv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_pairs(tmp_path / "p.tsv")


TATOEBA = [(f"{n}", f"I see {n} cats", f"{900 + n}", f"Veo {n} gatos") for n in range(20)]
SEEN = [(source, target) for _, source, _, target in TATOEBA]


def lines(rows, sign="\t"):
    return "".join(sign.join(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("rows", "places"),
    [
        (TATOEBA, "of 4 columns, number 2 is the source and number 4 the target"),
        (
            [("eng", a, "spa", b) for a, b in SEEN],
            "of 4 columns, number 2 is the source and number 4 the target",
        ),
        (
            [(*pair, "CC-BY 2.0 (France)") for pair in SEEN],
            "of 3 columns, number 1 is the source and number 2 the target",
        ),
        ([(str(n), *pair) for n, pair in enumerate(SEEN)], "of 3 columns, number 2 is the source"),
    ],
)
def test_numbers_and_codes_in_front_of_texts_are_passed_over(tmp_path, rows, places):
    (tmp_path / "p.tsv").write_text(lines(rows))
    pairs, (note,) = read_pairs(tmp_path / "p.tsv")
    assert pairs == SEEN
    assert note.startswith(places)


@pytest.mark.parametrize("pair", [("12", "twelve"), ("yes", "7"), ("a b", "c")])
def test_two_columns_are_source_and_target_whatever_they_hold(tmp_path, pair):
    (tmp_path / "p.tsv").write_text(lines([pair] * 20))
    assert read_pairs(tmp_path / "p.tsv") == ([pair] * 20, ())
    assert read_pairs(tmp_path / "p.tsv", source="2")[0] == [pair[::-1]] * 20


def test_a_line_of_names_is_left_out_and_said(tmp_path):
    (tmp_path / "p.tsv").write_text(lines([("English", "Spanish"), *LINES]))
    pairs, notes = read_pairs(tmp_path / "p.tsv")
    assert pairs == LINES
    assert notes == (
        "the first line holds names: English, Spanish (--header none reads it)",
        "of 2 columns, 'English' is the source and 'Spanish' the target",
    )
    pairs, notes = read_pairs(tmp_path / "p.tsv", Dialect(header="none"))
    assert pairs == [("English", "Spanish"), *LINES]
    assert notes == ()
    assert read_pairs(tmp_path / "p.tsv", Dialect(skip_rows=2, header="none"))[0] == LINES[1:]
    (tmp_path / "p.tsv").write_text(lines([("my words", "your words"), *LINES]))
    assert read_pairs(tmp_path / "p.tsv")[0][1:] == LINES
    assert read_pairs(tmp_path / "p.tsv", Dialect(header="first"))[0] == LINES
    (tmp_path / "p.tsv").write_text(lines([("English sentence", "Spanish sentence"), *LINES]))
    assert read_pairs(tmp_path / "p.tsv")[0] == LINES
    (tmp_path / "p.tsv").write_text("#separator:tab\n#html:true\n" + lines(LINES))  # as Anki's
    assert read_pairs(tmp_path / "p.tsv")[0] == LINES


@pytest.mark.parametrize(
    ("named", "chosen"),
    [
        ({"source": "text", "target": "id"}, [(row[1], row[0]) for row in TATOEBA]),
        ({"source": "4", "target": "2"}, [(b, a) for a, b in SEEN]),
        ({"target": "2"}, [(b, a) for a, b in SEEN]),
        ({"source": "translation"}, [(b, a) for a, b in SEEN]),
    ],
)
@pytest.mark.parametrize("sign", ["\t", ";"])
def test_columns_are_named_by_number_or_name(tmp_path, named, chosen, sign):
    rows = [("id", "text", "number", "translation"), *TATOEBA]
    (tmp_path / "p.txt").write_text(lines(rows, sign))
    assert read_pairs(tmp_path / "p.txt", **named)[0] == chosen


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (
            {"source": "5"},
            "Expected --source to be id, text, number, translation, or a number from",
        ),
        ({"target": "texts"}, "or a number from 1 to 4. Received: texts"),
        (
            {"source": "text", "target": "2"},
            "Expected two columns of texts in .*Say which they are",
        ),
    ],
)
def test_columns_that_are_not_there(tmp_path, named, message):
    (tmp_path / "p.tsv").write_text(lines([("id", "text", "number", "translation"), *TATOEBA]))
    with pytest.raises(UserError, match=message):
        read_pairs(tmp_path / "p.tsv", **named)


def test_a_second_column_of_texts_that_is_missing_can_be_named(tmp_path):
    rows = [(f"{n}", f"Is it {n}?", "yn"[n % 2]) for n in range(20)]
    (tmp_path / "p.tsv").write_text(lines(rows))
    with pytest.raises(
        UserError, match=r"Received: 3 columns, of texts among them: number 2\. "
    ) as e:
        read_pairs(tmp_path / "p.tsv")
    assert "Say which they are with --source and --target" in str(e.value)
    pairs, (note,) = read_pairs(tmp_path / "p.tsv", source="2", target="3")
    assert pairs == [row[1:] for row in rows]
    assert note == "of 3 columns, number 2 is the source and number 3 the target"


def test_tables_hold_pairs_too(tmp_path):
    frame = pd.DataFrame(TATOEBA, columns=["id", "english", "other", "spanish"])
    for index, name in enumerate(("english", "spanish")):
        frame[name] += ", too; ¿sí?"
        assert frame[name][0] == f"{SEEN[0][index]}, too; ¿sí?"
    expected = list(zip(frame["english"], frame["spanish"], strict=True))
    frame.to_csv(tmp_path / "comma.csv", index=False)
    frame.to_csv(tmp_path / "semicolon.csv", index=False, sep=";", encoding="cp1252")
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    for name in ("comma.csv", "semicolon.csv", "t.xlsx", "t.parquet", "t.jsonl"):
        pairs, notes = read_pairs(tmp_path / name)
        assert pairs == expected
        assert notes[0].startswith(f"{tmp_path / name}: 20 rows")
        assert notes[-1] == "of 4 columns, 'english' is the source and 'spanish' the target"
        named = any("the first row holds names: id, english" in note for note in notes)
        assert named == (name.endswith(("csv", "xlsx")))
    assert "encoding cp1252; separator ';'" in read_pairs(tmp_path / "semicolon.csv")[1][0]
    frame.to_csv(tmp_path / "none.csv", index=False, header=False)
    assert read_pairs(tmp_path / "none.csv", Dialect(header="none"))[0] == expected


def test_pairs_in_encodings_of_windows(tmp_path):
    path = tmp_path / "p.tsv"
    path.write_text("café\tcoffee\nla forêt\tthe forest\n", "cp1252")
    pairs, notes = read_pairs(path)
    assert pairs == [("café", "coffee"), ("la forêt", "the forest")]
    assert notes == (f"{path}: encoding cp1252 (--encoding says another one)",)
    path.write_text("кофе\tcoffee\n", "cp1251")
    with pytest.raises(UserError, match="--encoding cp1251 reads 'кофе'"):
        read_pairs(path)
    assert read_pairs(path, Dialect(encoding="cp1251")) == ([("кофе", "coffee")], ())


def test_long_lines_are_shown_in_part():
    with pytest.raises(UserError, match=r"'x{60}\.\.\.'"):
        parse_pairs("x" * 1000, "name")


def test_dates_differ_and_are_right():
    pairs = date_pairs(3000, seed=1)
    assert len(set(pairs)) == len({source for source, _ in pairs}) == 3000
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    for source, target in pairs:
        month, day, year = source.replace(",", "").split()
        assert target == f"{year}-{months.index(month[:3]) + 1:02}-{day}"
    assert len({c for source, _ in pairs for c in source}) == 38  # as many as in the book
    assert date_pairs(5, seed=1) == date_pairs(5, seed=1) != date_pairs(5)


def test_spanish_sentences_in_the_books_order(zoo_data):
    pairs = spa_eng()
    assert len(pairs) == 118_964
    parts, notes = book_split(pairs)
    assert [len(parts[name]) for name in ("train", "validation", "test")] == [100000, 18964, 9482]
    assert parts["train"][:2] == [
        ("How boring!", "¡Qué aburrimiento!"),  # as its cell 91 prints them
        ("I love sports.", "Adoro el deporte."),
    ]
    assert "no test part" in notes[0]
    assert "have a source that training has" in notes[1]


# Splits


@settings(deadline=None, max_examples=30)
@given(st.integers(10, 80), st.integers(1, 30), st.integers(0, 3))
def test_no_source_is_in_two_parts(count, held_out, seed):
    generator = np.random.default_rng(seed)
    pairs = [(f"Go {generator.integers(count)}{'.!'[n % 2]}", str(n)) for n in range(3 * count)]
    sources = {key_of(source) for source, _ in pairs}
    if len(sources) < 10:
        return
    parts, notes = disjoint_split(pairs, held_out)
    found = {name: {key_of(source) for source, _ in part} for name, part in parts.items()}
    size = min(held_out, len(sources) // 10)
    assert len(found["validation"]) == len(found["test"]) == size
    assert len(found["train"]) == len(sources) - 2 * size  # so they do not overlap
    assert set.union(*found.values()) == sources
    assert sorted(p for part in parts.values() for p in part) == sorted(pairs)
    assert bool(notes) == (size < held_out)


def test_one_pair_is_not_enough(tmp_path):
    path = write(tmp_path / "p.tsv", [("a", "b")])
    with pytest.raises(UserError, match=r"at least 10 different sources, .*Received: 1\."):
        load(config(data=str(path)))


# Ids


def test_ids_of_a_sentence():
    options = {"max_length": 3}
    source, _ = fit_tokenizer("words", ["gato un un"], ["a"], 9, "source", **options)
    target, _ = fit_tokenizer("words", ["gato un un"], ["a"], 9, "target", **options)
    assert source.encode("Un gato un Un").tolist() == [3, 4, 3]
    assert target.encode("Un gato!").tolist() == [1, 3, 4, 2]
    assert target.encode("Un gato un!").tolist() == [1, 3, 4, 3]
    assert target.decode([3, 0, 1, 4, 2, 3]) == "un gato"
    assert target.decode([2]) == ""
    assert target.pieces([1, 3, 4, 2]) == ["<start>", "un", "gato", "<end>"]
    assert target.normalize("¡Un perro!") == "un perro"
    characters, _ = fit_tokenizer("characters", ["a"], [], None, "target")
    assert characters.normalize("¡A!") == "¡A!"


def many(tmp_path, count=40):
    """Sentences of one to eight words, to themselves backwards."""
    generator = np.random.default_rng(0)
    words = [[str(w) for w in generator.integers(1, 30, n % 8 + 1)] for n in range(count)]
    pairs = [(f"{n} " + " ".join(row), " ".join(row[::-1])) for n, row in enumerate(words)]
    return write(tmp_path / "many.tsv", pairs)


@pytest.mark.parametrize(("longer", "kept"), [("drop", 19), ("cut", 38)])
def test_what_is_too_long_is_left_out_of_training_or_cut(tmp_path, longer, kept):
    path = many(tmp_path)
    task = load(config(data=str(path), tokenizer="words", max_length=5, longer=longer))
    sources, targets = task.ids["train"]
    assert len(task.pairs["train"]) == len(sources) == len(targets)
    assert len(sources) == pytest.approx(kept, abs=1)
    assert sources.shape[1] <= 5
    assert targets.shape[1] <= 6
    done = "left out" if longer == "drop" else "cut off"
    assert any(f"train pairs longer than 5 tokens: {done}" in note for note in task.notes)
    ends = (targets == task.target_tokenizer.end_id).any(axis=1)
    assert ends.all() == (longer == "drop")
    assert {len(task.pairs[part]) for part in ("validation", "test")} == {1}
    with pytest.raises(UserError, match="All training pairs are longer than --max_length 2"):
        load(config(data=str(write(path, [(f"{n} a b", "c") for n in range(20)])),
                    tokenizer="words", max_length=2))  # fmt: skip


def test_columns_can_be_swapped_and_lowered(tmp_path):
    path = write(tmp_path / "p.tsv", [(f"Cat {n}", f"Gato {n}") for n in range(30)])
    task = load(config(data=str(path), tokenizer="characters", reverse=True, lowercase=True))
    assert all(s.startswith("gato") and t.startswith("cat") for s, t in task.pairs["train"])
    assert task.source_tokenizer.unknown_characters("Gato G?") == ["?"]
    np.testing.assert_array_equal(
        task.source_tokenizer.encode("GATO 1"), task.source_tokenizer.encode("gato 1")
    )


@pytest.mark.parametrize(("kind", "size"), [("bpe", 300), ("wordpiece", 600), ("unigram", 300)])
def test_sub_words_write_any_text(kind, size):
    layer, notes = fit_tokenizer(kind, ["the low lowest", "lower"] * 30, [], size, "target")
    assert (layer.name, notes) == ("target_tokenizer", ())
    assert layer.vocabulary_size <= size
    ids = layer.encode("slow 你好")
    assert ids[[0, -1]].tolist() == [1, 2]
    assert layer.decode(ids) == "slow 你好"
    with pytest.raises(UserError, match="There is no such target vocabulary"):
        fit_tokenizer(kind, ["a"], [], 100, "target")


def test_unknown_characters_get_an_id_only_if_there_are_any():
    known, notes = fit_tokenizer("characters", ["ab"], ["ba"], None, "source")
    assert (known.unknown_id, notes) == (None, ())
    layer, notes = fit_tokenizer("characters", ["ab"], ["c"], None, "source")
    assert layer.encode("acb").tolist() == [3, layer.unknown_id, 4] == [3, 5, 4]
    assert "the source has an unknown id for characters that training lacks ('c')" in notes[0]
    _, notes = fit_tokenizer("characters", ["ab"], ["a"], 9, "source")
    assert notes == ("every character of the source has an id: no vocabulary size plays a part",)


def test_word_vocabularies_tell_what_they_know():
    layer, notes = fit_tokenizer("words", ["a a b"], ["a b c d"], 5, "source")
    assert layer.tokenizer.words == ["a"]
    assert "1 words knows 25.0% of the words" in notes[0]


# Batches


def ragged(count, seed=0):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(0, 20, count), generator.integers(0, 13, count)
    sources = [np.full(n, 5 + i) for i, n in enumerate(lengths[0])]
    targets = [np.int32([1, *[5 + i] * n, 2]) for i, n in enumerate(lengths[1])]
    return padded(sources), padded(targets)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 90), st.integers(1, 16), st.sampled_from([None, 3]), st.integers(0, 3),
    st.sampled_from([1, 4, 8]),
)  # fmt: skip
def test_batches_hold_each_pair_once(count, size, seed, epoch, multiple):
    sources, targets = ragged(count)
    batches = PairBatches(sources, targets, size, seed, multiple)
    batches.epoch = epoch
    order, size = batches.order(), batches.batch_size
    assert len(set(order)) == len(order) == (len(batches) * size if seed else count)
    for first in range(0, len(order), size):
        rows = order[first : first + size]
        inputs, labels = batches.assemble(rows)
        for found, right in ((inputs["source"], sources), (labels, targets[:, 1:])):
            right = right[rows]
            longest = max(1, (right != 0).sum(axis=1).max())
            assert found.shape == (len(rows), -(-longest // multiple) * multiple)
            assert (found[:, :longest] == right[:, :longest]).all()
            assert not found[:, longest:].any()
        read = inputs["target"]
        assert (read[:, 0] == 1).all()
        before = np.where(labels[:, 1:] != 0, labels[:, :-1], 0)
        assert (read[:, 1:] == before).all()


def test_batches_depend_on_seed_epoch_and_step_alone():
    sources, targets = ragged(100)
    first, second = (PairBatches(sources, targets, 8, seed=1) for _ in range(2))
    second.epoch = 3
    other = second.order()
    second.epoch = 0
    assert (first.order() == second.order()).all()
    assert (first.order() != other).any()
    assert (first.order() != PairBatches(sources, targets, 8, seed=2).order()).any()


def test_sentences_of_like_lengths_share_a_batch():
    sources, targets = ragged(2000)
    batches = PairBatches(sources, targets, 20, seed=1)
    order = batches.order().reshape(len(batches), -1)
    shapes, real, all_of_it = set(), 0, 0
    for rows in order:
        inputs, labels = batches.assemble(rows)
        shapes.add((inputs["source"].shape, labels.shape))
        real += (labels != 0).sum() + (inputs["source"] != 0).sum()
        all_of_it += labels.size + inputs["source"].size
    assert len(shapes) <= 30
    assert real / all_of_it > 0.75  # 0.5 if every batch were padded to the longest of all
    lengths = (targets[order] != 0).sum(axis=(1, 2))
    assert np.abs(np.corrcoef(lengths, np.arange(len(order)))[0, 1]) < 0.3  # batches are shuffled


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="its pipeline is TensorFlow's")
def test_the_pipeline_gives_the_same_batches():
    batches = PairBatches(*ragged(50), 8, seed=1)
    order = batches.order().reshape(len(batches), -1)
    for rows, (inputs, labels) in zip(order, batches.feed(), strict=True):
        expected, right = batches.assemble(rows)
        assert (inputs["source"].numpy() == expected["source"]).all()
        assert (inputs["target"].numpy() == expected["target"]).all()
        assert (labels.numpy() == right).all()


# Scores and baselines


def test_scores_of_sentences():
    right = [["a cat sat on it", "one cat sat there"], ["no"], ["a dog ran away"]]
    found = sentence_scores(["one cat sat there", "yes", "a dog ran away"], right)
    assert found["exact_match"] == pytest.approx(2 / 3)
    assert 0 < found["bleu"] < 100
    assert 0 < found["chrf"] < 100
    assert sentence_scores(["", ""], [["a"], ["b"]]) == {"exact_match": 0, "bleu": 0, "chrf": 0}
    # One of two words right, then one of one pair: by hand, without smoothing or brevity penalty.
    one = sentence_scores(["a b c d x"], [["a b c d e"]])["bleu"]
    assert one == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25, abs=1e-3)


def test_scores_of_tokens():
    assert token_scores(np.log([0.5, 0.25]), np.array([True, False])) == {
        "nll": pytest.approx(1.5 * np.log(2)), "token_accuracy": 0.5,
    }  # fmt: skip


def test_answers_without_a_model():
    pairs = [("I like tea", "té"), ("cats like fish", "pez"), ("cats", "gatos"), ("kittens", "pez")]
    assert MostFrequent(pairs).translate(["x", "y"]) == ["pez", "pez"]
    asked = ["tea!", "Cats", "they like fish", "??"]
    assert Nearest(pairs).translate(asked) == ["té", "gatos", "pez", "té"]
    dates = [("May 03, 1999", "1"), ("June 21, 2031", "2")]
    assert Nearest(dates, characters=True).translate(["May 04, 1998", "June 01, 2001"]) == [
        "1",
        "2",
    ]


@pytest.mark.parametrize("name", ["constant", "linear", "exponential", "inverse_sigmoid"])
def test_schedules_end_in_the_middle_of_the_run(name):
    schedule = sampling_probability(name, 0.6, 1000)
    if name == "constant":
        assert schedule == 0.6
        return
    first, middle, last = (float(schedule(step)) for step in (0, 500, 1000))
    assert first < 0.02
    assert middle == pytest.approx(0.6, abs=0.035)
    assert last == pytest.approx(0.6, abs=0.005)
    assert 0 <= float(sampling_probability(name, 1.0, 1)(5)) <= 1


# Pictures


def test_pictures_of_any_text(tmp_path):
    weights = np.full((60, 50), 0.1)
    pieces = ["$a", "_$", "你", "\t", " b", ""] * 10
    examples = [(pieces[:50], pieces, weights), (["a"], ["b", "<end>"], np.ones((2, 1)))]
    plots.attention(examples[:1]).savefig(tmp_path / "one.png")
    plots.attention(examples * 2).savefig(tmp_path / "four.png")
    parts, letters = plots.attention(examples).axes[:2]
    turned = [axis.get_xticklabels()[0].get_rotation() for axis in (parts, letters)]
    assert turned == [90, 0]  # sub-words have no room, and characters are read upright
    assert letters.get_yticklabels()[0].get_text() == "b"


def test_cells_of_tables_show_any_text():
    assert cell("a|b\n*c* `d` <e>") == r"a\|b \*c\* \`d\` \<e\>"


def test_few_pairs_have_few_sub_words_and_are_read_often(tmp_path):
    generator = np.random.default_rng(0)
    words = ["".join(generator.choice(list("abcdefgh"), 6)) for _ in range(2000)]
    lines = [f"{' '.join(generator.choice(words, 12))}\t{word}" for word in words]
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(lines))
    found, task = translation.RECIPE.load(config(data=str(path)))
    characters = sum(len(source) + 1 for source, _ in task.pairs["train"]) - 1
    assert task.source_tokenizer.vocabulary_size == characters // 100
    assert task.target_tokenizer.vocabulary_size == 600
    assert found.epochs == round(3000 / len(task.pairs["train"]) ** 0.5)
    said, task = translation.RECIPE.load(replace(found, epochs=7, target_vocabulary_size=300))
    assert (said.epochs, task.target_tokenizer.vocabulary_size) == (7, 300)
