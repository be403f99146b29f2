"""Ruff's D417, but that arguments may share a line: `horizon, targets: As for ...`.

A `name`, as all objects of Keras have one, needs no words.
"""

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]


@pytest.mark.parametrize("package", ["zoo", "callbacks", "recipes"])
def test_where_arguments_are_described_all_are(package):
    missing = []
    for path in (TOP / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                _, _, section = (ast.get_docstring(node) or "").partition("\nArgs:\n")
                described = re.findall(r"^    (\w+(?:, \w+)*):", section.partition("\n\n")[0], re.M)
                names = {arg.arg for arg in node.args.args + node.args.kwonlyargs}
                left = names - {"self", "cls", "name"} - set(", ".join(described).split(", "))
                missing += [f"{path}, {node.name}: {name}" for name in sorted(left) if section]
    assert not missing
