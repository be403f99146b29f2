"""Pictures with several labels each, from the table to what is predicted."""

import csv
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics

import zoo
from recipes.cli import main
from recipes.data.images.labelled_files import labelled_files
from recipes.data.images.pictures import Pictures
from recipes.errors import UserError
from recipes.images import baselines, default_config, load_data, plots

SHAPES = ("bar", "circle", "square")


def drawn(labels, generator):
    """A noisy picture with a bar, a disc and a frame, as three booleans say, each somewhere."""
    picture = generator.integers(0, 90, (14, 14))
    rows, columns = np.indices(picture.shape)
    bar, circle, square = labels
    if bar:
        picture[:, generator.integers(1, 12)] += 140
    if circle:
        y, x = generator.integers(3, 11, 2)
        picture[(rows - y) ** 2 + (columns - x) ** 2 < 8] += 140
    if square:
        y, x = generator.integers(0, 8, 2)
        picture[[y, y + 5], x : x + 6] += 140
        picture[y : y + 6, [x, x + 5]] += 140
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """A folder of pictures, a table with their labels joined, and one with columns of 0 and 1."""
    folder, generator = tmp_path_factory.mktemp("shapes"), np.random.default_rng(0)
    labels = generator.random((160, 3)) < (0.5, 0.4, 0.3)
    joined, columns = ["file,label"], [",".join(["file", *SHAPES])]
    for number, row in enumerate(labels):
        drawn(row, generator).save(folder / f"{number}.png")
        names = [name for name, here in zip(SHAPES, row, strict=True) if here]
        joined.append(f"{number}.png,{'; '.join(names)}")
        columns.append(",".join([f"{number}.png", *map(str, row.astype(int))]))
    (folder / "joined.csv").write_text("\n".join(joined))
    (folder / "columns.csv").write_text("\n".join(columns))
    return folder


@pytest.fixture(scope="module")
def run(trainer, shapes):
    train = trainer(
        "images", epochs=8, batch_size=16, learning_rate=0.01, progress="false", augment="none",
        model="small_resnet", jit_compile="false", **{"model.filters": "[16]"},
    )  # fmt: skip
    with mock.patch.object(baselines, "MAX_BOOSTING", 0):
        return train(data=shapes / "columns.csv", target=",".join(SHAPES), compiled=True)


def rows_of(path):
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


# Reading


def read(folder, *rows, **flags):
    """What a table makes of pictures that need not be any."""
    files = [row.partition(",")[0] for row in rows[1:]]
    for file in files:
        (folder / file).write_bytes(b"")
    (folder / "labels.csv").write_text("\n".join(rows))
    return labelled_files(folder / "labels.csv", **{"label_delim": None, **flags})


@pytest.mark.parametrize("sign", [";", "|", "; ", " | ", " "])
def test_labels_with_a_sign_between_them(tmp_path, sign):
    rows = [f"dog{sign}cat", "cat", "dog", f"cat{sign}dog"]
    found = read(tmp_path, "file,label", *(f"{n}.png,{row}" for n, row in enumerate(rows)))
    assert found.classes == ("cat", "dog")
    assert found.labels.tolist() == [[1, 1], [1, 0], [0, 1], [1, 1]]
    (note,) = found.notes
    kept = sign.strip() or " "
    assert note == f"1.5 labels an image, none for 0, with {kept!r} between them (--label_delim)"


def test_an_empty_cell_is_no_label_where_it_is_said(tmp_path):
    rows = ["file,tags", "0.png,cat;dog", "1.png,", "2.png,dog"]
    with pytest.raises(UserError, match=r"Expected a label in every row .* row 2"):
        read(tmp_path, *rows, target=["tags"])
    found = read(tmp_path, *rows, target=["tags"], label_delim=";")
    assert found.labels.tolist() == [[1, 1], [0, 0], [0, 1]]


def test_columns_of_0_and_1(tmp_path):
    rows = [
        "file,cat,dog,split",
        "0.png,1,False,train",
        "1.png,0,FALSE,train",
        "2.png,1.0,True,test",
    ]
    found = read(tmp_path, *rows, target=["dog", "cat"])
    assert found.classes == ("dog", "cat")
    assert found.labels.tolist() == [[0, 1], [0, 0], [1, 1]]
    assert found.given.tolist() == ["train", "train", "test"]
    assert read(tmp_path, *rows, target=["cat"]).labels.shape == (3,)  # one: classes


@pytest.mark.parametrize(
    "texts",
    [["golden retriever", "great dane", "labrador retriever"], ["Tinca tinca, tench", "eel"]],
)
def test_names_of_several_words_are_classes(tmp_path, texts):
    rows = [f'{number}.png,"{text}"' for number, text in enumerate(texts)]
    found = read(tmp_path, "file,label", *rows)
    assert (found.classes, found.notes) == (tuple(sorted(texts)), ())


def test_a_sign_that_is_said_to_be_none(tmp_path):
    found = read(tmp_path, "file,label", "0.png,a;b", "1.png,a", label_delim="none")
    assert found.classes == ("a", "a;b")


@pytest.mark.parametrize(
    ("rows", "flags", "message"),
    [
        (["file,cat,dog", "0.png,1,0", "1.png,2,1"], {"target": ["cat", "dog"]},
         "Expected 0 or 1 .* other values in 'cat'"),
        (["file,cat,dog", "0.png,1,", "1.png,1,1"], {"target": ["cat", "dog"]},
         "Expected 0 or 1 .* other values in 'dog'"),
        (["file,cat,dog", "0.png,1,0", "1.png,0,1"], {"target": ["cat", "dog"]},
         "No row .* two of the labels 'cat', 'dog': these are classes"),
        (["file,label", "0.png,cat", "1.png,dog"], {"label_delim": ";"},
         "No row .* two of the labels 'cat', 'dog'"),
        (["file,cat,dog", "0.png,1,0"], {"target": ["cat", "dig"]},
         r"a column 'dig' \(--target\) .* Did you mean 'dog'"),
        (["file,cat,dog", "0.png,1,0"], {}, "one column of the labels, .* --target. names that"),
        (["file,label", "0.png,red car", "1.png,blue car", "2.png,red bus", "3.png,blue bus",
          "4.png,car"], {}, "5 labels .* 4 parts, with ' ' .* --label_delim space, or .* none"),
    ],
)  # fmt: skip
def test_tables_that_are_refused(tmp_path, rows, flags, message):
    with pytest.raises(UserError, match=message):
        read(tmp_path, *rows, **flags)


def test_paths_as_windows_writes_them(shapes):
    (shapes / "inner").mkdir()
    (shapes / "inner" / "a.png").write_bytes((shapes / "0.png").read_bytes())
    (shapes / "paths.csv").write_text("file,label\ninner\\a.png,x\n0.png,y\n")
    assert labelled_files(shapes / "paths.csv").files[0] == shapes / "inner" / "a.png"


def test_files_that_do_not_exist(shapes):
    table = shapes / "missing.csv"
    table.write_text("file,bar,circle\n0.png,1,1\nnowhere.png,0,1\n")
    with pytest.raises(UserError, match=r"1 of 2 files that do not exist: .*nowhere\.png"):
        labelled_files(table, ["bar", "circle"])


def task_of(data, **flags):
    config = default_config(own_data=True)
    for name, value in {"data": str(data), "dataset": None, **flags}.items():
        setattr(config, name, value)
    config.validate()
    return load_data(config)


def test_both_tables_say_the_same_and_every_part_has_each_label(shapes):
    columns = task_of(shapes / "columns.csv", target=[*SHAPES])
    joined = task_of(shapes / "joined.csv", label_delim=";")
    assert columns.classes == joined.classes == SHAPES
    assert columns.sha256 == joined.sha256
    for part in columns.parts.values():
        shares = part.labels.mean(axis=0)
        assert (shares > 0.15).all()
        assert (shares < 0.65).all()
    few = task_of(shapes / "joined.csv", label_delim=";", labels=["square", "bar"], train_size=40)
    assert few.classes == ("square", "bar")
    assert len(few.parts["train"]) == 40
    test, all_three = few.parts["test"].labels, columns.parts["test"].labels
    np.testing.assert_array_equal(test, all_three[:, [2, 0]])


@pytest.mark.parametrize(
    ("change", "flags", "message"),
    [
        (lambda row: [*row[:3], "0"], {}, "'square' has 0 images, .* none with or without it for"),
        (lambda row: [*row[:3], "1"], {}, "'square' has 160 images, which leaves none with or wit"),
        (lambda row: row, {"class_weight": "balanced"}, "--class_weight weighs classes"),
        (lambda row: row, {"label_delim": ";"}, "--label_delim is about one of them"),
        (lambda row: row, {"data": "photos"}, "--target names columns of a table of paths"),
    ],
)
def test_what_cannot_be_learned_is_refused(shapes, tmp_path, change, flags, message):
    first, *rows = rows_of(shapes / "columns.csv")
    table = shapes / "changed.csv"
    table.write_text("\n".join(",".join(row) for row in [first, *map(change, rows)]))
    with pytest.raises(UserError, match=message):
        task_of(**{"data": table, "target": [*SHAPES], **flags})


# Training


def test_a_run_beats_the_prior_and_scores_as_scikit_learn_does(run):
    found = json.loads((run / "metrics.json").read_text())
    test = found["test"]
    assert list(test) == ["accuracy", "nll", "f1_micro", "roc_auc", "average_precision"]
    assert test["average_precision"] > 0.9
    baselines = {name: each["test"] for name, each in found["baselines"].items()}
    assert list(baselines) == ["majority", "logistic_regression"]
    assert baselines["majority"]["average_precision"] < 0.6
    assert test["nll"] < 0.6 * baselines["majority"]["nll"]
    header, *rows = rows_of(run / "predictions.csv")
    assert header == ["file", "label", "prediction", *(f"probability:{name}" for name in SHAPES)]
    labels = np.array([[name in row[1].split(";") for name in SHAPES] for row in rows])
    probabilities = np.array([row[3:] for row in rows], float)
    chosen = probabilities >= 0.5
    assert [row[2] for row in rows] == [";".join(np.array(SHAPES)[each]) for each in chosen]
    expected = {
        "accuracy": 1 - metrics.hamming_loss(labels, chosen),
        "f1_micro": metrics.f1_score(labels, chosen, average="micro"),
        "average_precision": metrics.average_precision_score(labels, probabilities),
        "roc_auc": metrics.roc_auc_score(labels, probabilities),
        "nll": np.mean([
            metrics.log_loss(labels[:, k], probabilities[:, k]) for k in range(3)
        ]),
    }  # fmt: skip
    assert test == pytest.approx(expected, rel=1e-5)


def test_the_report_says_what_there_is(run):
    text = (run / "report.md").read_text()
    for part in ("labels an image, none for", "3 labels: ", "| bar | ", "Grad-CAM",
                 "ROC curves", "temperature"):  # fmt: skip
        assert part in text
    assert "onfusion matrix" not in text
    names = {path.stem for path in run.glob("plots/*.png")}
    assert {"learning_curves", "precision_recall", "roc", "calibration", "seen"} <= names
    assert "confusion_matrix" not in names


def test_the_most_confident_errors_are_labels_too_many_and_labels_missed():
    labels = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 0], [0, 1, 0]], bool)
    part = Pictures(np.zeros((4, 5, 5), np.uint8), labels, SHAPES, np.arange(4))
    said = np.array([[0.9, 0.1, 0.3], [0.2, 0.9, 0.6], [0.8, 0.7, 0.1], [0.6, 0.6, 0.4]])
    titles = [axis.get_title() for axis in plots.most_wrong(part, said).axes]
    assert [title for title in titles if title] == [
        "no label\nas circle (90 %)", "bar;square\nas square (30 %)", "circle\nas bar (60 %)",
    ]  # fmt: skip
    assert plots.most_wrong(part, labels.astype(float)) is None


def test_predictions_of_the_command_and_of_python(run, shapes, tmp_path):
    assert main(["predict", str(run), "-o", str(tmp_path / "again.csv")]) == 0
    header, *rows = rows_of(run / "predictions.csv")
    assert rows_of(tmp_path / "again.csv") == [header, *rows]
    model = zoo.load(run)
    assert (
        main(["predict", str(run), str(shapes / "joined.csv"), "-o", str(tmp_path / "a.csv")]) == 0
    )
    pictures = np.stack([np.asarray(Image.open(shapes / row[0])) for row in rows])
    np.testing.assert_allclose(
        model.predict(pictures), np.array([row[3:] for row in rows], float), rtol=1e-4
    )
    table = model.predict(list(pictures))
    assert list(table) == ["index", "prediction", *header[3:]]
    assert table["prediction"].fillna("").tolist() == [row[2] for row in rows]
    assert zoo.Predictor(model).predict_classes(pictures).dtype == bool
    pytest.importorskip("pydantic", reason="needs the serve extra, which dev includes")
    from recipes.engine.predict import SavedRun
    from recipes.serving.schema import Contract

    sent = [(shapes / row[0]).read_bytes() for row in rows[:3]]
    limits = SimpleNamespace(max_rows=100, max_text=100)
    answers, _ = Contract(SavedRun(run), limits).answer(sent, {})
    for answer, row in zip(answers, rows, strict=False):
        assert list(answer) == header[2:]
        assert (answer["prediction"] or "") == row[2]
        np.testing.assert_allclose(
            list(answer.values())[1:], [float(x) for x in row[3:]], rtol=1e-4
        )


@pytest.mark.parametrize("form", [pytest.param("savedmodel", marks=pytest.mark.slow), "onnx"])
def test_other_runtimes_give_the_probability_of_each_label(run, tmp_path, monkeypatch, form):
    pytest.importorskip("tf2onnx", reason="needs the export extra, which dev includes")
    from recipes.export import export, reader

    # The check in this process: importing TensorFlow anew takes longer than all the rest.
    def here(command, **_):
        found = json.dumps(reader.check(command[-1].parent))
        return subprocess.CompletedProcess(command, 0, found, "")

    monkeypatch.setattr(export.subprocess, "run", here)
    folder = export.export(run, form, tmp_path / form)
    card = (folder / "CARD.md").read_text()
    assert "Probabilities, of these labels, each by itself: bar, circle, square." in card
    with np.load(folder / "example.npz") as file:
        assert file["y/00"].shape[1:] == (3,)
