"""Keras 2's idioms: how Keras 3 answers them, and what to write instead. Tests run both sides."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Idiom:
    """One of them.

    Args:
        name: What tables of chapters call it.
        title: What it is about.
        then: The code of the Keras 2 days.
        error: The error that Keras 3 raises at it.
        says: What its message holds.
        now: The code that does what the old one did; its assertions hold.
        why: Why it broke, in a sentence.
    """

    name: str
    title: str
    then: str
    error: str
    says: str
    now: str
    why: str


_SOURCE = re.compile(
    r"^## (?P<title>.*?)\n+<!-- idiom: (?P<name>[\w-]+) -->\s+(?P<why>(?:(?!```).)*?)\s*"
    r"```python\n# Keras 2\n(?P<then>.*?)```\n+```text\n(?P<error>\w+): (?P<says>.*?)\n```\n+"
    r"```python\n# Keras 3\n(?P<now>.*?)```",
    re.MULTILINE | re.DOTALL,
)


def read(markdown: str) -> list[Idiom]:
    """The idioms of a page: sections with a comment `idiom: NAME`, and three blocks.

    >>> read('''## A title
    ...
    ... <!-- idiom: short -->
    ...
    ... Why.
    ...
    ... ```python
    ... # Keras 2
    ... 1 / 0
    ... ```
    ...
    ... ```text
    ... ZeroDivisionError: division
    ... ```
    ...
    ... ```python
    ... # Keras 3
    ... 1 / 1
    ... ```''')[0].error
    'ZeroDivisionError'
    """
    return [Idiom(**found.groupdict()) for found in _SOURCE.finditer(markdown)]
