"""Reads the text that the flags of a run name, splits it and turns it into tokens."""

from pathlib import Path

import numpy as np

import zoo
from recipes.data.larger import Characters, stored
from recipes.data.memory import is_too_large, shards
from recipes.data.texts import python_docs, read_noted_text, shakespeare
from recipes.errors import UserError, some
from recipes.language_model.samples import PROMPT_LENGTH
from recipes.language_model.task import MAX_COUNTED, LanguageTask

#: Characters in memory where not all fit, and no flag says how many.
IN_MEMORY = 20_000_000
#: Characters of Tiny Shakespeare that the third edition trains on, and validates on.
BOOK_SPLIT = (1_000_000, 60_000)


def load(config) -> LanguageTask:
    """The text of a run, split and tokenised, as a `LanguageTask`."""
    text, decided, larger = read(config)
    if config.lowercase:
        text = text.lower()
    if len(set(text)) < 2:
        raise UserError(
            f"Expected a text with at least two different characters. Received: {len(text):,} "
            f"characters, {len(set(text))} of them different."
        )
    first, last = cuts(config, len(text))
    pieces = text[:first], text[first:last], text[last:]
    tokenizer, notes = fit_tokenizer(config, pieces[0], text[first:], bool(larger))
    notes = decided + notes
    ids = [tokenizer.encode(piece) for piece in pieces]
    ends = np.cumsum([len(part) for part in ids]).tolist()
    segments = {"train": (0, ends[0]), "validation": (ends[0], ends[1]), "test": (ends[1], ends[2])}
    if config.split == "90-10":
        segments["validation"] = (ends[0], ends[2])
        notes += (
            "the split 90-10 has no test part: what is called test here is the second half of "
            "validation, by which the epoch was chosen",
        )
    for name, (start, end) in segments.items():
        if end - start <= config.window:
            units = "characters" if config.tokenizer == "characters" else "tokens"
            shares = " and larger --validation_fraction and --test_fraction"
            raise UserError(
                f"The text is too short: the {name} part has {end - start:,} {units}, and one "
                f"window needs --window {config.window} + 1. Give a longer text, or a smaller "
                f"--window{shares if config.split == 'fractions' else ''}."
            )
    prompt = config.prompt or _opening(pieces[1])
    prompt = prompt.lower() if config.lowercase else prompt
    new = tokenizer.unknown_characters(prompt)
    if new and tokenizer.unknown_id is None:
        raise UserError(
            f"--prompt must be made of characters of the text. Received: {some(new)} as well."
        )
    segments = {name: [bounds] for name, bounds in segments.items()}
    task = LanguageTask(config, np.concatenate(ids), segments, tokenizer, prompt, notes)
    if ends[0] > MAX_COUNTED:
        notes += (f"n-gram models are fitted on the first {MAX_COUNTED:,} tokens of training",)
    if config.batching == "streams" and task.rows < config.batch_size:
        notes += (
            f"{task.rows} streams instead of {config.batch_size} (--batch_size): the text is short",
        )
    ids = stored(_all_ids(config, *larger, tokenizer), config.data)["ids"] if larger else None
    return LanguageTask(config, task.ids, segments, tokenizer, prompt, notes, stored=ids)


def read(config) -> tuple[str, tuple[str, ...], tuple | None]:
    """The whole text, and notes; a `UserError` if it cannot be read.

    Of a text that is larger than memory, its beginning and its end; and then all `Characters`, and
    how many of them are to be trained on.
    """
    if not config.data:
        texts = {"python_docs": python_docs, "shakespeare": shakespeare}
        return texts[config.dataset](), (), None
    files, most = shards(config.data), config.in_memory
    if files == [Path(config.data)] and most is None and not is_too_large(config.data):
        return *read_noted_text(config.data, config.encoding), None
    if config.batching != "streams" or config.split != "fractions":
        raise UserError(
            "A text of which only a part is in memory is read by --batching streams, with --split "
            f"fractions. Received: --batching {config.batching}, --split {config.split}."
        )
    most = most or IN_MEMORY
    held_out = max(1, most - cuts(config, most)[0])
    everything, head, tail, count = Characters(files, config.encoding), "", "", 0
    for part in everything:
        head += part[: most - len(head)]
        tail, count = (tail + part)[-held_out:], count + len(part)
    note = f"{count:,} characters in {len(files):,} file{'s' * (len(files) > 1)}"
    if count <= most:
        return head, (note,), None
    return (
        head[:-held_out] + tail,
        (f"{note}: the first {most - held_out:,} and the last {held_out:,} are in memory "
         "(--in_memory) and decide all that is decided; training reads the others from the disk",),
        (everything, count - held_out),
    )  # fmt: skip


def _all_ids(config, everything, count, tokenizer):
    """The ids of the first so many characters, some at a time; no word is cut."""
    rest = ""
    for part in everything:
        part, count = part[:count], count - min(count, len(part))
        text = rest + (part.lower() if config.lowercase else part)
        end = 1 + max(text.rfind(" "), text.rfind("\n")) if count else len(text)
        rest = text[end:]
        yield {"ids": np.asarray(tokenizer.encode(text[:end]), np.int32)}
        if not count:
            return
    raise UserError(f"{config.data} has changed: {count:,} characters less than at first.")


def cuts(config, length) -> tuple[int, int]:
    """Where training ends and where the test part begins, in characters.

    With the split 90-10, the test part is the second half of validation.
    """
    if config.split == "90-10":
        first = length * 9 // 10
        return first, (first + length) // 2
    if config.split == "book":
        return BOOK_SPLIT[0], sum(BOOK_SPLIT)
    last = length - round(length * config.test_fraction)
    return last - round(length * config.validation_fraction), last


def fit_tokenizer(config, training, others, unknown=False):
    """What turns text into ids, fitted on the training part, and notes.

    `others` are what is to be encoded beside it, or more than that: then there may be `unknown`
    characters. A `UserError` if the vocabulary cannot be made.
    """
    options = {"lowercase": config.lowercase, "name": "tokenizer"}
    try:
        if config.tokenizer != "characters":
            size = config.vocabulary_size
            return zoo.layers.SubwordTokenizer.fit(training, config.tokenizer, size, **options), ()
        new = sorted(set(others) - set(training))
        known = {"unknown": unknown or bool(new)}
        fitted = zoo.layers.CharacterTokenizer.fit(training, **known, **options)
    except ValueError as error:
        raise UserError(f"The text cannot be made into tokens. {error}") from error
    if not new:
        return fitted, ()
    return fitted, (
        f"{len(new)} character{'s' * (len(new) > 1)} of validation and test never occur in "
        f"training ({some(new)}): the vocabulary has an unknown token for them",
    )


def _opening(text):
    """The first characters of a paragraph, if there is one that begins early; else of the text."""
    first = text.find("\n\n", 0, len(text) // 2)
    return text[first + 2 if first >= 0 else 0 :].lstrip()[:PROMPT_LENGTH] or text[:PROMPT_LENGTH]
