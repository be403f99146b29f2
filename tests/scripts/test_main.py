"""`scripts/benchmark --readme`: which README gets the tables, and where in it."""

import importlib
from types import SimpleNamespace

import pytest

from scripts.benchmarks import __main__ as program


def test_every_benchmark_has_a_place_in_one_readme():
    readmes = [path.read_text() for path in (program.TOP / "recipes").rglob("README.md")]
    kinds = [f"{name} {kind}" for name in program.KINDS for kind in program.KINDS[name]]
    for name in {*program.BENCHMARKS, *kinds} - {*program.KINDS}:
        marked = [text for text in readmes if f"<!-- benchmark {name} -->" in text]
        assert len(marked) == 1, name
        assert "<!-- end -->" in marked[0].partition(f"<!-- benchmark {name} -->")[2]


@pytest.fixture
def top(tmp_path, monkeypatch):
    """A checkout with two READMEs, in which all benchmarks measure at once."""

    def measure(only, seeds, folder, fresh):
        folder.mkdir(parents=True)
        return {"Rows": r"| \1 |", "Speed": "fast"}

    module = SimpleNamespace(measure=measure)
    monkeypatch.setattr(importlib, "import_module", lambda name: module)
    monkeypatch.setattr(program, "TOP", tmp_path)
    text = "before\n\n<!-- benchmark {} -->\n\nold\n\n<!-- end -->\n\nold\n\n<!-- end -->\n"
    for folder, name in (("recipes", "tune"), ("recipes/forecast", "forecast")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "README.md").write_text(text.format(name))
    return tmp_path


def test_tables_go_between_the_markers_of_the_readme_that_has_them(top):
    assert program.main(["forecast", "--logdir", str(top / "logs")]) == 0
    assert "Rows" not in (top / "recipes/forecast/README.md").read_text()
    assert program.main(["forecast", "--logdir", str(top / "again"), "--readme"]) == 0
    assert (top / "recipes/forecast/README.md").read_text() == (
        "before\n\n<!-- benchmark forecast -->\n\n### Rows\n\n| \\1 |\n\n### Speed\n\nfast\n\n"
        "<!-- end -->\n\nold\n\n<!-- end -->\n"
    )
    assert "Rows" not in (top / "recipes/README.md").read_text()


def test_a_benchmark_without_a_place_is_named(top):
    with pytest.raises(SystemExit, match=r"<!-- benchmark images --> \.\.\. <!-- end -->"):
        program.main(["images", "--logdir", str(top / "logs"), "--readme"])


def test_kinds_of_data_have_tables_of_their_own(top, monkeypatch):
    asked = []

    def measure(only, seeds, folder, fresh, kind):
        folder.mkdir(parents=True)
        asked.append(kind)
        return {"Rows": kind}

    monkeypatch.setattr(importlib, "import_module", lambda name: SimpleNamespace(measure=measure))
    readme = top / "recipes/README.md"
    readme.write_text("<!-- benchmark suite texts -->\n<!-- end -->\n")
    program.main(["suite", "--kind", "texts", "--logdir", str(top / "logs"), "--readme"])
    assert "texts\n\n<!-- end -->" in readme.read_text()
    program.main(["suite", "--logdir", str(top / "all")])
    assert asked == ["texts", "tables", "texts", "r_tables", "pypi_texts"]
    for wrong in (["suite", "--kind", "series"], ["tune", "--kind", "tables"]):
        with pytest.raises(SystemExit):
            program.main([*wrong, "--logdir", str(top / "no")])


def test_auto_has_runs_and_tables_of_its_own(top, monkeypatch):
    asked = []

    def measure(only, seeds, folder, fresh, flags=()):
        folder.mkdir(parents=True)
        asked.append((folder.name, flags))
        return {"Rows": "auto"}

    monkeypatch.setattr(importlib, "import_module", lambda name: SimpleNamespace(measure=measure))
    readme = top / "recipes/README.md"
    readme.write_text("<!-- benchmark series auto -->\n<!-- end -->\n")
    program.main(["series", "--auto", "90s", "--logdir", str(top / "logs"), "--readme"])
    assert asked == [("series-auto", ("--model", "auto", "--time_limit", "90s"))]
    assert "auto\n\n<!-- end -->" in readme.read_text()
    with pytest.raises(SystemExit):
        program.main(["reading", "--auto", "90s", "--logdir", str(top / "no")])
