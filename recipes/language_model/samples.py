"""Texts that a model writes, and how much of them it knows by heart."""

from dataclasses import dataclass

import numpy as np
from keras import ops

import zoo
from recipes.engine.tables import cell, escaped, fenced, markdown

#: Characters of validation that samples go on from where no prompt was given.
PROMPT_LENGTH = 40
#: Longest copies are shown up to here.
_SHOWN = 60


@dataclass(frozen=True)
class EachRow:
    """A sampler whose rows have temperatures of their own, so that one compiled loop does all."""

    temperatures: tuple[float, ...]

    def sample(self, logits, uniform):
        """Chooses an id for each row; see `zoo.decoding.Temperature.sample`."""
        scale = ops.expand_dims(ops.convert_to_tensor(self.temperatures, "float32"), 1)
        return zoo.decoding.Temperature().sample(ops.cast(logits, "float32") / scale, uniform)


def write(model, prompt_ids, length, temperatures, seed):
    """Ids that a model writes after a prompt at several temperatures, `(temperatures, length)`.

    See `zoo.decoding.generate`.
    """
    prompts = np.tile(prompt_ids, (len(temperatures), 1))
    return zoo.decoding.generate(model, prompts, length, EachRow(tuple(temperatures)), seed)


def longest_copy(text: str, source: str) -> str:
    """The longest part of a text that also stands in another one, the first of several.

    >>> longest_copy("all the best to be had", "To be, or not to be, that is")
    't to be'
    """
    start = length = 0
    for first in range(len(text)):
        # Whatever is no longer than the best is of no interest, so a search for one more suffices
        # (difflib would index every character of the source).
        while first + length < len(text) and text[first : first + length + 1] in source:
            start, length = first, length + 1
    return text[start : start + length]


def section(prompt, samples, source) -> str:
    """The part of the report that shows `{temperature: continuation}`, and how much is copied."""
    rows, texts = [["temperature", "longest copy", "it reads"]], []
    for temperature, text in samples.items():
        copy = longest_copy(text, source)
        shown = cell(repr(copy[:_SHOWN] + ("..." if len(copy) > _SHOWN else "")))
        rows.append([f"{temperature:g}", f"{len(copy)} of {len(text)} characters", shown])
        texts.append(f"Temperature {temperature:g}:\n\n{fenced(prompt + text)}")
    about = (
        f"Each goes on from {escaped(repr(prompt))}; `samples.txt` holds them as they are. "
        "A copy is a run of characters that also stands in the training text."
    )
    return "\n\n".join([about, markdown(rows, texts=3), *texts])


def plain(prompt, samples) -> str:
    """The content of `samples.txt`."""
    return "\n".join(f"== temperature {t:g} ==\n{prompt}{text}\n" for t, text in samples.items())
