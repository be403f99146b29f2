"""Texts of data that would be Markdown, HTML, formulas or commands to a terminal."""

import csv
import re
import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zoo
from recipes.cli import main
from recipes.data.writing import guarded, read_csv, standard_output, unguarded, write_csv
from recipes.engine.tables import aligned, cell, escaped, fenced

NAME, CLASSES = "<img src=x onerror=alert(1)> [/kg]\x1b[2J", ("=1+1", "@[a](http://b)")


@given(st.text(alphabet="'=+-@a1.\t\r", max_size=5))
def test_guarding_texts_is_undone_by_reading(text):
    written = guarded(text)
    assert unguarded(written) == text
    assert not re.match(r"[=+@\t\r-]", written) or float(written) is not None


def test_a_written_table_reads_back_and_keeps_its_numbers(tmp_path):
    cells = ["=1+1", "'=1", "'", "-5", "@x", "plain"]
    path = tmp_path / "t.csv"
    write_csv(path, ["=name", "size"], zip(cells, range(-3, 3), strict=True))
    with path.open() as file:
        header, *rows = csv.reader(file)
    assert header == ["'=name", "size"]
    assert rows[0] == ["'=1+1", "-3"]
    assert rows[3] == ["-5", "0"]
    found = read_csv(path)
    assert found["=name"].tolist() == cells
    assert found["size"].tolist() == [-3, -2, -1, 0, 1, 2]


def test_messages_and_tables_steer_no_terminal(monkeypatch, capsys):
    steering = "a\x1b[2Jb\u202ec\x9b"
    shown = r"a\x1b[2Jb\u202ec\x9b"
    assert shown in aligned([["name"], [steering]])
    assert main(["show", steering]) == 2
    assert "\x1b" not in capsys.readouterr().err
    standard_output().write(steering)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    standard_output().write(steering)
    assert capsys.readouterr().out == steering + shown


def test_markdown_shows_texts_and_does_nothing_with_them():
    assert escaped("<b>[a](b)![c](d)`e`&lt;") == r"\<b>\[a\](b)!\[c\](d)\`e\`\&lt;"
    assert cell("<script>|") == r"\<script\>\|"
    assert fenced("~~~\n<b>\x1b").splitlines() == ["~~~~text", "~~~", r"<b>\x1b", "~~~~"]


@pytest.fixture(scope="module")
def run(trainer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    rows = [[i % 7, CLASSES[i % 2], f"{'-+'[i % 2]}{i % 3}"] for i in range(60)]
    frame = pd.DataFrame(rows, columns=[NAME, "target", "text"])
    frame.to_csv(folder / "<b>.csv", index=False)
    return trainer("tabular")(
        data=folder / "<b>.csv", target="target", model="mlp", epochs=1, logdir=folder / "logs"
    )


def test_a_run_on_hostile_names_and_classes(run):
    report = (run / "report.md").read_text()
    assert "\x1b" not in report
    assert not re.search(r"(?<!\\)<(img|b>)", report)
    assert not re.search(r"(?<!\\)\[a", report)
    with (run / "predictions.csv").open() as file:
        assert {f"'{name}" for name in CLASSES} <= {
            text for row in csv.reader(file) for text in row
        }
    found = zoo.load(run).predict()
    assert set(found["target"]) <= set(CLASSES)
    assert {*CLASSES} <= {name.removeprefix("probability:") for name in found}, list(found)
