"""What an editor and a type checker are told about the packages is what these hold."""

import ast
import inspect
from pathlib import Path

import jedi

import callbacks
import zoo
from zoo import decoding, layers, losses, metrics, transfer


def test_the_stub_names_what_is_imported_when_first_used():
    names = dict.fromkeys(zoo.__all__, "zoo.registry") | zoo._MODULES
    expected = {(n, "zoo" if m == f"zoo.{n}" else m) for n, m in names.items()}
    tree = ast.parse(Path(zoo.__file__).with_suffix(".pyi").read_text())
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    found = {(alias.asname, node.module) for node in imports for alias in node.names}
    assert sorted(found) == sorted(expected)


def test_an_editor_completes_and_shows_arguments():
    found = jedi.Script("import zoo\nzoo.wav").complete()
    assert [completion.name for completion in found] == ["wavenet", "wavenet_lite"]
    (shown,) = jedi.Script("import zoo\nzoo.wavenet(").get_signatures()
    assert [each.name for each in shown.params] == list(inspect.signature(zoo.wavenet).parameters)


def test_public_arguments_are_annotated():
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    assert [
        f"{package.__name__}.{name}({parameter})"
        for package in (zoo, decoding, layers, losses, metrics, transfer, callbacks)
        for name in getattr(package, "__all__", dir(package))
        if callable(found := getattr(package, name)) and not name.startswith("_")
        if found.__module__.startswith(("zoo", "callbacks"))
        for parameter in inspect.signature(found).parameters.values()
        if parameter.annotation is parameter.empty and parameter.kind not in variadic
    ] == []
