"""Settings of the recipe language_model, and its datasets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from recipes.engine.config import TrainConfig, at_least, below_one, common
from recipes.errors import UserError
from recipes.language_model import chorale_flags


@dataclass
class LanguageModelConfig(TrainConfig):
    """Settings of a language model's run.

    Args:
        data: Your own text file instead of a dataset, gzipped or not.
        encoding: How the characters of that file are written as bytes. Found out by itself where
            only one reading makes sense.
        tokenizer: What the model reads and writes: characters, or sub-word units, byte-level so
            that they can write any text.
        lowercase: Turn the text into lower case.
        vocabulary_size: Number of sub-word units, at most.
        split: fractions takes what follows for validation and test from the end of the text. book
            is that of the third edition for shakespeare, 1,000,000 characters to train on and
            60,000 for validation. 90-10 validates on the last tenth, as published figures for
            shakespeare do, and has no test part: test is the second half of validation.
        validation_fraction: Fraction of the characters to choose the epoch by.
        test_fraction: Fraction of the characters to be scored once at the end.
        window: Tokens that the training model reads at once.
        batching: streams reads the text in --batch_size places at once and goes on from there
            in the next batch, with the state kept, for recurrent models. random takes
            windows side by side at random places. sliding takes windows that overlap.
        stride: Tokens from one window to the next with --batching sliding; the book has 1.
        transpose: Chorales: move each training window to a key drawn anew in every epoch.
        sample_length: Tokens of the samples in TensorBoard and in the report.
        sample_temperatures: Temperatures of these samples; below 1 they are more likely texts,
            above more surprising ones.
        prompt: What these samples go on from. Defaults to the first words of validation.
        in_memory: Hold so many characters in memory, the first and, for validation and test, the
            last ones, and decide everything by them; training reads the others from the disk.
            Defaults to all, or to 20,000,000 of a text that is larger than memory, of a folder of
            files, or of a pattern such as part-*.txt.
    """

    DATASETS: ClassVar[Mapping[str, str]] = {
        "python_docs": "help texts of Python, 400,000 characters (they vary with its version)",
        "shakespeare": "Tiny Shakespeare, 1,115,394 characters of plays (book, chapter 16)",
        "chorales": "382 of Bach's chorales, four notes a chord (book, chapter 15, exercise 10)",
    }
    COMMON = common(data=("tokenizer", "window"))
    OWN_DATA: ClassVar[str] = "a text of your own, use --data FILE"
    NOT_LEARNED_FROM: ClassVar[tuple[str, ...]] = (
        *TrainConfig.NOT_LEARNED_FROM, "sample_length", "sample_temperatures", "prompt",
    )  # fmt: skip

    RENAMED: ClassVar[dict[str, str]] = {"tokens": "tokenizer"}

    encoding: str | None = None
    tokenizer: Literal["characters", "bpe", "wordpiece", "unigram"] = "characters"
    lowercase: bool = False
    vocabulary_size: int = 1000
    split: Literal["fractions", "book", "90-10"] = "fractions"
    validation_fraction: float = 0.05
    test_fraction: float = 0.05
    window: int = 100
    batching: Literal["streams", "random", "sliding"] = "streams"
    stride: int = 1
    transpose: bool = False
    sample_length: int = 400
    sample_temperatures: list[float] = field(default_factory=lambda: [0.2, 0.5, 1.0])
    prompt: str | None = None
    in_memory: int | None = None

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        at_least(self, 1, "window", "stride", "vocabulary_size", "sample_length", "in_memory")
        below_one(self, "validation_fraction", "test_fraction")
        if self.validation_fraction + self.test_fraction >= 1:
            raise UserError(
                "--validation_fraction and --test_fraction leave nothing to train on: lower them."
            )
        if self.split == "book" and self.dataset != "shakespeare":
            raise UserError("--split book is that of --dataset shakespeare: leave it out.")
        if not self.sample_temperatures:
            raise UserError("--sample_temperatures must name at least one, such as 0.5,1.0.")
        for temperature in self.sample_temperatures:
            if not temperature > 0:
                raise UserError(f"--sample_temperatures must be above 0. Received: {temperature:g}")
        if self.prompt == "":
            raise UserError("--prompt must not be empty. Leave it out for the text's own words.")
        if self.dataset == "chorales":
            chorale_flags.check(self)
        elif self.transpose:
            raise UserError("--transpose is for music: leave it out, or use --dataset chorales.")
