"""The task of classifying texts: data, baselines, and what a trained model is asked for."""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from callbacks import summaries
from recipes.classification import plots as shared
from recipes.classification.calibration import expected_calibration_error, fit_temperature, tempered
from recipes.classification.scores import classification_scores, per_class
from recipes.classification.splits import balanced_weights
from recipes.data.arrays import ArrayBatches
from recipes.engine.tables import markdown, number
from recipes.text_classification import baselines, explaining, tables
from recipes.text_classification.classifier import TextClassifier
from recipes.text_classification.coding import PlainTexts, encoded
from recipes.text_classification.data.reber import TRICKY, is_embedded_reber
from recipes.text_classification.data.text_batches import TextBatches

#: Training texts at most on which scores are computed, evenly spaced.
MAX_TRAIN_SCORED = 5_000
#: Classes at most that get a curve of their own in TensorBoard.
MAX_PR_CURVES = 10

_FILES = {
    "Confusion matrix": "confusion_matrix",
    "Precision and recall": "precision_recall",
    "ROC curves": "roc",
    "Calibration": "calibration",
}


@dataclass
class TextTask:
    """What `load_data` of the recipe text_classification returns.

    Args:
        config: The `TextClassificationConfig`.
        labelled: The `LabelledTexts`.
        parts: `Part` of `"train"`, `"validation"` and `"test"`.
        reader: What made their inputs: `zoo.layers.TextIds` or `PlainTexts`.
        columns: Names of the columns of texts and of classes.
        notes: What was done to the data, in words.
        fold_rows: Positions of the texts of each part of each fold, by its name.
        temperature: By what the logits were divided after training.
        answers: Probabilities by the trained model, of the parts that were scored.
    """

    config: object
    labelled: object
    parts: dict
    reader: object
    columns: tuple[str, str]
    notes: tuple[str, ...] = ()
    fold_rows: dict = field(default_factory=dict)
    temperature: float = 1.0
    answers: dict = field(default_factory=dict, init=False)

    FOLDS = (
        "Cross-validation",
        "Each row is a model of its own, tested on a part of the texts that it did not see; the "
        "test part stays out of all of them.",
    )
    criterion = "accuracy"

    @property
    def remedies(self) -> str:
        """What is worth a try where a baseline is better."""
        averages = self.config.model_arguments.get("encoder") == "mean"
        other = "bigru or conv" if averages else "mean --model.num_layers 0 --model.ngrams 2"
        encoder = f"--model.encoder {other}; " if self.reads_ids else ""
        return (
            f"{encoder}a larger --vocabulary_size or --max_length; --model.dropout 0.5; another "
            "--learning_rate"
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by number."""
        return self.parts["train"].classes

    @property
    def head(self) -> str:
        """The zoo's name for what the model answers with."""
        return "binary" if len(self.classes) == 2 else "multiclass"

    @property
    def reads_ids(self) -> bool:
        """Whether the model reads ids, not strings."""
        return not isinstance(self.reader, PlainTexts)

    @property
    def description(self) -> str:
        """The data in one line."""
        counts = ", ".join(f"{len(part):,} {name}" for name, part in self.parts.items())
        text = f"texts of {len(self.classes)} classes: {counts}"
        if not self.reads_ids:
            return f"{text}; the model reads them as they are"
        lengths = [len(ids) for ids in self.parts["train"].inputs]
        return (
            f"{text}; {self.config.tokens}, {self.reader.vocabulary_size:,} ids, "
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
    def facts(self) -> dict:
        """What `config.yaml` keeps beside the flags."""
        return {
            "text": self.columns[0],
            "target": self.columns[1],
            "labels": list(self.classes),
            "texts": {name: len(part) for name, part in self.parts.items()},
        }

    @cached_property
    def class_weights(self) -> np.ndarray | None:
        """Weight of each class in the loss; `None` where all texts count alike."""
        if self.config.class_weight == "none":
            return None
        return balanced_weights(self.parts["train"].labels, len(self.classes))

    def batches(self, split, built, seed=None):
        """Batches of a split for the training model: shuffled with a seed, in order without."""
        part, config = self.parts[split], self.config
        labels = part.labels.astype(np.int32)
        weights = None if self.class_weights is None else self.class_weights[labels]
        if self.head == "binary":
            labels = labels.astype(np.float32)[:, None]
        if not self.reads_ids:
            texts = np.array(part.inputs, object)
            return ArrayBatches(texts, labels, config.batch_size, seed, weights)
        return TextBatches(
            part.inputs, labels, config.batch_size, seed, weights, bucketing=config.bucketing
        )

    def forecaster(self, model) -> TextClassifier:
        """Wraps a trained model so that it gives the probabilities of texts."""
        return TextClassifier(model)

    def calibrate(self, model, head) -> None:
        """Divides the logits of a trained model by the temperature that suits validation best.

        Args:
            model: The model, from ids to probabilities.
            head: Its linear layer in front of the probabilities, changed in place.
        """
        part = self.parts["validation"]
        self.temperature = fit_temperature(part.labels, TextClassifier(model)(part))
        head.set_weights([weight / self.temperature for weight in head.get_weights()])

    def score(self, forecast, split) -> dict[str, float]:
        """Scores of `forecast(part)` on a split."""
        part = self.parts[split]
        if split == "train" and len(part) > MAX_TRAIN_SCORED:
            part = part.take(np.linspace(0, len(part) - 1, MAX_TRAIN_SCORED).astype(np.int64))
        found = forecast(part)
        if isinstance(forecast, TextClassifier):
            self.answers[split] = found
        return {
            **classification_scores(part.labels, found),
            "calibration_error": expected_calibration_error(part.labels, found),
        }

    def baselines(self) -> dict:
        """What a practitioner would try first: `{name: forecast(part)}`."""
        characters = self.config.tokens == "characters"
        balanced = self.class_weights is not None
        return baselines.fit(self.parts["train"], self.reader.clean, characters, balanced)

    def folds(self) -> dict:
        """Tasks of a cross-validation: each tests on another part of all but the test texts."""
        found = {}
        for name, rows in self.fold_rows.items():
            parts, reader = encoded(self.config, self.labelled, rows)
            found[name] = replace(self, parts=parts, reader=reader, fold_rows={})
        return found

    def pictures(self, model):
        """A function of the epoch that draws validation results, for TensorBoard."""
        part = self.parts["validation"]
        part = part.take(np.linspace(0, len(part) - 1, min(len(part), 2000)).astype(np.int64))
        curves = [1] if self.head == "binary" else range(min(len(self.classes), MAX_PR_CURVES))

        def draw(epoch):
            found = TextClassifier(model)(part)
            matrix = summaries.confusion_matrix(part.labels, found.argmax(axis=1), self.classes)
            shown = {"confusion_matrix": matrix} | {
                f"pr_curve/{self.classes[k]}": summaries.pr_curve(part.labels == k, found[:, k])
                for k in curves
            }
            examples = explaining.explain(model, self.reader, part, found, spread=True)
            if examples:
                shown["importances"] = explaining.figure(examples, self.reader)
                shown["importances_text"] = tables.importances(examples)
            return shown

        return draw

    def write_outputs(self, model, folder) -> dict[str, str]:
        """Writes `predictions.csv` and the pictures; returns these and tables, by title."""
        part, classes = self.parts["test"], self.classes
        found = self.answers["test"]
        tables.write(folder.predictions, part.numbers, part.names, found, classes)
        predicted = found.argmax(axis=1)
        figures = {
            "Confusion matrix": summaries.confusion_matrix(part.labels, predicted, classes),
            "Precision and recall": shared.precision_recall(part.labels, found, classes),
            "ROC curves": shared.roc(part.labels, found, classes),
            "Calibration": shared.calibration(part.labels, found),
        }
        shown = {}
        for title, figure in figures.items():
            name = f"{_FILES[title]}.png"
            figure.savefig(folder.plots / name, dpi=110)
            shown[f"{title}, on the test part"] = name
        by_class = per_class(part.labels, predicted, len(classes))
        sections = {"Classes": shared.class_table(by_class, classes)}
        wrong = tables.most_wrong(part, found)
        if wrong:
            sections["The surest of the wrong predictions"] = wrong
        if self.config.calibrate:
            sections["Uncertainty"] = self._uncertainty(found)
        if self.config.dataset == "reber":
            sections["The two tricky strings"] = self._tricky(model)
        examples = explaining.explain(model, self.reader, part, found)
        if examples:
            sections["What it reads"] = f"{explaining.TEXT}\n\n{tables.importances(examples)}"
            figure = explaining.figure(examples, self.reader)
            figure.savefig(folder.plots / "importances.png", dpi=110)
            shown[explaining.CAPTION] = "importances.png"
        return {**sections, **shown}

    def _tricky(self, model):
        """Two long strings that differ in one letter, far from the one that it depends on."""
        found = self.forecaster(model).of_inputs(self.reader.encode_list(TRICKY))[:, 1]
        rows = [
            [text, "valid" if is_embedded_reber(text) else "corrupted", f"{100 * share:.2f} %"]
            for text, share in zip(TRICKY, found, strict=True)
        ]
        return markdown([["string", "class", "probability of valid"], *rows], 2)

    def _uncertainty(self, found):
        """A table of what the temperature does to the probabilities."""
        labels = self.parts["test"].labels
        rows = {
            "as trained": tempered(found, 1 / self.temperature),
            f"temperature {self.temperature:.3g}": found,
        }
        lines = [["test part", "nll", "calibration error"]]
        for name, probabilities in rows.items():
            nll = classification_scores(labels, probabilities)["nll"]
            error = expected_calibration_error(labels, probabilities)
            lines.append([name, number(nll), number(error)])
        return (
            "The last row is what this run reports. The calibration error is the mean gap between "
            "how sure the predictions are and how often they are right. The temperature, chosen on "
            f"validation, divides the logits in `model.keras`.\n\n{markdown(lines)}"
        )
