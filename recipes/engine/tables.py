"""Numbers and tables as text, the same on the terminal, in reports and in the README."""


def number(value) -> str:
    """A score with four significant digits; large ones whole; empty for `None`.

    >>> number(0.0123456), number(22062.3), number(4.5678e30), number(None)
    ('0.01235', '22,062', '4.568e+30', '')
    """
    if value is None:
        return ""
    return f"{value:,.0f}" if 10_000 <= abs(value) < 1e15 else f"{value:,.4g}"


def markdown(rows, texts=1) -> str:
    """A Markdown table; `DataFrame.to_markdown` pads its cells, and reads 22,062 as a number.

    Args:
        rows: Rows of texts, the header first.
        texts: Number of leading columns that are aligned to the left.

    Example:
        >>> print(markdown([["model", "mae"], ["naive", "0.5"]]))
        | model | mae |
        | --- | ---: |
        | naive | 0.5 |
    """
    header, *body = rows
    ruler = ["---"] * texts + ["---:"] * (len(header) - texts)
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, ruler, *body])


def cell(text, longest=160) -> str:
    r"""Any text as one cell of a Markdown table that shows what it holds.

    Args:
        text: The text.
        longest: Characters at most; what follows them is cut off.

    Example:
        >>> print(cell("a|b\n  c"), cell("abcdef", longest=3))
        a\|b c abc...
    """
    text = " ".join(str(text)[: 4 * longest].split())
    text = text if len(text) <= longest else f"{text[:longest]}..."
    for character in "\\`*_[]<>|$~#":
        text = text.replace(character, f"\\{character}")
    return text
