"""Settings of the recipe translation, and its datasets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from recipes.data.dialect import Dialect
from recipes.engine.config import TrainConfig, at_least, below_one, common
from recipes.errors import UserError


@dataclass
class TranslationConfig(Dialect, TrainConfig):
    """Settings of a translation model's run.

    Args:
        data: Your own file instead of a dataset: source, tab, target in each line, or a table.
        source: Its column of sources, a number from 1 or a name. Defaults to the first of texts.
        target: Its column of targets. Defaults to the next one of texts.
        reverse: Translate from the target to the source.
        tokenizer: What the model reads and writes: words (those of the book: lower case, without
            punctuation), characters, or sub-word units, byte-level so that they can write any text.
        lowercase: Turn sources and targets into lower case. Words always are.
        source_vocabulary_size: Ids of the source at most, three special ones included. Defaults to
            1,000 for words, and for sub-word units to a 100th of the characters, 600 to 8,000.
        target_vocabulary_size: The same for the target.
        max_length: Tokens of a source and of a target (with its end) at most.
        longer: What becomes of longer training pairs: left out, or cut off. In validation and
            test, sources and the targets whose tokens are scored are cut off, and references are
            not.
        split: disjoint holds out sources, with all of their translations: whatever their case and
            punctuation, validation and test have none that training has. book is that of the third
            edition for spa_eng: 100,000 shuffled pairs to train on, the rest for validation.
        held_out: Sources of validation, and of the test part; of your own file, at most a tenth
            each.
        in_memory: Hold so many pairs in memory, drawn at random, and decide everything by them;
            training reads the others from the disk. Defaults to all, or to 200,000 of a table that
            is larger than memory, of a folder of files, or of a pattern such as part-*.parquet.
        label_smoothing: Fraction of each target that is spread evenly over all tokens.
        sampling: Scheduled sampling, for seq2seq: in training, some tokens that the decoder reads
            are not the right ones but its own, drawn from its output (embedding) or averaged by it
            (output).
        sampling_probability: Fraction of them at the end.
        sampling_schedule: How this fraction grows: all but constant begin near 0 and are at their
            end by the middle of the run.
        beam: Beams of a second set of scores, by beam search; 1 for greedy scores alone.
        engine: keras trains the model. addons trains it a second time, as the book did with
            TensorFlow Addons, and puts these scores, and the seconds of an epoch, beside the
            model's. It is for seq2seq, takes much longer, and needs the extra addons (Python 3.11).
    """

    DATASETS: ClassVar[Mapping[str, str]] = {
        "dates": "14,000 generated dates, in words and in digits (book, chapter 16, exercise 9)",
        "spa_eng": "118,964 English sentences and their Spanish translations (book, chapter 16)",
    }
    COMMON = common(data=("source", "target", "reverse", "tokenizer"))
    OWN_DATA: ClassVar[str] = "pairs of your own, use --data FILE"
    RENAMED: ClassVar[dict[str, str]] = {"tokens": "tokenizer"}

    source: str | None = None
    target: str | None = None
    reverse: bool = False
    tokenizer: Literal["words", "characters", "bpe", "wordpiece", "unigram"] = "bpe"
    lowercase: bool = False
    source_vocabulary_size: int | None = None
    target_vocabulary_size: int | None = None
    max_length: int = 50
    longer: Literal["drop", "cut"] = "drop"
    split: Literal["disjoint", "book"] = "disjoint"
    held_out: int = 2000
    in_memory: int | None = None
    label_smoothing: float = 0.0
    sampling: Literal["none", "embedding", "output"] = "none"
    sampling_probability: float = 0.5
    sampling_schedule: Literal["constant", "linear", "exponential", "inverse_sigmoid"] = "linear"
    beam: int = 1
    engine: Literal["keras", "addons"] = "keras"

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        self.check()
        at_least(self, 1, "held_out", "beam")
        at_least(self, 2, "max_length")
        at_least(self, 100, "in_memory")
        at_least(self, 5, "source_vocabulary_size", "target_vocabulary_size")
        for name in ("source", "target"):
            if getattr(self, name) is not None and not self.data:
                raise UserError(f"--{name} names a column of your own file: give it with --data.")
        if self.split == "book" and self.dataset != "spa_eng":
            raise UserError("--split book is that of --dataset spa_eng: leave it out.")
        below_one(self, "label_smoothing", zero=True)
        if not 0 <= self.sampling_probability <= 1:
            raise UserError(
                f"--sampling_probability must lie in [0, 1]. Received: {self.sampling_probability}"
            )
        if self.sampling != "none" and self.model != "seq2seq":
            raise UserError(f"--sampling is for seq2seq: leave it out for {self.model}.")
        if self.engine == "addons":
            self._check_addons()

    def _check_addons(self):
        from recipes.translation.addons.runner import check_installed

        if self.model != "seq2seq":
            raise UserError(f"--engine addons is for seq2seq: leave it out for {self.model}.")
        unknown = ("muon", "1cycle", "plateau", "bfloat16")
        flags = ("optimizer", "schedule", "precision")
        wrong = [name for name in flags if getattr(self, name) in unknown]
        wrong += ["ema"] if self.ema else []
        if wrong:
            raise UserError(
                f"--engine addons knows no --{wrong[0]} {getattr(self, wrong[0])}: choose another, "
                "or leave the engine out."
            )
        check_installed()
