"""The task of translating: data, baselines, and what a trained model is asked for."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from recipes.data.batches import epochs_of
from recipes.engine.compiling import uses_xla
from recipes.engine.tables import cell, markdown
from recipes.engine.task import Figure, OneTestPart, Section, Trained
from recipes.translation import plots
from recipes.translation.baselines import MostFrequent, Nearest
from recipes.translation.config import TranslationConfig
from recipes.translation.data.pair_batches import PairBatches
from recipes.translation.metrics import Answers, scores_of
from recipes.translation.translator import Translator

#: Sentences of validation and of test that are translated to be scored, and of training.
MAX_SCORED, MAX_TRAIN_SCORED = 2000, 500
#: Pairs of training at most whose tokens are scored.
MAX_TRAIN_FORCED = 5000
#: Examples of translations in the report, and of attention in pictures.
SAMPLES, PICTURED = 12, 4


@dataclass(frozen=True)
class TranslationTask(OneTestPart):
    """What `load_data` of the recipe translation returns.

    Args:
        config: The `TranslationConfig`.
        pairs: For `"train"`, `"validation"` and `"test"`, sources and targets, `[(source, target),
            ...]`.
        ids: For each part, the ids of the sources and of the targets, see `PairBatches`.
        source_tokenizer: A `zoo.layers.TextTokenizer`.
        target_tokenizer: The same for targets.
        notes: What was done to the data, in words.
        stored: What `laid_out` makes of all pairs to train on, where those here are a sample.
    """

    config: TranslationConfig
    pairs: dict
    ids: dict
    source_tokenizer: Any
    target_tokenizer: Any
    notes: tuple[str, ...] = ()
    stored: tuple = ()

    @property
    def primary_metric(self):
        """The score by which the report compares."""
        return "exact_match" if self.config.dataset == "dates" else "bleu"

    @property
    def suggestions(self):
        """What to try where a baseline is better."""
        size = "units" if self.config.model == "seq2seq" else "embedding_dim"
        found = f"more --epochs, another --learning_rate, a larger --model.{size}"
        return found if self.config.tokenizer == "bpe" else f"{found}, --tokenizer bpe"

    @property
    def description(self) -> str:
        """The data in one line."""
        parts = ", ".join(f"{len(pairs):,} {name}" for name, pairs in self.pairs.items())
        source, target = self.source_tokenizer, self.target_tokenizer
        return (
            f"pairs: {parts}; {self.config.tokenizer}, {source.vocabulary_size:,} of the source "
            f"and {target.vocabulary_size:,} of the target"
        )

    @cached_property
    def sha256(self) -> str:
        """Hash of the pairs of each part."""
        text = "".join(map(repr, self.pairs.items()))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def metadata(self) -> dict:
        """What `config.yaml` keeps beside the flags."""
        return {
            "pairs": {name: len(pairs) for name, pairs in self.pairs.items()},
            "source_vocabulary": self.source_tokenizer.vocabulary_size,
            "target_vocabulary": self.target_tokenizer.vocabulary_size,
        }

    def batches(self, split, built, seed=None):
        """Batches of a split for the training model: those of an epoch with a seed, else all."""
        multiple = 8 if uses_xla(self.config) else 4  # each shape is compiled once
        if split == "train" and self.stored:
            count, size = len(self.stored[0]), self.config.batch_size
            passes = epochs_of(count, len(self.pairs[split]), self.config.epochs)
            return PairBatches(self.stored, None, size, seed, multiple, passes)
        return PairBatches(*self.ids[split], self.config.batch_size, seed, multiple)

    def predictor(self, model) -> Translator:
        """Wraps a trained model so that it translates."""
        return Translator(model, self.config.max_length)

    def predict(self, predictor, split) -> Answers:
        """What a predictor makes of the sources of a split that are scored.

        It is a `Translator`; or a baseline with a method `translate`, or, trained beside the model,
        one with a method `answers`.
        """
        if hasattr(predictor, "answers"):
            return predictor.answers(split)
        sources, _ = self.questions(split)
        outputs = predictor.translate(sources)
        if not isinstance(predictor, Translator):
            return Answers(outputs)
        most = MAX_TRAIN_FORCED if split == "train" else None
        ids = [part[:most] for part in self.ids[split]]
        forced = predictor.forced(PairBatches(*ids, self.config.batch_size))
        if self.config.beam == 1 or split == "train":
            return Answers(outputs, forced)
        best = predictor.search(sources, self.config.beam)
        return Answers(outputs, forced, [each[0][0] for each in best])

    def score(self, predictions, split) -> dict[str, float]:
        """Scores of the answers to the sources of a split."""
        _, references = self.questions(split)
        return scores_of(predictions, references)

    def questions(self, split):
        """Different sources of a split, as many as are scored, and all targets of each."""
        answers = {}
        for source, target in self.pairs[split]:
            right = answers.setdefault(source, [])
            target = self.target_tokenizer.normalize(target)
            if target not in right:
                right.append(target)
        most = MAX_TRAIN_SCORED if split == "train" else MAX_SCORED
        return list(answers)[:most], list(answers.values())[:most]

    def baselines(self) -> dict:
        """Answers without a model: `{name: translator}`."""
        pairs = [(s, self.target_tokenizer.normalize(t)) for s, t in self.pairs["train"]]
        characters = self.config.tokenizer == "characters"
        return {"most frequent": MostFrequent(pairs), "nearest source": Nearest(pairs, characters)}

    def figures(self, model):
        """A function of the epoch that translates a few sentences, for TensorBoard."""

        def draw(epoch):
            sources, references = (part[:PICTURED] for part in self.questions("validation"))
            translator = self.predictor(model)
            found, drawn = translator.attention(sources), {}
            if found is None:
                outputs = translator.translate(sources)
            else:
                outputs = [self.target_tokenizer.decode(target) for _, target, _ in found]
                drawn["attention"] = plots.attention(translator.shown(found))
            return {**drawn, "translations": table(sources, references, outputs)}

        return draw

    def write_outputs(self, trained: Trained, folder) -> list[Figure | Section]:
        """Writes `translations.tsv`; returns what the report shows."""
        sources, references = self.questions("test")
        translations = trained.predictions["test"].translations
        lines = ["source\ttranslation\treferences"]
        lines += [
            "\t".join([source, output.replace("\t", " ").replace("\n", " "), *right])
            for source, output, right in zip(sources, translations, references, strict=True)
        ]
        (folder.path / "translations.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        outputs = [Section("Translations", self._section(sources, references, translations))]
        found = trained.predictor.attention(sources[:PICTURED])
        if found is not None:
            drawing = plots.attention(trained.predictor.shown(found))
            outputs.append(Figure("Attention, of test sentences", "attention", drawing))
        return outputs

    def _section(self, sources, references, outputs):
        wrong = [i for i, right in enumerate(references) if outputs[i] not in right]
        text = (
            f"Greedy translations of test sentences; `translations.tsv` holds {len(sources):,}. "
            f"{len(wrong):,} of them differ from every reference."
        )
        parts = [text, table(*(part[:SAMPLES] for part in (sources, references, outputs)))]
        chosen = [i for i in wrong if i >= SAMPLES][:SAMPLES]
        if chosen:
            rows = ([part[i] for i in chosen] for part in (sources, references, outputs))
            parts += ["Others that differ:", table(*rows)]
        return "\n\n".join(parts)


def table(sources, references, outputs) -> str:
    """Translations beside what they should be, in Markdown."""
    rows = zip(sources, references, outputs, strict=True)
    rows = [[cell(source), cell(right[0]), cell(output)] for source, right, output in rows]
    return markdown([["source", "reference", "translation"], *rows], texts=3)
