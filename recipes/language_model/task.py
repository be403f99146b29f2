"""The task of predicting the next token: data, baselines, and what a trained model is asked for."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from recipes.data.stored import StoredArray
from recipes.engine.tables import fenced
from recipes.engine.task import Figure, OneTestPart, Section, Trained
from recipes.language_model import samples
from recipes.language_model.baselines import NGrams
from recipes.language_model.config import LanguageModelConfig
from recipes.language_model.data.streams import (
    RandomWindowBatches,
    SlidingWindowBatches,
    StreamBatches,
)
from recipes.language_model.scores import at_most, language_scores, reader_for

#: Training tokens at most on which scores are computed.
MAX_TRAIN_SCORED = 60_000
#: Training tokens at most on which the n-gram models are fitted.
MAX_COUNTED = 5_000_000
#: Windows of training and of validation that a stream should be long.
MIN_WINDOWS = {"train": 50, "validation": 1}


@dataclass(frozen=True)
class LanguageTask(OneTestPart):
    """What `load_data` of the recipe language_model returns.

    Args:
        config: The `LanguageModelConfig`.
        ids: All tokens, int32 `(n,)`.
        segments: For `"train"`, `"validation"` and `"test"`, the first position and the one after
            the last of each stretch of tokens that belong together, `[(start, end), ...]`. A text
            has one for each part; of pieces, those of a part follow each other.
        tokenizer: A `zoo.layers.Tokenizer`.
        prompt: What samples go on from.
        notes: What was done to the data, in words.
        stored: All tokens to train on, where those of `ids` are only the first of them.
    """

    config: LanguageModelConfig
    ids: np.ndarray
    segments: dict
    tokenizer: object
    prompt: str = ""
    notes: tuple[str, ...] = ()
    stored: StoredArray | None = field(default=None, kw_only=True)

    primary_metric = "nats"
    suggestions = "more --epochs, another --learning_rate, --model.units 512, --model.dropout 0.3"

    @property
    def description(self) -> str:
        """The data in one line."""
        units = "characters" if self.config.tokenizer == "characters" else "tokens"
        parts = ", ".join(f"{self._count(name):,} {name}" for name in self.segments)
        size = self.tokenizer.vocabulary_size
        return f"{len(self.ids):,} {units}, {size:,} of them distinct: {parts}"

    @cached_property
    def sha256(self) -> str:
        """Hash of the tokens, and what they stand for, that the run was trained on."""
        digest = hashlib.sha256(np.ascontiguousarray(self.ids, "<i4").data)
        for token in range(self.tokenizer.vocabulary_size):
            digest.update(repr(self.tokenizer.decode([token])).encode())
        return digest.hexdigest()

    @property
    def metadata(self) -> dict:
        """What `config.yaml` keeps beside the flags."""
        counts = {name: self._count(name) for name in self.segments}
        return {"vocabulary_size": self.tokenizer.vocabulary_size, "tokens_of": counts}

    @cached_property
    def rows(self) -> int:
        """Number of streams: as many as the flags say, and fewer where they would be too short."""
        limits = [(self._count(n) - 1) // (w * self.config.window) for n, w in MIN_WINDOWS.items()]
        return max(1, min(self.config.batch_size, *limits))

    def batches(self, split, built, seed=None):
        """Batches of a split for the training model: those of an epoch with a seed, else all."""
        config, ids, segments = self.config, self.ids, self.segments[split]
        if config.batching == "streams":
            ((start, end),) = segments
            if split == "train" and self.stored is not None:
                size, window = len(self.stored), config.window
                turns = max(1, min(config.epochs, size // end))
                return StreamBatches(self.stored, 0, size, window, self.rows, seed, turns)
            return StreamBatches(ids, start, end, config.window, self.rows, seed)
        common = ids, segments, config.window, config.batch_size, seed
        if seed is None:
            return SlidingWindowBatches(*common, stride=config.window)
        if config.batching == "random":
            return RandomWindowBatches(*common)
        return SlidingWindowBatches(*common, stride=config.stride)

    def predictor(self, model):
        """A function of segments, see `recipes.language_model.scores.Reader`."""
        return reader_for(model, self.ids, self.config.window)

    def predict(self, predictor, split):
        """What `predictor(segments)` says about the tokens of a split that are scored."""
        return predictor(np.array(self._scored(split), np.int64))

    def score(self, predictions, split) -> dict[str, float]:
        """Scores of what `predict` returned for a split."""
        texts = (self.tokenizer.decode(self.ids[a + 1 : b]) for a, b in self._scored(split))
        return language_scores(*predictions, sum(map(len, texts)))

    def _scored(self, split):
        segments = self.segments[split]
        return at_most(segments, MAX_TRAIN_SCORED) if split == "train" else segments

    def baselines(self) -> dict:
        """n-gram models, fitted on the training part: `{name: predictor(segments)}`."""
        segments = at_most(self.segments["train"], MAX_COUNTED)
        return NGrams(self.ids, segments, self.tokenizer.vocabulary_size).models()

    def figures(self, model):
        """A function of the epoch that writes samples, for TensorBoard's Text tab."""

        def write(epoch):
            found = self.samples(model)
            return {f"temperature_{t:g}": fenced(self.prompt + found[t]) for t in found}

        return write

    def samples(self, model) -> dict[float, str]:
        """What a model writes after the prompt, by temperature."""
        config, temperatures = self.config, self.config.sample_temperatures
        prompt = self.tokenizer.encode(self.prompt)
        found = samples.write(model, prompt, config.sample_length, temperatures, config.seed)
        return dict(zip(temperatures, map(self.tokenizer.decode, found), strict=True))

    def write_outputs(self, trained: Trained, folder) -> list[Figure | Section]:
        """Writes `samples.txt`; returns what the report shows."""
        found = self.samples(trained.model)
        text = samples.plain(self.prompt, found)
        (folder.path / "samples.txt").write_text(text, encoding="utf-8", errors="replace")
        ((start, end),) = self.segments["train"]
        source = self.tokenizer.decode(self.ids[start:end])
        return [Section("Generated text", samples.section(self.prompt, found, source))]

    def _count(self, split):
        return sum(int(end - start) for start, end in self.segments[split])
