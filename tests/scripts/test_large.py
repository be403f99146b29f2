"""The benchmark of large files: what it makes, watches, and says."""

import json
import sys

import numpy as np
import pytest

from recipes.engine.folder import RunFolder
from scripts.benchmarks import large

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the rest does not tell its memory")


@pytest.mark.parametrize("recipe", large.ROWS)
def test_files_are_made_of_a_seed(recipe):
    first, again = (large.MAKERS[recipe](300, np.random.default_rng(0)) for _ in range(2))
    assert first.equals(again)
    assert len(first) == 300
    assert not first.isna().any(axis=None)
    assert {name for name in large.FLAGS[recipe] if name[:2] != "--"} <= {*first.columns}


def test_words_tell_the_folders_apart():
    texts = large.MAKERS["text_classification"](2000, np.random.default_rng(0))
    words = {name: " ".join(part["body"]).split() for name, part in texts.groupby("folder")}
    counts = {name: np.unique(each, return_counts=True) for name, each in words.items()}
    home, work = (dict(zip(*counts[name], strict=True)) for name in ("home", "work"))
    known = [word for word in home if min(home[word], work.get(word, 0)) > 100]
    ratios = [home[word] / work[word] for word in known]
    assert max(ratios) > 1.6 > 1 / 1.6 > min(ratios)
    assert 50 < np.mean([len(text.split()) for text in texts["body"]]) < 70


@LINUX
def test_memory_is_watched_as_it_grows():
    code = "import time; time.sleep(0.3); x = bytearray(200_000_000); time.sleep(0.3)"
    peaks, seconds = large.watched([sys.executable, "-c", code])
    early = max(peak for at, peak in peaks if at < 0.2)
    assert 195e6 < peaks[-1][1] - early < 215e6
    assert 0.6 < seconds < 30
    children = f"import subprocess as s, sys; s.run([sys.executable, '-c', {code!r}])"
    assert large.watched([sys.executable, "-c", children])[0][-1][1] > 200e6


def test_the_table_compares_with_the_floor(tmp_path, monkeypatch):
    """The tiny run is compiled as the large one is, and the peak is cut at the first step."""
    commands = []

    def watched(command):
        command = [str(part) for part in command]
        commands.append(command)
        where, name = (command[command.index(flag) + 1] for flag in ("--logdir", "--name"))
        run = RunFolder(f"{where}/forecast/{name}")
        run.path.mkdir(parents=True)
        run.metrics.write_text(json.dumps({"seconds_to_first_step": 20.0}))
        run.config.write_text("jit_compile: true\nrun: {}\n")
        if len(commands) == 1:
            return [(1.0, 1_000_000_000), (21.0, 1_050_000_000)], 40.0
        return [(1.0, 900_000_000)], 10.0

    monkeypatch.setattr(large, "watched", watched)
    monkeypatch.setattr(large, "ROWS", {"forecast": 1_000_000, "tabular": 10})
    ((title, text),) = large.measure(["forecast"], 3, tmp_path, False).items()
    assert title == "Large files, one epoch of plain defaults"
    cells = "1,000,000 | 24 MB | 900 MB | 1,000 MB | 1,050 MB | 6.2 | 20 s | 40 s | **no**, yes"
    assert f"| `forecast` | {cells} |" in text
    assert "--jit_compile" not in commands[0]
    assert commands[1][commands[1].index("--jit_compile") + 1] == "true"
    monkeypatch.setattr(large, "watched", None)
    assert large.measure(["forecast"], 3, tmp_path, False) == {title: text}
