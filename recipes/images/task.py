"""The task of classifying pictures: data, baselines, and what a trained model is asked for."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from callbacks import summaries
from recipes.classification import plots as shared
from recipes.classification.calibration import expected_calibration_error, fit_temperature
from recipes.classification.scores import classification_scores, per_class
from recipes.classification.splits import balanced_weights
from recipes.data.arrays import ArrayBatches
from recipes.engine.tables import markdown, number
from recipes.images import baselines, plots, tables
from recipes.images.augmentation import AugmentedBatches
from recipes.images.classifier import Classifier

#: Training pictures at most on which scores are computed, evenly spaced.
MAX_TRAIN_SCORED = 5_000
#: Validation pictures at most that a temperature is fitted on; one number needs no more.
MAX_FITTED = 2_000
#: Classes at most that get a curve of their own in TensorBoard.
MAX_PR_CURVES = 10
#: A pixel's deviation counts as this at least, out of 255: one that is nearly always the same
#: would otherwise be hundreds of deviations away when it is not.
SMALLEST_DEVIATION = 2.0

_FILES = {
    "Confusion matrix": "confusion_matrix",
    "Precision and recall": "precision_recall",
    "ROC curves": "roc",
    "Calibration": "calibration",
    "The surest of the wrong predictions": "most_wrong",
}


@dataclass
class ImageTask:
    """What `load_data` of the images recipe returns.

    Args:
        config: The `ImagesConfig`.
        parts: `Pictures` of `"train"`, `"validation"` and `"test"`.
        unlabelled: All training pictures, also those that `train_size` leaves out.
        notes: What was done to the data, in words.
        temperature: By what the logits were divided after training.
    """

    config: object
    parts: dict
    unlabelled: np.ndarray
    notes: tuple[str, ...] = ()
    temperature: float = 1.0

    FOLDS = ()
    criterion = "accuracy"
    remedies = "more --epochs, another --learning_rate, --model.dropout 0.2"

    def __post_init__(self):
        self.notes += baselines.notes(self.parts["train"])

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by number."""
        return self.parts["train"].classes

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one picture."""
        return self.parts["train"].images.shape[1:]

    @property
    def description(self) -> str:
        """The data in one line."""
        counts = ", ".join(f"{len(part):,} {name}" for name, part in self.parts.items())
        height, width, *channels = self.shape
        kind = "colour" if channels else "grey"
        return f"{kind} images of {height} x {width} pixels, {len(self.classes)} classes: {counts}"

    @cached_property
    def sha256(self) -> str:
        """Hash of the pictures and labels that the run was trained on."""
        digest = hashlib.sha256()
        for part in self.parts.values():
            for array in (part.images, part.labels):
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    @property
    def facts(self) -> dict:
        """What `config.yaml` keeps beside the flags."""
        return {"labels": list(self.classes), "image_shape": list(self.shape)}

    @cached_property
    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of every pixel over the training part."""
        images = self.parts["train"].images
        mean = images.mean(axis=0, dtype=np.float64)
        squares = sum(
            np.square(images[i : i + 1024] - mean).sum(axis=0) for i in range(0, len(images), 1024)
        )
        return mean, np.maximum(np.sqrt(squares / len(images)), SMALLEST_DEVIATION)

    @cached_property
    def class_weights(self) -> np.ndarray | None:
        """Weight of each class in the loss; `None` where all pictures count alike."""
        if self.config.class_weight == "none":
            return None
        return balanced_weights(self.parts["train"].labels, len(self.classes))

    def batches(self, split, built, seed=None):
        """Batches of a split for the training model: shuffled with a seed, in order without."""
        part = self.parts[split]
        weights = None if self.class_weights is None else self.class_weights[part.labels]
        size = self.config.batch_size if seed is not None else 1024
        labels = part.labels.astype(np.int32)
        if seed is None or not (self.config.mirror or self.config.shift):
            return ArrayBatches(part.images, labels, size, seed, weights)
        how = {"mirror": self.config.mirror, "shift": self.config.shift}
        return AugmentedBatches(part.images, labels, size, seed, weights, **how)

    def forecaster(self, model) -> Classifier:
        """Wraps a trained model so that it gives the probabilities of pictures."""
        return Classifier(model, self.config.mc_samples, self.config.seed)

    def calibrate(self, model, head) -> None:
        """Divides the logits of a trained model by the temperature that suits validation best.

        Args:
            model: The model, from pictures to probabilities.
            head: Its linear layer in front of the softmax, changed in place.
        """
        part = self.parts["validation"]
        chosen = _spread(len(part), MAX_FITTED)
        samples = self.forecaster(model).samples(part.images[chosen])
        self.temperature = fit_temperature(part.labels[chosen], samples)
        head.set_weights([weight / self.temperature for weight in head.get_weights()])

    def score(self, forecast, split) -> dict[str, float]:
        """Scores of `forecast(images)` on a split."""
        part = self.parts[split]
        limit = MAX_TRAIN_SCORED if split == "train" else len(part)
        chosen = _spread(len(part), limit)
        return classification_scores(part.labels[chosen], forecast(part.images[chosen]))

    def baselines(self) -> dict:
        """What a practitioner would try first: `{name: forecast(images)}`."""
        return baselines.fit(self.parts["train"], self.class_weights is not None, self.config.seed)

    def folds(self) -> dict:
        """None: the parts are large, or the user chooses their share."""
        return {}

    def pictures(self, model):
        """A function of the epoch that draws validation results, for TensorBoard."""
        part = self.parts["validation"]
        chosen = _spread(len(part), MAX_FITTED)
        labels, images = part.labels[chosen], part.images[chosen]
        curves = [1] if len(self.classes) == 2 else range(min(len(self.classes), MAX_PR_CURVES))

        def draw(epoch):
            found = Classifier(model)(images)
            matrix = summaries.confusion_matrix(labels, found.argmax(axis=1), self.classes)
            return {"confusion_matrix": matrix} | {
                f"pr_curve/{self.classes[k]}": summaries.pr_curve(labels == k, found[:, k])
                for k in curves
            }

        return draw

    def write_outputs(self, model, folder) -> dict[str, str]:
        """Writes `predictions.csv` and the pictures; returns these and tables, by title."""
        part, classes = self.parts["test"], self.classes
        found, raw = self.forecaster(model).and_tempered(part.images, 1 / self.temperature)
        tables.write(folder.predictions, part.kind, part.sources, part.names, found, classes)
        labels, predicted = part.labels, found.argmax(axis=1)
        figures = {
            "Confusion matrix": summaries.confusion_matrix(labels, predicted, classes),
            "Precision and recall": shared.precision_recall(labels, found, classes),
            "ROC curves": shared.roc(labels, found, classes),
            "Calibration": shared.calibration(labels, found),
        }
        if (predicted != labels).any():
            figures["The surest of the wrong predictions"] = plots.most_wrong(part, found)
        found_files = {}
        for title, figure in figures.items():
            name = f"{_FILES[title]}.png"
            figure.savefig(folder.plots / name, dpi=110)
            found_files[f"{title}, on the test part"] = name
        by_class = per_class(labels, predicted, len(classes))
        return {
            "Classes": shared.class_table(by_class, classes),
            "Uncertainty": self._uncertainty(model, found, raw),
            **found_files,
        }

    def _uncertainty(self, model, found, raw):
        """A table of what averaging and the temperature do to the probabilities."""
        part, samples = self.parts["test"], self.config.mc_samples
        name, rows = "one prediction", {}
        if samples:
            rows[name] = Classifier(model).and_tempered(part.images, 1 / self.temperature)[1]
            name = f"mean of {samples} with dropout"
        rows[name] = raw
        if self.config.calibrate:
            rows[f"{name}, temperature {self.temperature:.3g}"] = found
        lines = [["test part", "accuracy", "nll", "calibration error"]]
        for name, probabilities in rows.items():
            scores = classification_scores(part.labels, probabilities)
            error = expected_calibration_error(part.labels, probabilities)
            lines.append([name, *map(number, (scores["accuracy"], scores["nll"], error))])
        text = (
            "The last row is what this run reports. The calibration error is the mean gap between "
            "how sure the predictions are and how often they are right."
        )
        if self.config.calibrate:
            text += " The temperature, chosen on validation, divides the logits in `model.keras`."
        return f"{text}\n\n{markdown(lines)}"


def _spread(count, limit):
    """Positions of at most `limit` of so many, evenly spaced."""
    return np.linspace(0, count - 1, min(count, limit)).astype(np.int64)
