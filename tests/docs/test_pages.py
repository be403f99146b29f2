"""The documentation: its Python runs, its links lead somewhere, its drawings show the model."""

import builtins
import doctest
import importlib
import re
from pathlib import Path

import keras
import pytest

import callbacks
import recipes.estimator
import zoo
from recipes import RECIPES
from scripts.documentation import api, chapters, drawing, idioms, links, presets, text
from scripts.documentation.site import HERE
from tests.recipes.test_readmes import check_commands
from tests.shared import run_on_jax
from zoo.catalog import CATALOG

PAGES = sorted((HERE / "pages").rglob("*.md"))
WITH_CODE = [page for page in PAGES if "```python" in page.read_text()]
SLOW = {"addons", "decoding"}  # each compiles several loops
MIGRATION = (HERE / "pages/migration/keras3.md").read_text()
IDIOMS = idioms.read(MIGRATION)
JAX = "# KERAS_BACKEND=jax"
MODULES = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("conf", "__main__"))


def blocks_of(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def parameter(page):
    return pytest.param(page, id=page.stem, marks=[pytest.mark.slow] if page.stem in SLOW else [])


@pytest.mark.parametrize("page", [parameter(page) for page in WITH_CODE])
def test_python_of_a_page_runs(page, tmp_path, monkeypatch):
    """The blocks of a page, one after the other, but for those of another backend."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": page.stem}
    for block in blocks_of(page):
        if not block.startswith((JAX, "# Keras")):
            exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda idiom: idiom.name)
def test_an_idiom_of_keras_2_fails_as_said_and_its_successor_holds(idiom, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "idiom"}
    exec(re.search(r"```python\n(.*?)```", MIGRATION, re.DOTALL)[1], names)
    error = getattr(builtins, idiom.error)
    with pytest.raises(error, match=re.escape(idiom.says.removeprefix("..."))):
        exec(idiom.then, names)
    exec(idiom.now, names)


def test_every_section_of_the_migration_is_tested():
    assert len(IDIOMS) == MIGRATION.count("<!-- idiom: ") == MIGRATION.count("# Keras 2\n") > 20
    assert [each for each in chapters.idioms_named() if each not in {i.name for i in IDIOMS}] == []


def texts_of_the_site():
    """The pages written by hand, and those of the chapters."""
    titles = {idiom.name: idiom.title for idiom in IDIOMS}
    found = {str(page.relative_to(HERE / "pages")): page.read_text() for page in PAGES}
    made = {f"chapter-{chapter}": chapters.page(chapter, titles) for chapter in chapters.states()}
    return found | made


def test_two_clicks_lead_from_the_front_page_to_a_line_to_run():
    assert ":link: migration/index\n" in (HERE / "pages/index.md").read_text()
    assert "](chapter-16.md)" in chapters.index()
    assert "`zoo train translation --preset ml3-ch16-123`" in texts_of_the_site()["chapter-16"]


def test_every_model_names_where_it_comes_from():
    assert [i.name for i in CATALOG if "Reference: " not in getattr(zoo, i.name).__doc__] == []


def test_commands_of_pages_and_chapters_are_understood():
    assert sum(check_commands(text) for text in texts_of_the_site().values()) > 100


def test_names_that_pages_send_readers_to_exist():
    modules = {"zoo": zoo, "callbacks": callbacks, "keras": keras, "recipes": recipes}
    for page, written in texts_of_the_site().items():
        prose = re.sub(r"^```.*?^```", "", written, flags=re.DOTALL | re.MULTILINE)
        for name in re.findall(r"`((?:zoo|callbacks|keras|recipes)(?:\.\w+)+)", prose):
            package, *parts = name.split(".")
            found = modules[package]
            for part in parts:
                assert hasattr(found, part), f"{page}: {name}"
                found = getattr(found, part)


@pytest.mark.jax
def test_python_of_a_page_runs_on_jax():
    found = [block for page in WITH_CODE for block in blocks_of(page) if block.startswith(JAX)]
    assert found
    for block in found:
        run_on_jax(block)


@pytest.mark.parametrize("module", MODULES)
def test_doctests_of_the_generators(module):
    found = importlib.import_module(f"scripts.documentation.{module}")
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(found, optionflags=flags).failed == 0


def test_links_of_readmes_lead_to_pages():
    written = text.relink("[a](../README.md#b) ![c](../../.github/images/d.png)",
                          "recipes/forecast/README.md", "recipes/forecast.md")  # fmt: skip
    assert written == "[a](../recipes/index.md#b) ![c](../images/d.png)"
    with pytest.raises(ValueError, match=r"links to recipes/no\.md, which has no page"):
        text.relink("[a](../no.md)", "recipes/forecast/README.md", "recipes/forecast.md")


def test_every_file_with_a_page_is_there_and_links_to_such():
    top = HERE.parents[1]
    recipes = [f"recipes/{name}/README.md" for name in RECIPES]
    for path in [*text.PAGES, *recipes]:
        assert text.relink((top / path).read_text(), path, text.page_of(path))


def test_broken_links_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="b.html#there">1</a> <a href="#here">2</a> <a href="c.html">3</a>'
        '<a href="b.html#nowhere">4</a> <a href="https://example.org">5</a> <img src="d.png">'
        '<a href="/etc/passwd">6</a>'
    )
    (tmp_path / "b.html").write_text('<h1 id="there">B</h1>')
    found = [line.removeprefix("a.html: ") for line in links.broken(tmp_path)]
    assert found == ["c.html", "b.html#nowhere", "d.png", "/etc/passwd"]


def test_a_drawing_has_a_box_a_layer_and_an_edge_a_connection():
    model = zoo.deep_rnn((20, 1), horizon=3)
    layers = drawing.layers_of(model)
    assert [layer.kind for layer in layers[:3]] == ["InputLayer", "GRU", "GRU"]
    drawn = drawing.drawing(model)
    assert drawn.count("<rect") == len(model.layers)
    assert drawn.count('class="edge"') == sum(len(layer.inputs) for layer in layers)


def test_shapes_of_what_no_other_layer_of_a_nested_model_reads_are_told():
    shapes = {layer.name: layer.shape for layer in drawing.layers_of(zoo.gan((8, 8), units=5))}
    assert shapes["discriminator/head"] == "(1)"
    assert all(shapes.values())


def test_a_large_model_is_drawn_by_blocks():
    model = zoo.wavenet((64, 1), horizon=2)
    boxes = drawing._blocks(drawing.layers_of(model))
    assert len(boxes) <= drawing.MOST < len(model.layers)
    assert "block_0_layer_0" in boxes
    assert boxes["block_0_layer_1"].inputs == ["block_0_layer_0"]


def test_every_public_name_has_a_page():
    modules = {name.removeprefix("zoo.") for name in api.PAGES}
    models = {info.name for info in CATALOG}
    assert {*api.public_names("zoo")} | models | modules >= {*zoo.__all__}
    for module in ("layers", "decoding"):
        assert api.public_names(f"zoo.{module}") == getattr(zoo, module).__all__


def test_the_books_cells_are_presets():
    found = {each.name: each for each in presets.all_presets()}
    cell = found["ml3-ch16-123"]
    assert cell.cell == ("ml3", 16, 123)
    assert cell.command == "zoo train translation --preset ml3-ch16-123"
    assert cell.book == "token accuracy 0.7111"
    assert found["ml3-ch10-84"].book == "test MSE 0.2806"
    assert found["ml3-ch17-86"].book == "validation loss 0.0311"


def test_scores_of_a_model_are_those_of_its_rows():
    readme = Path(HERE.parents[1] / "recipes/forecast/README.md").read_text()
    tables = presets.measured(readme, "wavenet_lite", {"ml2-ch15-86"})
    assert [row[0] for _, _, rows in tables for row in rows] == ["ml2-ch15-86"]
