"""Settings of the recipe text_classification, and its datasets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from recipes.classification.settings import RowsConfig
from recipes.engine.config import at_least, below_one, common
from recipes.errors import UserError


@dataclass
class TextClassificationConfig(RowsConfig):
    """Settings of a text classification run.

    Args:
        data: Your own table instead of a dataset, a text a row.
        text: Its column of texts. Found by itself where only one column holds texts.
        target: Its column of classes.
        validation_data: A second table, with the same columns, to choose the epoch by.
        test_data: A table of the texts to be scored once at the end.
        unlabelled: A table of further texts, without labels, to learn which words go together.
        validation_fraction: Fraction of the texts to choose the epoch by. Defaults to 0.1.
        test_fraction: Fraction of the texts to be scored once at the end. Defaults to 0.1, or to
            the published test part.
        train_size: Use so many of the training texts only, with each class keeping its share.
        split: random holds out texts of each class alike, and keeps those that occur twice in one
            part. book, for imdb, is the third edition's: the last tenth of the training reviews.
        tokenizer: What the model reads: words (in lower case), characters, or sub-words.
        punctuation: Read punctuation and symbols as words, too. Without, words lose them.
        batch_size: Texts in a training step. Defaults to a 64th of the texts, between 16 and 128.
        vocabulary_size: Different ids at most, with padding and unknown ones. Defaults to 100,000
            for words and 8,000 for sub-words.
        lowercase: Turn texts into lower case. Words always are.
        strip_html: Leave out tags, and write entities such as &amp; as what they stand for.
        max_length: Tokens of a text at most; without it, texts are read to their end.
        truncation: What is kept of longer ones: the head, the tail, or half of each.
        bucketing: Train on batches of texts of similar lengths. Without, all texts are padded to
            the longest one.
        wide: Longest run of tokens that has a weight of its own in the wide path, a linear model
            beside the deep one; 0 for no such path. Defaults to 3, or 5 characters.
        label_smoothing: Fraction of each label that is spread over all classes.
        monitor: What the best epoch is chosen by, on validation.
        calibrate: Divide the logits, after training, by the temperature that suits the validation
            part best, and let the classes' frequencies count as much as suits it, so that
            probabilities mean what they say.
    """

    DATASETS: ClassVar[Mapping[str, str]] = {
        "reber": "14,000 strings, half of them by a grammar's rules (book, chapter 16, exercise 8)",
        "imdb": "50,000 film reviews that praise or pan (book, chapter 16)",
    }
    COMMON = common(data=("text", "target", "test_data"), model=("conformal",))
    OWN_DATA: ClassVar[str] = "texts of your own, use --data FILE"
    RENAMED: ClassVar[dict[str, str]] = {"tokens": "tokenizer"}

    text: str | None = None
    target: str | None = None
    validation_data: str | None = None
    test_data: str | None = None
    unlabelled: str | None = None
    validation_fraction: float | None = None
    test_fraction: float | None = None
    train_size: int | None = None
    split: Literal["random", "book"] = "random"
    tokenizer: Literal["words", "characters", "bpe", "wordpiece", "unigram"] = "words"
    punctuation: bool = True
    batch_size: int | None = None
    vocabulary_size: int | None = None
    lowercase: bool = False
    strip_html: bool = True
    max_length: int | None = None
    truncation: Literal["head", "tail", "both"] = "head"
    bucketing: bool = True
    wide: int | None = None
    label_smoothing: float = 0.0
    monitor: Literal["loss", "accuracy"] = "loss"
    calibrate: bool = True

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        at_least(self, 1, "train_size", "max_length")
        at_least(self, 4, "vocabulary_size")
        at_least(self, 0, "wide")
        for name in ("text", "target", "validation_data", "test_data"):
            if getattr(self, name) is not None and not self.data:
                raise UserError(f"--{name} belongs to a table of your own: give it with --data.")
        if self.unlabelled and (self.tokenizer != "words" or self.wide == 0 or self.start_from):
            raise UserError(
                "--unlabelled teaches the wide path of a new run what words mean: leave out "
                "--tokenizer, --wide 0 and --from, or --unlabelled."
            )
        for part in ("validation", "test"):
            if getattr(self, f"{part}_data") and getattr(self, f"{part}_fraction"):
                raise UserError(f"Give either --{part}_data or --{part}_fraction, not both.")
        below_one(self, "validation_fraction", "test_fraction")
        own = {"imdb": ("test_fraction",), "reber": ("test_fraction", "validation_fraction")}
        for name in own.get(self.dataset, ()):
            if getattr(self, name) is not None:
                raise UserError(
                    f"--dataset {self.dataset} has parts of its own: leave --{name} out."
                )
        if self.split == "book" and self.dataset != "imdb":
            raise UserError("--split book is that of --dataset imdb: leave it out.")
        below_one(self, "label_smoothing", zero=True)
