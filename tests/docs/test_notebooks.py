"""The notebooks, on tiny settings: their cells run from top to bottom."""

import re

import pytest

from scripts.documentation.text import HERE

NOTEBOOKS = sorted((HERE / "notebooks").glob("*.md"))
CELL = re.compile(
    r"^```\{code-cell\} ipython3\n(:tags: [^\n]*\n)?(.*?)^```", re.MULTILINE | re.DOTALL
)


def parameter(path):
    """One of them in the everyday tests, all with `-m slow`."""
    slow = [] if path.stem == "chapter-10" else [pytest.mark.slow]
    return pytest.param(path, id=path.stem, marks=slow)


@pytest.mark.parametrize("path", [parameter(path) for path in NOTEBOOKS])
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_TINY", "1")
    plt = pytest.importorskip("matplotlib.pyplot")
    names = {"__name__": path.stem}
    try:
        for tags, code in CELL.findall(path.read_text()):
            if "skip-execution" not in tags:
                exec(compile(code, str(path), "exec"), names)
    finally:
        plt.close("all")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_begins_with_the_install(path):
    cells = CELL.findall(path.read_text())
    assert len(cells) == path.read_text().count("```{code-cell}") > 5
    tags, first = cells[0]
    assert "skip-execution" in tags
    assert first.strip().startswith("%pip install -q handson-zoo")
