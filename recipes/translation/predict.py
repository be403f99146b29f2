"""Translations of a sentence, of a file, or of what comes on standard input, line by line."""

import numpy as np

from recipes.data.files import say_notes
from recipes.data.texts import check_known, given_text
from recipes.data.writing import opened
from recipes.errors import UserError, some
from recipes.translation.translator import Translator

#: Lines that are translated and written before the next ones.
CHUNK = 1024
_UNKNOWN = "which the sources that it was trained on do not have. Leave them out."


def predict(
    folder, config, metadata, source, output, text=None, beam=1, n_best=1, length_penalty=None
) -> None:
    """Writes a translation for each line, and nothing for an empty one.

    The lines are those of a text file, `source`, or of `text`; the other flags are as the recipe's
    `RECIPE` says. With several translations of each line, each has its line's number and its score
    in front, with tabs between.
    """
    check(beam, n_best, length_penalty)
    for name in ("separator", "skip_rows", "sheet"):
        if source is not None and getattr(config, name) is not None:
            raise UserError(
                f"--{name} is for tables: the input is a sentence a line. Leave it out."
            )
    content = given_text(text, source, config.encoding)
    lines = [line.strip() for line in content.removesuffix("\n").split("\n")]
    if not any(lines):
        raise UserError("There is nothing to translate: the input is empty.")
    if config.lowercase:
        lines = [line.lower() for line in lines]
    translator = Translator(folder.load(), config.max_length)
    size = translator.target_tokenizer.tokenizer.vocabulary_size
    if beam > size:
        raise UserError(
            f"--beam {beam} is more than the {size:,} tokens that the model writes with. 4 to 10 "
            "are common."
        )
    check_known(translator.source_tokenizer, lines, _UNKNOWN)
    if cut := translator.cut(lines):
        lines_cut = some(index + 1 for index in cut)
        say_notes([f"the model reads {config.max_length} tokens; cut off: line {lines_cut}"])
    penalty = length_penalty or 0.0
    with opened(output) as file:
        for first in range(0, len(lines), CHUNK):
            rows = lines[first : first + CHUNK]
            file.write("".join(_written(translator, rows, first + 1, beam, n_best, penalty)))
            file.flush()


def explain(folder, config, text) -> dict | None:
    """Where a greedy translation looked, its weights `(target, source)`; `None` if it cannot."""
    translator = Translator(folder.load(), config.max_length)
    found = translator.attention([text.lower() if config.lowercase else text])
    for source, target, weights in translator.shown(found or ()):
        return {"source": source, "target": target, "weights": np.round(weights, 4).tolist()}
    return None


def check(beam, n_best, length_penalty) -> None:
    """Raises a `UserError` if a flag of the search plays no part."""
    if n_best > beam:
        raise UserError(
            f"--n_best {n_best} needs as many beams. Give --beam {n_best} or more (now {beam})."
        )
    if length_penalty is not None and beam == 1:
        raise UserError("--length_penalty is for beam search: give --beam 5, or leave it out.")


def _written(translator, lines, first, beam, n_best, penalty):
    """The output for some lines, of which the first has the number `first`."""
    asked = [line for line in lines if line]
    if beam == 1:
        found = iter([[(text, None)] for text in translator.translate(asked)])
    else:
        found = iter(translator.search(asked, beam, n_best, penalty))
    for number, line in enumerate(lines, start=first):
        for text, score in next(found) if line else [("", None)]:
            text = " ".join(text.split("\n"))
            scored = n_best > 1 and score is not None
            yield f"{number}\t{score:.4f}\t{text}\n" if scored else f"{text}\n"
