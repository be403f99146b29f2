"""Strings of the embedded Reber grammar, and corrupted ones: what must be remembered is far away.

Reference: Hochreiter & Schmidhuber, *Long short-term memory*, 1997; book, chapter 16, exercise 8.
"""

import numpy as np
import pandas as pd

from recipes.data.target import read_target
from recipes.text_classification.data.labelled_texts import LabelledTexts

#: All letters of the grammar.
LETTERS = "BEPSTVX"
#: A valid string is one and the other are not: the second-last letter must be the second one.
#: The book's own; the first is corrupted, the second valid.
TRICKY = ("BPBTSSSSSSSXXTTVPXVPXTTTTTVVETE", "BPBTSSSSSSSXXTTVPXVPXTTTTTVVEPE")
#: Strings to train on, of validation and of test: the first two as in the book.
SIZES = {"train": 10_000, "validation": 2_000, "test": 2_000}

# For each state the letters that may follow, and the state that each leads to.
_INNER = (
    {"B": 1}, {"T": 2, "P": 3}, {"S": 2, "X": 4}, {"T": 3, "V": 5}, {"X": 3, "S": 6},
    {"P": 4, "V": 6}, {"E": None},
)  # fmt: skip


def embedded_reber(generator) -> str:
    """A random string of the embedded grammar; both ways on are equally likely at each step.

    >>> embedded_reber(np.random.default_rng(2))
    'BPBTSSSXXTTVVEPE'
    """
    branch = "TP"[generator.integers(2)]
    letters, state = [], 0
    while state is not None:
        ways = list(_INNER[state].items())
        letter, state = ways[generator.integers(len(ways))] if len(ways) > 1 else ways[0]
        letters.append(letter)
    return f"B{branch}{''.join(letters)}{branch}E"


def corrupted(string, generator) -> str:
    """A string of the grammar with another letter in one random place.

    Strings that are equally long never differ in one place alone: no corrupted one is valid.
    """
    place = int(generator.integers(len(string)))
    others = LETTERS.replace(string[place], "")
    return string[:place] + others[generator.integers(len(others))] + string[place + 1 :]


def is_embedded_reber(string) -> bool:
    """Whether a string is one of the embedded grammar.

    >>> [is_embedded_reber(string) for string in TRICKY]
    [False, True]
    """
    state = 0
    for letter in string[2:-2]:
        if state is None or letter not in _INNER[state]:
            return False
        state = _INNER[state][letter]
    return state is None and string[:2] in ("BT", "BP") and string[-2:] == string[1] + "E"


def reber_dataset(seed=0) -> LabelledTexts:
    """10,000 strings to train on, 2,000 of validation and 2,000 of test, half of each corrupted.

    Their labels are `"corrupted"` and `"valid"`, in random order. Short strings come up again and
    again, in all parts, as in the book.
    """
    generator = np.random.default_rng(seed)
    texts, valid, rows = [], [], {}
    for name, size in SIZES.items():
        flags = generator.permutation(np.arange(size) % 2 == 0)
        found = [embedded_reber(generator) for _ in range(size)]
        rows[name] = np.arange(len(texts), len(texts) + size)
        texts += [s if ok else corrupted(s, generator) for s, ok in zip(found, flags, strict=True)]
        valid += ["valid" if ok else "corrupted" for ok in flags]
    target = read_target(pd.Series(valid, name="label"), "reber", "classification")
    numbers = np.arange(1, len(texts) + 1)
    return LabelledTexts(np.array(texts, object), target, numbers, rows, "reber")
