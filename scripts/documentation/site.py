"""Writes the sources of the site: pages written by hand, and pages made from the code."""

import re
import shutil
from pathlib import Path

from recipes import RECIPES
from scripts.documentation import api, chapters, curves, guides, idioms, models
from scripts.documentation.text import HERE, PAGES, relink
from zoo.catalog import CATALOG

TOP = HERE.parents[1]
#: Models of the short form, which builds a page of each kind.
SHORT = ("wavenet", "seq2seq", "linear_forecaster")


def write(folder: Path, short: bool = False) -> int:
    """Writes all pages; returns how many there are.

    Args:
        folder: Where to.
        short: Whether to build only the models of `SHORT`.
    """
    shutil.copytree(HERE / "pages", folder)
    shutil.copytree(TOP / ".github/images", folder / "images")
    for path in sorted((HERE / "notebooks").glob("*.md")):
        _put(folder, f"notebooks/{path.name}", _notebook(path, folder / "files"))
    for path in folder.rglob("*.md"):
        path.write_text(_filled(path.read_text()))
    for path, page in PAGES.items():
        if path not in ("README.md", "LICENSE"):
            _put(folder, page, relink((TOP / path).read_text(), path, page))
    _put(folder, PAGES["LICENSE"], f"# Licence\n\n```text\n{(TOP / 'LICENSE').read_text()}```\n")
    titles = {each.name: each.title for each in idioms.read(_page("migration/keras3.md"))}
    for chapter in chapters.states():
        _put(folder, f"migration/chapter-{chapter}.md", chapters.page(chapter, titles))
    _put(folder, "migration/index.md", chapters.index())
    readmes = {}
    for name in RECIPES:
        path, page = f"recipes/{name}/README.md", f"recipes/{name}.md"
        readmes[name] = (TOP / path).read_text()
        _put(folder, page, guides.page(name, relink(readmes[name], path, page)))
    listed = "\n".join(RECIPES)
    with (folder / "recipes/index.md").open("a") as file:
        file.write(f"\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n")
    for info in CATALOG:
        drawn = not short or info.name in SHORT
        _put(folder, f"models/{info.name}.md", models.page(info, readmes, short=not drawn))
    _put(folder, "models/index.md", models.index())
    for module in api.PAGES:
        _put(folder, f"api/{module}.md", api.page(module))
    _put(folder, "api/index.md", api.index())
    return len(list(folder.rglob("*.md")))


def _page(name):
    return (HERE / "pages" / name).read_text()


def _notebook(path, files):
    """A notebook's page: its text, and below the title a link to it as a file for Jupyter."""
    import jupytext

    files.mkdir(exist_ok=True)
    name = f"{path.stem}.ipynb"
    jupytext.write(jupytext.read(path), files / name)
    link = f"{{download}}`Download it for Jupyter or Colab <../files/{name}>`"
    link += ". Outputs shown here are of tiny settings, which check that it runs."
    return re.sub(r"(?m)^(# .*)$", rf"\1\n\n{link}", path.read_text(), count=1)


def _put(folder, page, text):
    path = folder / page
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


#: What pages can ask for by `<!-- made: NAME -->` or `<!-- made: NAME ARGUMENT -->`.
MADE = {"curve": curves.curve}


def _filled(text):
    """A page with what it asks for in place of the comments that ask."""
    return re.sub(r"<!-- made: (\w+) ?(.*?) -->", lambda match: MADE[match[1]](match[2]), text)
