"""Labelled texts, and what a model reads of them: ids, or the texts themselves."""

from dataclasses import dataclass, replace

import numpy as np

import zoo
from recipes.engine.checking import parameters_of
from recipes.engine.config import AUTO
from recipes.errors import UserError
from zoo.layers.raw_texts import without_html

#: Ids at most where no flag says how many.
SIZES = {"words": 100_000, "characters": 10_000, "bpe": 8_000, "wordpiece": 8_000, "unigram": 8_000}


@dataclass(frozen=True)
class Part:
    """Some labelled texts.

    Args:
        texts: The texts, `(n,)`.
        labels: Number of the class of each, -1 for none, int64 `(n,)`.
        classes: Names of the classes, by number.
        numbers: Number of each text in its file, from 1, `(n,)`.
        inputs: What a model reads of each: int32 arrays of ids, or strings, in a list.
        whole: The inputs of texts held out with their own words, which no text to learn from has:
            a wide path may learn them in the end.

    >>> texts, ids = np.array(["a b", "b"], object), [np.int32([2, 3]), np.int32([3])]
    >>> part = Part(texts, np.array([0, 1]), ("no", "yes"), np.array([1, 2]), ids)
    >>> part.names.tolist(), part.take([1]).texts.tolist()
    (['no', 'yes'], ['b'])
    """

    texts: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    numbers: np.ndarray
    inputs: list
    whole: list | None = None

    def __len__(self):
        return len(self.labels)

    @property
    def names(self) -> np.ndarray:
        """Name of the class of each text."""
        return np.array(self.classes, object)[self.labels]

    def take(self, rows) -> "Part":
        """The texts at some positions."""
        rows = np.asarray(rows, np.int64)
        return replace(
            self, texts=self.texts[rows], labels=self.labels[rows], numbers=self.numbers[rows],
            inputs=[self.inputs[row] for row in rows],
            whole=self.whole and [self.whole[row] for row in rows],
        )  # fmt: skip


class PlainTexts:
    """What stands in for `zoo.layers.TextTokenizer` in front of a model that reads strings itself.

    Args:
        strip_html: Whether to leave out tags, and write entities as what they stand for.
        lowercase: Whether to turn texts into lower case.

    >>> PlainTexts(strip_html=True, lowercase=True).encode_list(["<b>Tea</b> &amp; cake"])
    [' tea  & cake']
    """

    def __init__(self, strip_html, lowercase):
        self.strip_html, self.lowercase = strip_html, lowercase

    def clean(self, text) -> str:
        """A text as the model is to see it."""
        text = without_html(text) if self.strip_html else text
        # Half of a surrogate pair has no place in UTF-8.
        text = text.encode("utf-8", "replace").decode()
        return text.lower() if self.lowercase else text

    def encode_list(self, texts) -> list[str]:
        """Several texts."""
        return [self.clean(text) for text in texts]


def reads_ids(config) -> bool:
    """Whether the model of a run reads ids; the others read strings.

    A `UserError` if there is no such model.
    """
    if config.model == AUTO:  # all of its candidates do
        return True
    return "vocabulary_size" in parameters_of(config.model)


def fit(config, texts, source):
    """What turns texts into what the model reads, fitted on those of the training part.

    A `zoo.layers.TextTokenizer`, or a `PlainTexts`. A `UserError` if the vocabulary cannot be made.
    """
    if not reads_ids(config):
        return PlainTexts(config.strip_html, config.lowercase)
    try:
        return zoo.layers.TextTokenizer.fit(
            texts, config.tokenizer, config.vocabulary_size or SIZES[config.tokenizer],
            max_length=config.max_length, truncation=config.truncation,
            strip_html=config.strip_html, lowercase=config.lowercase, name="tokenizer",
            punctuation=config.punctuation,
        )  # fmt: skip
    except ValueError as error:
        raise UserError(
            f"There is no such vocabulary for the texts of {source} (two of its ids are special "
            f"ones). {error}"
        ) from error


def encoded(config, labelled, rows):
    """A `Part` for the rows of each part, and what `fit` made of the texts to learn from.

    Validation texts bring in their words, where there is a wide path to learn them, but are read
    without them, as new texts will be.
    """
    learned = [name for name in ("train", "unlabelled") if name in rows]
    more = ["validation"] * (config.tokenizer == "words" and config.wide != 0)
    texts = np.concatenate([labelled.texts[rows[name]] for name in [*learned, *more]])
    reader, target, parts = fit(config, texts, labelled.source), labelled.target, {}
    for name, chosen in rows.items():
        texts = labelled.texts[chosen]
        inputs, numbers = reader.encode_list(texts), labelled.numbers[chosen]
        parts[name] = Part(texts, target.values[chosen], target.labels, numbers, inputs)
    if isinstance(reader, PlainTexts):
        return parts, reader
    inputs = whole = parts["validation"].inputs
    if more:
        known = np.zeros(reader.vocabulary_size, bool)
        known[np.concatenate([ids for name in learned for ids in parts[name].inputs])] = True
        inputs = [np.where(known[ids], ids, np.int32(reader.unknown_id)) for ids in whole]
    parts["validation"] = replace(parts["validation"], inputs=inputs, whole=whole)
    return parts, reader
