"""A page a chapter of the book: its cells, what breaks on Keras 3, and the line to run instead.

Cells that recipes have presets for come from the presets; what else is known of a notebook, and was
found by running it, stands in `states.yaml`.
"""

import functools
import re

import yaml

from scripts.documentation import presets
from scripts.documentation.text import HERE, table

EDITIONS = {"ml3": "Third edition", "ml2": "Second edition"}


@functools.cache
def states() -> dict:
    """What is known: `{chapter: {title, here, ml2: {state, rows}, ml3: {state, rows}}}`."""
    return yaml.safe_load((HERE / "states.yaml").read_text())


def idioms_named() -> list[str]:
    """The idioms that chapters point to."""
    found = re.findall(r"\[\[([\w-]+)\]\]", (HERE / "states.yaml").read_text())
    return sorted(set(found))


def page(chapter: int, titles: dict[str, str]) -> str:
    """The Markdown of a chapter's page.

    Args:
        chapter: Its number, which both editions share.
        titles: Titles of the idioms' sections, by name.
    """
    known = states()[chapter]
    parts = [f"# Chapter {chapter}: {known['title']}", known["here"].strip()]
    if (HERE / f"notebooks/chapter-{chapter}.md").exists():
        parts += [f"[The notebook](../notebooks/chapter-{chapter}.md) follows it, on offline data."]
    for edition, words in EDITIONS.items():
        own = [each for each in presets.all_presets() if _is_of(each, edition, chapter)]
        state = known.get(edition, {})
        if not own and not state:
            continue
        parts += [f"## {words}", state.get("state", "").strip()]
        if state.get("rows"):
            rows = [[_linked(cell, titles) for cell in row] for row in state["rows"]]
            body = table(["where", "on Keras 3", "instead"], rows)
            parts += [f":::{{table}}\n:class: cells\n\n{body}\n:::"]
        if own:
            rows = [
                [f"{each.cell[2]}", f"`{each.command}`", each.book,
                 f"[`{each.model}`](../models/{each.model}.md)"]
                for each in sorted(own, key=lambda each: each.cell)
            ]  # fmt: skip
            head = ["cell", "run it", "the book prints", "model"]
            parts += ["Cells that one line runs, with the book's own sizes and epochs:"]
            parts += [table(head, rows, ["cell"])]
    return "\n\n".join(filter(None, parts)) + "\n"


def _is_of(preset, edition, chapter):
    return preset.cell is not None and preset.cell[:2] == (edition, chapter)


def _linked(text, titles):
    """A row's text with `[[idiom]]` as a link to its section, and `--preset NAME` as a command."""
    lines = {each.name: each.command for each in presets.all_presets()}
    text = re.sub(r"`--preset ([\w-]+)`", lambda match: f"`{lines[match[1]]}`", str(text))

    def link(match):
        title = titles[match[1]]
        place = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        return f"[{title}](keras3.md#{place})"

    return re.sub(r"\[\[([\w-]+)\]\]", link, text)


def index() -> str:
    """The Markdown of the list of chapters."""
    rows = []
    for chapter, known in states().items():
        lines = [each for each in presets.all_presets() if each.cell and each.cell[1] == chapter]
        counts = [sum(each.cell[0] == edition for each in lines) for edition in EDITIONS]
        link = f"[{chapter}: {known['title']}](chapter-{chapter}.md)"
        rows.append([link, known["short"], *(count or "" for count in counts)])
    heads = ["chapter", "on Keras 3", "presets, 3rd edition", "presets, 2nd edition"]
    names = "\n".join(f"chapter-{chapter}" for chapter in states())
    return (
        "# Find your chapter\n\n"
        "Notebooks of the second and third edition on Keras 3: what breaks, and the line that does "
        "the same here. Chapters have the same numbers in both. A cell's number counts all cells "
        "of the notebook, texts too, from 0: `ml3-ch16-123` is cell 123 of the third edition's "
        "chapter 16. A preset is a line that trains a cell's network with the book's sizes and "
        "epochs, which may take hours; add `--epochs 1`, and of pictures and texts to classify "
        "`--train_size 2000`, to see it run first.\n\n"
        f"{table(heads, rows, heads[2:])}\n\n"
        "What breaks in many chapters has [a page of its own](keras3.md), as have [TF-Addons and "
        "TF-Hub](addons.md), and [what breaks without a word](silent.md).\n\n"
        f"```{{toctree}}\n:hidden:\n\n{names}\n```\n"
    )
