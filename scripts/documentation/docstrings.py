"""Docstrings are written with Markdown's backticks; Sphinx reads reStructuredText."""

import re

_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)\n *```$", re.MULTILINE | re.DOTALL)
#: Stands for a colon that does not end a type.
COLON = "\ue000"
#: Stands between names that are documented together, which napoleon would list one by one.
COMMA = "\ue001"
_GROUP = re.compile(r"^ +\*{0,2}\w+(?:, \*{0,2}\w+)+(?=: )", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_][\w.]*")


def restructured(text: str) -> str:
    r"""A docstring as reStructuredText: names in backticks are links where they are documented.

    >>> restructured("A `zoo.Name`, two `Name`s and `a + b`.")
    'A :py:obj:`zoo.Name`, two :py:obj:`Name`\\ s and ``a + b``.'
    """
    text = _FENCE.sub(_block, text)
    # What is indented after a colon is code, which takes two of them.
    text = re.sub(r"^( *)(\S.*[^:]):\n\n(?=\1 {4}[^ ->])", r"\1\2::\n\n", text, flags=re.MULTILINE)
    paragraphs = text.split("\n\n")
    return "\n\n".join(_paragraph(each) for each in paragraphs)


def untyped_returns(text: str) -> str:
    r"""A docstring whose Returns hold no type, which the signature tells: their colons are text.

    >>> untyped_returns("Returns:\n    A model: from a to b.").replace(COLON, "|")
    'Returns:\n    A model| from a to b.'
    """
    lines, inside = text.split("\n"), -1
    for index, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if line.strip() in ("Returns:", "Yields:"):
            inside = indent
        elif line.strip() and indent <= inside:
            inside = -1
        elif inside >= 0 and "`" not in line.partition(":")[0]:
            lines[index] = line.replace(":", COLON, 1)
    return "\n".join(lines)


def grouped(text: str) -> str:
    r"""A docstring in which arguments that are documented together stay together.

    >>> grouped("Args:\n    a, b: As for `f`.").replace(COMMA, "|")
    'Args:\n    a|b: As for `f`.'
    """
    head, mark, rest = text.partition("Args:\n")
    return head + mark + _GROUP.sub(lambda names: names[0].replace(", ", COMMA), rest)


def _paragraph(text):
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if line.lstrip().startswith(">>>")]
    kept = lines[starts[0] :] if starts else []  # a doctest lasts until the next empty line
    prose = "\n".join(lines[: starts[0]] if starts else lines)
    if ".. code-block::" in prose or (prose.startswith(" ") and "=" in prose and "`" not in prose):
        return text
    return "\n".join([*([_SPAN.sub(_span, prose)] if prose else []), *kept])


def _span(match):
    """A name or code; a letter behind it must be kept apart, and its line must not break."""
    inside = re.sub(r"\s+", " ", match[1])
    role = f":py:obj:`{inside}`" if _NAME.fullmatch(inside) else f"``{inside}``"
    after = match.string[match.end() : match.end() + 1]
    return rf"{role}\ " if after.isalnum() else role


def _block(match):
    indent, language, code = match.groups()
    inside = "\n".join(f"    {line}" if line.strip() else "" for line in code.splitlines())
    return f"{indent}.. code-block:: {language}\n\n{inside}\n"
