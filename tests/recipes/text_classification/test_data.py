"""Labelled texts: tables of one's own, and how they are split."""

import gzip
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.data.dialect import Dialect
from recipes.data.files import open_table
from recipes.data.target import Target
from recipes.errors import UserError
from recipes.text_classification import default_config, load_data
from recipes.text_classification.data.labelled_texts import find_columns, read_labelled_texts
from recipes.text_classification.data.text_splits import split_texts, text_keys, without_shared

# Splits


def target_of(values):
    values = np.asarray(values)
    return Target("y", values, tuple(str(n) for n in range(values.max() + 1)))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(20, 60), st.sampled_from([0.1, 0.3]))
def test_a_text_and_its_twins_are_in_one_part(seed, count, share):
    generator = np.random.default_rng(seed)
    texts = np.array([f"{'tT'[n % 2]} {generator.integers(25)}" for n in range(count)], object)
    target = target_of([*generator.integers(0, 2, count).tolist(), 1])
    texts = np.append(texts, "other")
    rows, notes = split_texts(texts, target, {"test": share, "validation": share})
    assert sorted(np.concatenate(list(rows.values()))) == list(range(count + 1))
    keys = [set(text_keys(texts[part])) for part in rows.values()]
    assert sum(map(len, keys)) == len(set.union(*keys))
    assert len(keys[0]) == pytest.approx(share * len(set.union(*keys)), abs=1.5)
    assert any("another one, but for case" in note for note in notes)
    again, _ = split_texts(texts, target, {"test": share, "validation": share})
    assert all((again[name] == rows[name]).all() for name in rows)


def test_classes_keep_their_shares():
    texts = np.array([str(n) for n in range(1000)], object)
    target = target_of((np.arange(1000) % 10 == 0).astype(int))
    rows, notes = split_texts(texts, target, {"test": 0.2, "validation": 0.1})
    assert {name: len(part) for name, part in rows.items()} == {
        "test": 200, "validation": 100, "train": 700
    }  # fmt: skip
    assert all(target.values[part].mean() == 0.1 for part in rows.values())
    assert notes == ()


def test_what_is_odd_about_texts_is_noted():
    texts = np.array(["Good!", " good! ", "bad", "bad", *map(str, range(30))], object)
    target = target_of([0, 1, 0, 0] + [0, 1] * 14 + [0, 2])
    rows, notes = split_texts(texts, target, {"test": 0.1, "validation": 0.1})
    assert len(notes) == 3
    assert notes[0].startswith("2 texts repeat another one")
    assert notes[1] == "1 text occurs with different labels"
    assert "class '2' has 1 different text: too few" in notes[2]
    assert 33 in rows["train"]
    with pytest.raises(UserError, match=r"sum to less than 1. Received: 0.5 and 0.5"):
        split_texts(texts, target, {"test": 0.5, "validation": 0.5})


def test_a_class_of_one_text_is_counted_by_texts():
    texts = np.array(["same"] * 9 + [str(n) for n in range(40)], object)
    notes = split_texts(texts, target_of([2] * 9 + [0, 1] * 20), {"test": 0.1})[1]
    assert "class '2' has 1 different text: too few for the test part" in notes[1]


def test_texts_that_are_all_alike_cannot_be_split():
    texts = np.array(["same"] * 40, object)
    message = r"for a test part. Received: 1 different text in 40 rows.*`zoo train tabular` learns"
    with pytest.raises(UserError, match=message):
        split_texts(texts, target_of([0, 1] * 20), {"test": 0.1, "validation": 0.1})


@pytest.mark.parametrize("text", ["", "   "])
def test_texts_that_are_all_empty_are_refused(tmp_path, text):
    rows = [f'"{text}",{"AB"[n % 2]}' for n in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["text,target", *rows]))
    with pytest.raises(UserError, match=r"texts in the column 'text'.*40 that are empty.*--text"):
        read_labelled_texts(tmp_path / "t.csv")


NOTED = {
    "one word": ("w{n}", ["--tokenizer characters reads its letters, and `zoo train tabular"]),
    "names of classes": (
        "it is {label} {n}",
        ["gives target away: 100 % of 32 training texts hold"],
    ),
    "both": ("{label}-{n}", ["gives target away", "most texts are of one word"]),
    "others' names, too": ("Good or bad, of {n} words?", []),
    "part of a word": ("{label}ness of {n}", []),
    "no spaces": ("这部电影我看了{n}遍", []),
}


@pytest.mark.parametrize(("text", "expected"), NOTED.values(), ids=NOTED)
def test_texts_that_tell_too_much_or_little_are_noted(tmp_path, text, expected):
    labels = ["good", "bad"] * 20
    frame = pd.DataFrame({"target": labels})
    frame["text"] = [text.format(n=n, label=label) for n, label in enumerate(labels)]
    frame.to_csv(tmp_path / "t.csv", index=False)
    config = replace(default_config(own_data=True), data=str(tmp_path / "t.csv"))
    notes = [note for note in load_data(config).notes if "away" in note or "one word" in note]
    assert len(notes) == len(expected)
    assert all(part in note for part, note in zip(expected, notes, strict=True))


@pytest.mark.parametrize("punctuation", [True, False])
def test_punctuation_is_read_as_words_unless_a_flag_says_otherwise(tmp_path, punctuation):
    rows = [f"a good film{'!' * (n % 2)} {n},{n % 2}" for n in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["text,target", *rows]))
    config = replace(default_config(own_data=True), data=str(tmp_path / "t.csv"))
    task = load_data(config if punctuation else replace(config, punctuation=False))
    assert ("!" in task.reader.tokenizer.words) == punctuation


def test_texts_without_spaces_are_found(tmp_path):
    frame = pd.DataFrame(
        {"评论": [f"这家店的面{n}很好吃" for n in range(40)], "情感": ["好评", "差评"] * 20}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert read_labelled_texts(tmp_path / "t.csv").columns == ("评论", "情感")


def test_something_must_be_left_to_train_on(tmp_path):
    path = write(tmp_path / "t.csv")
    with pytest.raises(UserError, match=r"training texts that are not held out .* that all are"):
        read_labelled_texts(path, validation=path)


def test_held_out_texts_are_no_training_texts():
    texts = np.array(["a", "b", "A ", "c"], object)
    rows, notes = without_shared(texts, np.array([0, 1]), np.array([2, 3]))
    assert rows.tolist() == [1]
    assert notes == ("1 training texts left out that are held out, too",)
    assert without_shared(texts, np.array([1]), np.array([3])) == ([1], ())


# Tables of one's own


def write(path, rows=60, header="text,target", label="'AB'[n % 2]", suffix=""):
    lines = [header, *(f"text number {n}{suffix},{eval(label)}" for n in range(rows))]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_a_table_of_texts(tmp_path):
    data = read_labelled_texts(write(tmp_path / "t.csv"))
    assert data.target.labels == ("A", "B")
    assert data.target.name == "target"
    assert {name: len(rows) for name, rows in data.rows.items()} == {
        "train": 48, "validation": 6, "test": 6
    }  # fmt: skip
    assert list(data.rows) == ["train", "validation", "test"]
    for number, text, value in zip(data.numbers, data.texts, data.target.values, strict=True):
        assert (text, value) == (f"text number {number - 1}", (number - 1) % 2)
    assert data.notes == (
        "the texts are the column 'text', the classes 'target'",
        f"{tmp_path / 't.csv'}: 60 rows; encoding utf-8; separator ','",
    )
    assert data.source.endswith("t.csv")


def test_forms_of_tables(tmp_path):
    expected = read_labelled_texts(write(tmp_path / "t.csv"))
    frame = pd.read_csv(tmp_path / "t.csv")
    (tmp_path / "t.gz").write_bytes(gzip.compress((tmp_path / "t.csv").read_bytes()))
    frame.to_parquet(tmp_path / "t.parquet")
    frame.assign(text=frame["text"].str.encode("utf-8")).to_parquet(tmp_path / "bytes.parquet")
    frame.assign(text=frame["text"].astype("category")).to_parquet(tmp_path / "c.parquet")
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    for name in ("t.gz", "t.parquet", "bytes.parquet", "c.parquet", "t.xlsx", "t.jsonl"):
        found = read_labelled_texts(tmp_path / name)
        assert found.texts.tolist() == expected.texts.tolist()
        assert all((found.rows[part] == expected.rows[part]).all() for part in found.rows)


@pytest.mark.parametrize(
    ("labels", "names"),
    [([1, 2], ["1", "2"]), ([1.0, 5.0], ["1", "5"]), ([True, False], ["False", "True"])],
)
@pytest.mark.parametrize("form", ["parquet", "json"])
def test_labels_of_typed_tables_are_classes(tmp_path, labels, names, form):
    frame = pd.DataFrame({"reviewText": [f"good {n}" for n in range(40)], "overall": labels * 20})
    kept = {"orient": "records", "lines": True} if form == "json" else {}
    getattr(frame, f"to_{form}")(tmp_path / "t", **kept)
    found = read_labelled_texts(tmp_path / "t", text="reviewText", target="overall")
    assert sorted(found.target.labels) == names
    frame["overall"] = [0.5, 1.5] * 20
    getattr(frame, f"to_{form}")(tmp_path / "t", **kept)
    with pytest.raises(UserError, match=r"Expected classes in the column 'overall'.*0\.5"):
        read_labelled_texts(tmp_path / "t", text="reviewText", target="overall")


def test_columns_without_a_name_are_no_labels(tmp_path):
    path = tmp_path / "spam.csv"
    path.write_text("v1,v2,,\n" + "".join(f"{'AB'[n % 2]},one text {n},,\n" for n in range(40)))
    assert find_columns(open_table(path)) == ("v2", "v1")


def test_empty_texts_are_kept_and_rows_without_a_label_are_not(tmp_path):
    lines = [f"{'' if n in (3, 4) else n},{'' if n in (5, 6) else 'AB'[n % 2]}" for n in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["text,label", *lines, "NA,A"]) + "\n")
    data = read_labelled_texts(tmp_path / "t.csv")
    assert data.numbers.tolist() == [n for n in range(1, 42) if n not in (6, 7)]
    assert data.texts[[3, 4, -1]].tolist() == ["", "", "NA"]
    assert data.notes[2] == f"2 rows of {tmp_path / 't.csv'} without a label left out"
    frame = pd.DataFrame({"text": [None, *map(str, range(39))], "label": ["A", "B"] * 20})
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_labelled_texts(tmp_path / "t.parquet").texts[0] == ""


@pytest.mark.parametrize(
    ("label", "labels"),
    [
        ("n % 3", ("0", "1", "2")),
        ("[-1, 1][n % 2]", ("-1", "1")),
        ("float(n % 2)", ("0", "1")),
        ("[1, 2, ''][n % 3]", ("1", "2")),  # pandas makes floats of whole numbers with gaps
        ("n % 2 == 0", ("False", "True")),
        ("'שלום 😀'.split()[n % 2]", ("שלום", "😀")),
    ],
)
def test_labels_of_any_kind_are_names_of_classes(tmp_path, label, labels):
    data = read_labelled_texts(write(tmp_path / "t.csv", label=label))
    assert data.target.labels == labels
    assert set(data.target.values) == set(range(len(labels)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label": "'A'"}, "Expected a target with different values.*'A' in every row"),
        ({"label": "n / 7"}, r"Expected classes in the column 'target' of .*such as 0.142857"),
        ({"label": "n"}, "60 different values in 60 rows, .* Name the column .* --target"),
        ({"label": "''"}, "at least 30 rows with a target in .* Received: 0"),
        ({"rows": 29}, "at least 30 rows with a target in .* Received: 29"),
        ({"rows": 0}, "Expected rows below the header"),
    ],
)
def test_tables_that_do_not_do(tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        read_labelled_texts(write(tmp_path / "t.csv", **settings))


def test_texts_without_labels(tmp_path):
    own = {"own_data": True}
    data = write(tmp_path / "t.csv")
    plain = load_data(replace(default_config(**own), data=str(data)))
    held_out = [*plain.parts["validation"].texts, *plain.parts["test"].texts]
    more = tmp_path / "more.csv"
    new = ["some words", "other words of it", "words"]
    pd.DataFrame({"day": range(len(new) + len(held_out)), "said": [*new, *held_out]}).to_csv(more)
    config = replace(default_config(**own), data=str(data), unlabelled=str(more), folds=2)
    task = load_data(config)
    assert task.parts["unlabelled"].texts.tolist() == new
    assert set(task.parts["unlabelled"].labels) == {-1}
    assert any(f"{len(held_out)} left out, which are held out" in note for note in task.notes)
    assert "other" in task.reader.tokenizer.words
    for fold in task.folds().values():
        assert fold.parts["unlabelled"].texts.tolist() == new
    for name in ("train", "validation", "test"):
        assert task.parts[name].texts.tolist() == plain.parts[name].texts.tolist()
    pd.DataFrame({"text": held_out}).to_csv(more)
    with pytest.raises(UserError, match=r"that are not held out .* Leave --unlabelled out"):
        load_data(config)
    for refused in ({"tokenizer": "bpe"}, {"wide": 0}, {"start_from": "run"}):
        with pytest.raises(UserError, match="--unlabelled teaches"):
            replace(config, **refused).validate()


@pytest.mark.parametrize(
    ("header", "given", "found"),
    [
        ("text,target", {}, ("text", "target")),
        ("review,label", {}, ("review", "label")),
        ("a,b", {}, ("a", "b")),
        ("label,mood", {"text": "label"}, ("label", "mood")),
        ("a,b", {"target": "b"}, ("a", "b")),
    ],
)
def test_columns_are_found(tmp_path, header, given, found):
    path = write(tmp_path / "t.csv", header=header)
    assert find_columns(open_table(path), **given) == found


@pytest.mark.parametrize(
    ("header", "given", "message"),
    [
        ("text,target", {"text": "texts"}, r"'texts' \(--text\) .*Did you mean 'text'"),
        ("text,target", {"target": "y"}, r"Expected a column 'y' \(--target\)"),
        ("text,target", {"text": "text", "target": "text"}, "Expected two columns"),
        ("text", {}, "a column of labels beside that of the texts in .* Received: only 'text'"),
        ("text,a,b", {}, "Name the column of labels in .* with --target. One of 'a', 'b'"),
        ("a,b", {"target": "a"}, "Received none among 'b'. Name it with --text"),
        ("text,text", {"text": "text"}, r"'text' \(--text\) .*Did you mean 'text.[12]'"),
    ],
)
def test_columns_that_are_not_found(tmp_path, header, given, message):
    label = "'A,B'" if header.count(",") == 2 else "'A'"
    path = write(tmp_path / "t.csv", header=header, label=label)
    if "," not in header:
        path.write_text(path.read_text().replace(",A", ""))
    with pytest.raises(UserError, match=message):
        find_columns(open_table(path), **given)


def test_several_columns_of_texts(tmp_path):
    path = write(tmp_path / "t.csv", header="title,body,y", label="'some words,A'")
    with pytest.raises(UserError, match=r"Received several: 'title', 'body'. Name it with --text"):
        find_columns(open_table(path))


def test_texts_that_begin_like_an_amount_are_texts(tmp_path):
    rows = [
        "TOP 10 films of the year",
        "ASM 1-0 in the end",
        "said so",
        "and more of it",
        "no more",
    ]
    table = tmp_path / "t.csv"
    table.write_text("review,label\n" + "".join(f"{row},{n % 2}\n" for n, row in enumerate(rows)))
    assert find_columns(open_table(table)) == ("review", "label")


def test_columns_of_the_same_name_are_numbered(tmp_path):
    data = read_labelled_texts(write(tmp_path / "t.csv", header="text,text"))
    assert data.columns == ("text.1", "text.2")
    assert "2 columns are called text: read as text.1, text.2" in data.notes


def test_columns_that_do_not_matter_may_hold_anything(tmp_path):
    """Such as numbers that can be read in two ways."""
    rows = [f"text number {n};1.{n + 100};{'AB'[n % 2]}\n" for n in range(60)]
    (tmp_path / "t.csv").write_text("".join(["review;price;label\n", *rows]))
    assert read_labelled_texts(tmp_path / "t.csv").columns == ("review", "label")


def test_numbers_are_no_texts(tmp_path):
    pd.DataFrame({"text": range(40), "y": [0, 1] * 20}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(UserError, match=r"Expected texts in the column 'text' of .*such as 0"):
        read_labelled_texts(tmp_path / "t.parquet")
    lists = pd.DataFrame({"text": [["a", "b"]] * 40, "y": [0, 1] * 20})
    lists.to_parquet(tmp_path / "lists.parquet")
    with pytest.raises(UserError, match=r"one value a cell in column 'text'.*a ndarray"):
        read_labelled_texts(tmp_path / "lists.parquet")
    pictures = pd.DataFrame({"text": [b"\xff\xd8"] * 40, "y": [0, 1] * 20})
    pictures.to_parquet(tmp_path / "pictures.parquet")
    with pytest.raises(UserError, match=r"Expected texts in the column 'text' of .*as b'"):
        read_labelled_texts(tmp_path / "pictures.parquet")


# Files as people have them


@pytest.mark.parametrize(
    ("label", "labels", "said"),
    [
        ("['None', 'NA'][n % 2]", ("NA", "None"), "target: 'NA', 'None' count as values"),
        ("['N/A', 'null', 'Mild'][n % 3]", ("Mild", "N/A", "null"), "--missing_values N/A,null"),
        ("['0', '1', 'NA'][n % 3]", ("0", "1", "NA"), "target: 'NA' count as values"),
        ("[*map(str, range(11)), 'NA'][n % 12]", (*map(str, range(11)), "NA"), "'NA' count as"),
    ],
)
def test_names_that_look_missing_are_classes(tmp_path, label, labels, said):
    path = write(tmp_path / "t.csv", rows=66, label=label)
    data = read_labelled_texts(path)
    assert sorted(data.target.labels) == sorted(labels)
    assert len(data.texts) == 66
    assert any(said in note for note in data.notes)
    other = write(tmp_path / "test.csv", rows=66, label=label, suffix="!")
    held = read_labelled_texts(path, test=other)
    assert held.target.values[held.rows["test"]].tolist() == data.target.values.tolist()


def test_names_that_are_said_to_be_missing_are_missing(tmp_path):
    path = write(tmp_path / "t.csv", rows=90, label="['None', 'Mild', 'Bad'][n % 3]")
    data = read_labelled_texts(path, dialect=Dialect(missing_values=["None"]))
    assert data.target.labels == ("Bad", "Mild")
    assert f"30 rows of {path} without a target left out" in data.notes


def test_parts_may_be_written_in_other_ways(tmp_path):
    rows = [(f"Stück Nummer {n}", "AB"[n % 2]) for n in range(40)]
    frame = pd.DataFrame(rows, columns=["text", "target"])
    frame.to_csv(tmp_path / "train.csv", index=False)
    held = frame.assign(text=frame["text"] + " größer")
    held.to_csv(tmp_path / "held.csv", index=False, sep=";", encoding="cp1252")
    data = read_labelled_texts(tmp_path / "train.csv", test=tmp_path / "held.csv")
    assert data.texts[data.rows["test"]].tolist() == held["text"].tolist()
    assert f"{tmp_path / 'held.csv'}: 40 rows; encoding cp1252; separator ';'" in data.notes


def test_quotes_that_never_close_are_parts_of_texts(tmp_path):
    texts = ['"Stop', 'he said "no" twice', "it is 5'", '"all of it"'] * 10
    texts = [f"{text} {n}" for n, text in enumerate(texts)]
    lines = [f"{'AB'[n % 2]}\t{text}\n" for n, text in enumerate(texts)]
    (tmp_path / "t.tsv").write_text("".join(["label\ttext\n", *lines]))
    data = read_labelled_texts(tmp_path / "t.tsv")
    assert data.texts.tolist() == texts
    assert any('the signs " are read as parts of the texts' in note for note in data.notes)


def test_a_table_in_an_unknown_encoding_is_refused_and_the_cure_works(tmp_path):
    rows = "".join(f"имя {n},{'AB'[n % 2]}\n" for n in range(40))
    (tmp_path / "t.csv").write_text("text,target\n" + rows, "cp1251")
    with pytest.raises(UserError, match="--encoding cp1251 reads 'имя'"):
        read_labelled_texts(tmp_path / "t.csv")
    data = read_labelled_texts(tmp_path / "t.csv", dialect=Dialect(encoding="cp1251"))
    assert data.texts[0] == "имя 0"


def test_parts_in_files_of_their_own(tmp_path):
    train = write(tmp_path / "train.csv")
    held = write(tmp_path / "held.csv", rows=10, suffix="!")
    with open(held, "a") as file:
        file.write("TEXT number 7,B\n,A\nno label,\n")
    data = read_labelled_texts(train, test=held)
    assert len(data.rows["test"]) == 12
    assert data.numbers[data.rows["test"]].tolist() == list(range(1, 13))
    assert data.texts[data.rows["test"]][-2:].tolist() == ["TEXT number 7", ""]
    assert len(data.rows["train"]) + len(data.rows["validation"]) in (59, 60)
    both = read_labelled_texts(train, test=held, validation=held)
    assert len(both.rows["train"]) == 59
    assert "text number 7" not in both.texts[both.rows["train"]]
    assert "1 training texts left out that are held out, too" in both.notes
    assert f"1 rows of {held} without a target left out" in both.notes
    np.testing.assert_array_equal(both.rows["test"], np.arange(60, 72))
    np.testing.assert_array_equal(both.rows["validation"], np.arange(72, 84))


def test_unseen_labels_of_a_validation_file(tmp_path):
    train = write(tmp_path / "train.csv")
    held = write(tmp_path / "held.csv", rows=9, label="'ABC'[n % 3]")
    message = r"held.csv that .*train.csv has, too. Received: 'C' in row 3, one of 3 such rows"
    with pytest.raises(UserError, match=message):
        read_labelled_texts(train, validation=held)
