"""Markdown: tables, links of a README that lead to pages, and what stands between markers."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

HERE = Path(__file__).parent
#: Files of the checkout that have a page.
PAGES = {
    "README.md": "index.md",
    "recipes/README.md": "recipes/index.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "logs/README.md": "project/runs.md",
    "LICENSE": "project/licence.md",
    ".github/CODE_OF_CONDUCT.md": "project/conduct.md",
    "SECURITY.md": "project/security.md",
    ".github/DATA_LICENSES.md": "project/data.md",
    "scripts/fault_tests/README.md": "project/faults.md",
}


def table(head: Sequence[str], rows: Sequence[Sequence], numbers: Sequence[str] = ()) -> str:
    r"""A Markdown table; the columns named are aligned to the right.

    >>> print(table(["a", "b"], [["x|y", 1]], ["b"]))
    | a | b |
    | --- | ---: |
    | x\|y | 1 |
    """
    marks = ["---:" if name in numbers else "---" for name in head]
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(head), marks, *cells])


def page_of(path: str) -> str | None:
    """The page of a file of the checkout, such as `recipes/forecast.md`."""
    found = re.fullmatch(r"recipes/(\w+)/README\.md", path)
    return f"recipes/{found[1]}.md" if found else PAGES.get(path)


def relink(markdown: str, path: str, page: str) -> str:
    """A file's text with links as they are from its page; pictures lie in `images/`.

    Args:
        markdown: The text.
        path: Where it stands in the checkout.
        page: Where its page is.

    Raises:
        ValueError: If a link leads to a file that has no page.
    """
    up = "../" * page.count("/")

    def link(match):
        target = match[2]
        if re.match(r"https?:|mailto:|#", target):
            return match[0]
        file, _, place = target.partition("#")
        whole = _normal(PurePosixPath(path).parent / file)
        if whole.startswith(".github/images/"):
            return f"{match[1]}({up}images/{PurePosixPath(whole).name})"
        found = page_of(whole)
        if found is None:
            raise ValueError(f"{path} links to {whole}, which has no page. Add it to PAGES.")
        return f"{match[1]}({up}{found}{'#' + place if place else ''})"

    return re.sub(r"(!?\[[^\]]*\])\(([^)\s]+)\)", link, markdown)


def _normal(path):
    parts = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def tables_of(markdown: str) -> list[tuple[str, list[str], list[list[str]]]]:
    r"""The tables of a text: the heading above each, its head, its rows.

    >>> tables_of("# A\n\n| x | y |\n| --- | --- |\n| 1 | 2 |\n")
    [('A', ['x', 'y'], [['1', '2']])]
    """
    found, heading, block = [], "", []
    for line in [*markdown.splitlines(), ""]:
        if line.startswith("|"):
            block.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
            continue
        if len(block) > 2:
            found.append((heading, block[0], block[2:]))
        block = []
        if line.startswith("#"):
            heading = line.lstrip("# ")
    return found
