"""The task of classifying texts: data, baselines, and what a trained model is asked for."""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np

from recipes.classification.calibration import (
    PRIOR,
    expected_calibration_error,
    fit_prior_shift,
    shifted,
    tempered,
)
from recipes.classification.scores import classification_scores
from recipes.classification.task import (
    CROSS_VALIDATION,
    MAX_DRAWN,
    ClassificationTask,
    calibrate,
    head_of,
    outputs_of_test,
    uncertainty,
    validation_figures,
)
from recipes.data.batches import ArrayBatches, epochs_of, spread
from recipes.data.larger import store
from recipes.data.stored import StoredArray
from recipes.engine.conformal import Conformal
from recipes.engine.selection import Mixture
from recipes.engine.tables import markdown
from recipes.engine.task import Figure, Section, Trained
from recipes.text_classification import baselines, explaining, tables, wide
from recipes.text_classification.classifier import TextClassifier
from recipes.text_classification.coding import Part, PlainTexts, encoded
from recipes.text_classification.config import TextClassificationConfig
from recipes.text_classification.data.labelled_texts import LabelledTexts
from recipes.text_classification.data.reber import TRICKY, is_embedded_reber
from recipes.text_classification.data.text_batches import TextBatches, laid_out
from recipes.text_classification.data.text_splits import text_keys
from recipes.text_classification.naive_bayes import ENOUGH


@dataclass(frozen=True)
class TextTask(ClassificationTask):
    """What `load_data` of the recipe text_classification returns.

    Args:
        config: The `TextClassificationConfig`.
        labelled: The `LabelledTexts`.
        parts: `Part` of `"train"`, `"validation"` and `"test"`.
        reader: What made their inputs: `zoo.layers.TextTokenizer` or `PlainTexts`.
        notes: What was done to the data, in words.
        fold_rows: Positions of the texts of each part of each fold, by its name.
    """

    config: TextClassificationConfig
    labelled: LabelledTexts
    parts: dict[str, Part]
    reader: Any
    notes: tuple[str, ...] = ()
    fold_rows: dict = field(default_factory=dict)

    keeps_baselines = True
    FOLDS = CROSS_VALIDATION

    @property
    def suggestions(self) -> str:
        """What is worth a try where a baseline is better."""
        averages = self.config.model_arguments.get("encoder") == "mean"
        other = "bigru or conv" if averages else "mean --model.num_layers 0 --model.ngrams 2"
        encoder = f"--model.encoder {other}; " if self.reads_ids else ""
        return (
            f"{encoder}a larger --vocabulary_size or --max_length; --model.dropout 0.5; another "
            "--learning_rate"
        )

    @property
    def head(self) -> str:
        """The zoo's name for what the model answers with."""
        return "binary" if len(self.classes) == 2 else "multiclass"

    @property
    def reads_ids(self) -> bool:
        """Whether the model reads ids, not strings."""
        return not isinstance(self.reader, PlainTexts)

    @property
    def batch_size(self) -> int:
        """Texts in a training step where no flag says how many.

        A 64th of all, between 16 and 128: few texts need small steps to be learned from at all,
        and of many a small step costs as much as a large one.
        """
        return int(np.clip(len(self.parts["train"]) // 64, 16, 128))

    @cached_property
    def sizes(self) -> dict[str, Any]:
        """Arguments of a model that averages embeddings, where no flag says them.

        Embeddings have four numbers a class, between 16 and 64. Runs of tokens share half as many
        as the texts have tokens, about as many as there are different pairs, between 1,000 and
        250,000: more cost time, and the wide path knows the rare ones. Dropout leaves 50 tokens of
        a usual text, and of a short one at most 70 %: few words of a long text say much.
        """
        lengths = [len(ids) for ids in self.parts["train"].inputs]
        kept = min(0.7, 50 / float(np.median(lengths)))
        return {
            "embedding_dim": int(np.clip(4 * len(self.classes), 16, 64)),
            "buckets": int(np.clip(sum(lengths) // 2, 1_000, 250_000)),
            "word_dropout": round(1 - kept, 2),
        }

    @property
    def description(self) -> str:
        """The data in one line."""
        counts = ", ".join(f"{len(part):,} {name}" for name, part in self.parts.items())
        text = f"texts of {len(self.classes)} classes: {counts}"
        if not self.reads_ids:
            return f"{text}; the model reads them as they are"
        lengths = [len(ids) for ids in self.parts["train"].inputs]
        return (
            f"{text}; {self.config.tokenizer}, {self.reader.vocabulary_size:,} ids, "
            f"{np.median(lengths):,.0f} (at most {max(lengths):,}) in a text"
        )

    @cached_property
    def sha256(self) -> str:
        """Hash of the texts and labels of each part."""
        digest = hashlib.sha256()
        for name, part in self.parts.items():
            digest.update(repr((name, part.classes)).encode("utf-8", "surrogatepass"))
            for text in part.texts:
                content = text.encode("utf-8", "surrogatepass")
                digest.update(len(content).to_bytes(8, "little") + content)
            digest.update(part.labels.astype(np.int64).tobytes())
        return digest.hexdigest()

    @property
    def metadata(self) -> dict:
        """What `config.yaml` keeps beside the flags."""
        return {
            "text": self.labelled.columns[0],
            "target": self.labelled.columns[1],
            "reading": dict(self.labelled.decided),
            "labels": list(self.classes),
            "texts": {name: len(part) for name, part in self.parts.items()},
        }

    def batches(self, split, built, seed=None):
        """Batches of a split for the training model: shuffled with a seed, in order without."""
        part, config = self.parts[split], self.config
        size = config.batch_size or self.batch_size
        if split == "train" and self.labelled.larger:
            *ids, labels, weights = self.stored.values()
            passes = epochs_of(len(labels), len(part), config.epochs)
            return TextBatches(ids, labels, size, seed, weights, examples=passes)
        labels, weights = self._labels(part.labels)
        weights = None if self.class_weights is None else weights
        if not self.reads_ids:
            return ArrayBatches(np.array(part.inputs, object), labels, size, seed, weights)
        return TextBatches(part.inputs, labels, size, seed, weights, bucketing=config.bucketing)

    def _labels(self, labels):
        """What the model learns, and how much each text counts."""
        weights = np.ones(len(self.classes)) if self.class_weights is None else self.class_weights
        binary = self.head == "binary"
        learned = labels.astype(np.float32)[:, None] if binary else labels.astype(np.int32)
        return learned, weights[labels]

    @cached_property
    def stored(self) -> dict[str, StoredArray]:
        """The ids of all texts to train on, on the disk, and what is learned of each."""
        (text, name), target, seen = self.labelled.columns, self.labelled.target, 0
        held_out = [self.parts[part].texts for part in ("validation", "test")]
        known = set(text_keys(np.concatenate(held_out)))

        def read(file, kept):
            nonlocal seen
            file.require(text, "--text")
            file.require(name, "--target")
            texts, labels = file.texts(text).fillna(""), file.labels(name)
            new = np.array([key not in known for key in text_keys(texts)], bool)
            kept = kept & new & labels.notna().to_numpy()
            flat, *laid = laid_out(self.reader.encode_list(texts[kept]), seen)
            seen += len(flat)
            learned = self._labels(target.numbers(labels[kept].to_numpy(), file.source))
            return dict(enumerate([flat, *laid, *learned]))

        return store(self.labelled.larger, [], read)  # `known` leaves the held-out ones out

    def sized(self, config):
        """A configuration with arguments of an averaging model that follow from the texts."""
        if config.model_arguments.get("encoder") != "mean":
            return config
        return replace(config, model_arguments={**self.sizes, **config.model_arguments})

    def sizes_note(self, config, wide_path) -> tuple[str, ...]:
        """What follows from the number and the length of the training texts, in words."""
        found = [] if config.batch_size else [f"batch_size {self.batch_size}"]
        for name, value in self.sized(config).model_arguments.items():
            if name not in config.model_arguments:
                found.append(f"{name} {value:,}")
        if wide_path:
            layer = wide_path.get_layer("wide")
            last = f", those of the last {layer.ending} apart" if layer.ending else ""
            size = f"{layer.size:,} n-grams of up to {layer.ngrams} tokens{last}"
            found.append(f"a wide path of {size}")
        return (f"from the training texts: {', '.join(found)}",) if found else ()

    @cached_property
    def wide_paths(self) -> tuple:
        """Two wide paths, Keras models: of the training texts, and of the validation texts, too.

        The former says how much the latter is to count. `None` twice where there is to be none.
        """
        ngrams = wide.longest(self.config) if self.reads_ids else 0
        if not ngrams:
            return None, None
        balanced = self.class_weights is not None
        outputs = 1 if self.head == "binary" else len(self.classes)
        more = self.parts["unlabelled"].inputs if "unlabelled" in self.parts else ()
        validation = self.parts["validation"]
        parts = [self.parts["train"], replace(validation, inputs=validation.whole)]
        given = (self.reader, ngrams, outputs, balanced, more)
        model, calibration = wide.fit(parts[:1], *given)
        return model, wide.fit(parts, *given, calibration)[0]

    def predictor(self, model):
        """A function of a `Part`: the probabilities that a trained model gives its texts.

        Those held out are answered by a wide path that did not learn from them.
        """
        layers = {layer.name: layer for layer in model.layers}
        members = [self.predictor(layers[name]) for name in layers if name.startswith("member_")]
        unseen = whole = TextClassifier(model)
        if members:  # of --model auto
            unseen = Mixture([*zip(layers["mean"].get_weights()[0], members, strict=True)])
        elif "wide_path" in layers and not self.config.start_from:
            total, wide_path = layers["wide_and_deep"], self.wide_paths[0]
            logits = total([total.input[0], wide_path(layers[self.reader.name](model.input))])
            unseen = TextClassifier(keras.Model(model.input, layers["probabilities"](logits)))
        return lambda part: (unseen if part.whole else whole)(part)

    def finish(self, model, core, mixes=False) -> dict[str, float]:
        """Mixes the paths of a trained model, and calibrates its logits.

        As suits validation best; the weights are changed in place. `core` is the zoo model; with
        `mixes`, the wide path is to be mixed in anew. Returns the `wide_share`, the `prior_shift`
        of the classes' shares and the `temperature`, those that there are.
        """
        part, found = self.parts["validation"], {}
        layers = {layer.name: layer for layer in model.layers}
        last = layers.get("wide_and_deep") or head_of(core)
        if mixes:
            found["wide_share"] = wide.mix(part, core, self.wide_paths[0], last)
        if not self.config.calibrate:
            return found
        # A wide path of few texts is calibrated already, by more than there are for validation.
        few = mixes and len(self.parts["train"]) < ENOUGH
        labels, deviation = part.labels, PRIOR / 2 if few else PRIOR
        says = last.get_weights()[0][0] if "wide_path" in layers else 1.0
        probabilities = self.predictor(model)(part)
        if self.class_weights is None and says:
            given = labels, probabilities, self.shares, deviation
            found["prior_shift"] = fit_prior_shift(*given)
            moves = found["prior_shift"] * np.log(self.shares)
            probabilities = shifted(probabilities, moves)
            moves = moves[1:] - moves[:1] if self.head == "binary" else moves
            head_of(core).bias.assign_add(moves / says)
        return found | calibrate(last, labels, probabilities, deviation)

    @cached_property
    def shares(self) -> np.ndarray:
        """The share of each class in the training texts; one without any has half a text."""
        counts = np.bincount(self.parts["train"].labels, minlength=len(self.classes))
        return np.maximum(counts, 0.5) / len(self.parts["train"])

    def predict(self, predictor, split) -> np.ndarray:
        """What `predictor(part)` says about the texts of a split that are scored."""
        return predictor(self._scored(split))

    def score(self, predictions, split) -> dict[str, float]:
        """Scores of the probabilities of a split."""
        labels = self._scored(split).labels
        return {
            **classification_scores(labels, predictions, self.class_weights is not None),
            "calibration_error": expected_calibration_error(labels, predictions),
        }

    def _scored(self, split):
        part, chosen = self.parts[split], self.scored(split)
        return part if len(chosen) == len(part) else part.take(chosen)

    def baselines(self) -> dict:
        """What a practitioner would try first: `{name: predictor(part)}`."""
        characters = self.config.tokenizer == "characters"
        balanced = self.class_weights is not None
        return baselines.fit(self.parts["train"], self.reader.clean, characters, balanced)

    def folds(self) -> dict:
        """Tasks of a cross-validation: each tests on another part of all but the test texts."""
        found = {}
        for name, rows in self.fold_rows.items():
            parts, reader = encoded(self.config, self.labelled, rows)
            found[name] = replace(self, parts=parts, reader=reader, fold_rows={})
        return found

    def figures(self, model):
        """A function of the epoch that draws validation results, for TensorBoard."""
        part = self.parts["validation"]
        part, predictor = part.take(spread(len(part), MAX_DRAWN)), self.predictor(model)

        def draw(epoch):
            found = predictor(part)
            shown = validation_figures(part.labels, found, self.classes)
            examples = explaining.explain(model, self.reader, part, found, spread=True)
            if examples:
                shown["importances"] = explaining.figure(examples, self.reader)
                shown["importances_text"] = tables.importances(examples)
            return shown

        return draw

    def write_outputs(self, trained: Trained, folder) -> list[Figure | Section]:
        """Writes `predictions.csv`; returns what the report shows."""
        part, classes, found = self.parts["test"], self.classes, trained.predictions["test"]
        outputs, sets = outputs_of_test(part.labels, found, classes), {}
        if self.config.conformal:
            labels = self.parts["validation"].labels
            known = trained.predictions["validation"]
            conformal = Conformal.fit(self.config.conformal, labels, known, classes)
            conformal.save(folder)
            outputs.insert(0, conformal.report(part.labels, found))
            sets = conformal.columns(found)
        tables.write(folder.predictions, part.numbers, part.names, found, classes, {}, sets)
        wrong = tables.most_wrong(part, found)
        if wrong:
            outputs.append(Section("The most confident errors", wrong))
        if "temperature" in trained.finished:
            temperature = trained.finished["temperature"]
            shift = trained.finished.get("prior_shift", 0.0)
            raw = shifted(tempered(found, 1 / temperature), -shift * np.log(self.shares))
            named = f"{shift:.2g} times the log frequencies added, " if shift else ""
            named += f"temperature {temperature:.3g}"
            rows = {"as trained": raw, named: found}
            outputs.append(uncertainty(part.labels, rows, calibrated=True))
        if self.config.dataset == "reber":
            outputs.append(Section("The two tricky strings", self._tricky(trained.model)))
        examples = explaining.explain(trained.model, self.reader, part, found)
        if examples:
            text = f"{explaining.TEXT}\n\n{tables.importances(examples)}"
            drawn = explaining.figure(examples, self.reader)
            outputs.append(Section("What it reads", text))
            outputs.append(Figure(explaining.CAPTION, "importances", drawn))
        return outputs

    def _tricky(self, model):
        """Two long strings that differ in one letter, far from the one that it depends on."""
        found = TextClassifier(model).of_inputs(self.reader.encode_list(TRICKY))[:, 1]
        rows = [
            [text, "valid" if is_embedded_reber(text) else "corrupted", f"{100 * share:.2f} %"]
            for text, share in zip(TRICKY, found, strict=True)
        ]
        return markdown([["string", "class", "probability of valid"], *rows], 2)
