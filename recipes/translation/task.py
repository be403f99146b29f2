"""The task of translating: data, baselines, and what a trained model is asked for."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

from recipes.engine.fitting import uses_xla
from recipes.engine.tables import cell, markdown
from recipes.translation import plots
from recipes.translation.addons.training import Twin, typical
from recipes.translation.baselines import MostFrequent, Nearest
from recipes.translation.coding import decode_target, normalized, pieces
from recipes.translation.data.pair_batches import PairBatches
from recipes.translation.metrics import sentence_scores, token_scores
from recipes.translation.translator import Translator

#: Sentences of validation and of test that are translated to be scored, and of training.
MAX_SCORED, MAX_TRAIN_SCORED = 2000, 500
#: Pairs of training at most whose tokens are scored.
MAX_TRAIN_FORCED = 5000
#: Examples of translations in the report, and of attention in pictures.
SAMPLES, PICTURED = 12, 4


@dataclass(frozen=True)
class TranslationTask:
    """What `load_data` of the recipe translation returns.

    Args:
        config: The `TranslationConfig`.
        pairs: For `"train"`, `"validation"` and `"test"`, sources and targets, `[(source, target),
            ...]`.
        ids: For each part, the ids of the sources and of the targets, see `PairBatches`.
        source_tokens: A layer with `encode`, `decode` and `vocabulary_size`, see `zoo.layers`.
        target_tokens: The same for targets.
        notes: What was done to the data, in words.
        outputs: Greedy translations of each part that was scored.
        rivals: What is trained beside the model, by name: a `Twin` with `--engine addons`.
    """

    config: object
    pairs: dict
    ids: dict
    source_tokens: object
    target_tokens: object
    notes: tuple[str, ...] = ()
    outputs: dict = field(default_factory=dict)
    rivals: dict = field(default_factory=dict)

    FOLDS = ()

    @property
    def criterion(self):
        """The score by which the report compares."""
        return "exact_match" if self.config.dataset == "dates" else "bleu"

    @property
    def remedies(self):
        """What to try where a baseline is better."""
        size = "units" if self.config.model == "seq2seq" else "embedding_dim"
        found = f"more --epochs, another --learning_rate, a larger --model.{size}"
        return found if self.config.tokens == "bpe" else f"{found}, --tokens bpe"

    @property
    def description(self) -> str:
        """The data in one line."""
        parts = ", ".join(f"{len(pairs):,} {name}" for name, pairs in self.pairs.items())
        source, target = self.source_tokens, self.target_tokens
        return (
            f"pairs: {parts}; {self.config.tokens}, {source.vocabulary_size:,} of the source and "
            f"{target.vocabulary_size:,} of the target"
        )

    @cached_property
    def sha256(self) -> str:
        """Hash of the pairs of each part."""
        digest = hashlib.sha256()
        for name, pairs in self.pairs.items():
            digest.update(repr((name, pairs)).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    @property
    def facts(self) -> dict:
        """What `config.yaml` keeps beside the flags."""
        return {
            "pairs": {name: len(pairs) for name, pairs in self.pairs.items()},
            "source_vocabulary": self.source_tokens.vocabulary_size,
            "target_vocabulary": self.target_tokens.vocabulary_size,
        }

    def batches(self, split, built, seed=None):
        """Batches of a split for the training model: those of an epoch with a seed, else all."""
        multiple = 8 if uses_xla(self.config) else 4  # each shape is compiled once
        return PairBatches(*self.ids[split], self.config.batch_size, seed, multiple)

    def forecaster(self, model):
        """A `Translator`."""
        return Translator(model, self.config.max_length)

    def score(self, forecast, split) -> dict[str, float]:
        """Scores of a `Translator`, or of what else has a method `translate`, on a split."""
        if isinstance(forecast, Twin):
            return forecast.score(split)
        sources, references = self.questions(split)
        outputs = forecast.translate(sources)
        scores = sentence_scores(outputs, references)
        if not isinstance(forecast, Translator):
            return scores
        self.outputs[split] = outputs
        most = MAX_TRAIN_FORCED if split == "train" else None
        ids = [part[:most] for part in self.ids[split]]
        forced = forecast.forced(PairBatches(*ids, self.config.batch_size))
        scores = {**token_scores(*forced), **scores}
        if self.config.beam > 1 and split != "train":
            best = forecast.search(sources, self.config.beam)
            found = sentence_scores([each[0][0] for each in best], references)
            scores |= {f"beam_{name}": value for name, value in found.items()}
        for twin in self.rivals.values():
            scores["epoch_seconds"] = typical(twin.clock.seconds)
        return scores

    def questions(self, split):
        """Different sources of a split, as many as are scored, and all targets of each."""
        answers = {}
        for source, target in self.pairs[split]:
            right = answers.setdefault(source, [])
            target = normalized(self.target_tokens, target)
            if target not in right:
                right.append(target)
        most = MAX_TRAIN_SCORED if split == "train" else MAX_SCORED
        return list(answers)[:most], list(answers.values())[:most]

    def baselines(self) -> dict:
        """Answers without a model: `{name: translator}`."""
        pairs = [(s, normalized(self.target_tokens, t)) for s, t in self.pairs["train"]]
        characters = self.config.tokens == "characters"
        without = {
            "most frequent": MostFrequent(pairs),
            "nearest source": Nearest(pairs, characters),
        }
        return {**without, **self.rivals}

    def folds(self) -> dict:
        """None."""
        return {}

    def pictures(self, model):
        """A function of the epoch that translates a few sentences, for TensorBoard."""

        def draw(epoch):
            sources, references = (part[:PICTURED] for part in self.questions("validation"))
            translator = self.forecaster(model)
            found = translator.attention(sources)
            if found is None:
                outputs = translator.translate(sources)
                return {"translations": table(sources, references, outputs)}
            outputs = [decode_target(self.target_tokens, target) for _, target, _ in found]
            return {
                "attention": self._drawn(found),
                "translations": table(sources, references, outputs),
            }

        return draw

    def write_outputs(self, model, folder) -> dict[str, str]:
        """Writes `translations.tsv` and a picture; returns what the report shows, by title."""
        sources, references = self.questions("test")
        outputs = self.outputs["test"]
        lines = ["source\ttranslation\treferences"]
        lines += [
            "\t".join([source, output.replace("\t", " ").replace("\n", " "), *right])
            for source, output, right in zip(sources, outputs, references, strict=True)
        ]
        (folder.path / "translations.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        shown = {"Translations": self._section(sources, references, outputs)}
        found = self.forecaster(model).attention(sources[:PICTURED])
        if found is not None:
            self._drawn(found).savefig(folder.plots / "attention.png", dpi=110)
            shown["Attention, of test sentences"] = "attention.png"
        return shown

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

    def _drawn(self, found):
        source, target = self.source_tokens, self.target_tokens
        return plots.attention(
            [(pieces(source, s), pieces(target, t), weights) for s, t, weights in found]
        )


def table(sources, references, outputs) -> str:
    """Translations beside what they should be, in Markdown."""
    rows = [["source", "reference", "translation"]]
    for source, right, output in zip(sources, references, outputs, strict=True):
        rows.append([cell(source), cell(right[0]), cell(output)])
    return markdown(rows, texts=3)
