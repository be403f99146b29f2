"""The task of classifying pictures: data, baselines, and what a trained model is asked for."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recipes.classification import task as shared
from recipes.classification.pictures import PicturesTask, chunks
from recipes.classification.scores import classification_scores
from recipes.classification.tables import class_columns
from recipes.data.batches import ArrayBatches, spread
from recipes.data.images.depth import BYTES, Depth
from recipes.data.images.pictures import Pictures
from recipes.data.writing import write_csv
from recipes.engine.task import Figure, Section, Trained
from recipes.images import augmentation, baselines, plots
from recipes.images.classifier import Classifier, chunk_size
from recipes.images.config import ImagesConfig

#: A pixel's deviation counts as this at least, out of 255: one that is nearly always the same
#: would otherwise be hundreds of deviations away when it is not.
SMALLEST_DEVIATION = 2.0


@dataclass(frozen=True)
class ImageTask(PicturesTask, shared.ClassificationTask):
    """What `load_data` of the images recipe returns: `Pictures` of each part, and remarks on them.

    `unlabelled` are all training pictures, also those that `train_size` leaves out; the `depth` is
    which value of a pixel was taken as white.
    """

    config: ImagesConfig
    parts: dict[str, Pictures]
    unlabelled: np.ndarray
    remarks: tuple[str, ...] = ()
    depth: Depth = BYTES

    keeps_baselines = True
    suggestions = "more --epochs, another --learning_rate, --model.dropout 0.2"
    arrays = ("Pixels from 0 (black) to 255, colours (RGB) last.", "")

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the data, and what the baselines do with it, in words."""
        shown = augmentation.words(self.config, self.shape)
        return (*self.remarks, *[shown] * bool(shown), *baselines.notes(self.parts["train"]))

    @property
    def metadata(self) -> dict:
        """What `config.yaml` keeps beside the flags."""
        return {
            "labels": list(self.classes),
            "image_shape": list(self.shape),
            "image_depth": self.depth.metadata,
        }

    @cached_property
    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of every pixel over the training part."""
        images = self.parts["train"].images
        mean = sum(chunk.sum(axis=0, dtype=np.float64) for chunk in chunks(images)) / len(images)
        squares = sum(np.square(chunk - mean).sum(axis=0) for chunk in chunks(images))
        return mean, np.maximum(np.sqrt(squares / len(images)), SMALLEST_DEVIATION)

    def batches(self, split, built, seed=None):
        """Batches of a split for the training model: shuffled with a seed, in order without."""
        part = self.parts[split]
        weights = None if self.class_weights is None else self.class_weights[part.labels]
        size = self.config.batch_size if seed is not None else 2 * chunk_size(self.shape)
        return ArrayBatches(part.images, part.labels.astype(np.int32), size, seed, weights)

    def predictor(self, model) -> Classifier:
        """Wraps a trained model so that it gives the probabilities of pictures."""
        return Classifier(model, self.config.mc_samples, self.config.seed)

    def calibrate(self, model, head) -> dict[str, float]:
        """Divides the logits of a trained model by the temperature that suits validation best.

        The linear layer in front of the softmax, `head`, is changed in place; returns the
        `temperature`.
        """
        part = self.parts["validation"]
        chosen = spread(len(part), shared.MAX_DRAWN)
        samples = self.predictor(model).samples(part.images[chosen])
        return shared.calibrate(head, part.labels[chosen], samples)

    def predict(self, predictor, split) -> np.ndarray:
        """What `predictor(images)` says about the pictures of a split that are scored."""
        return predictor(self.parts[split].images[self.scored(split)])

    def score(self, predictions, split) -> dict[str, float]:
        """Scores of the probabilities of a split."""
        labels, balanced = self.parts[split].labels, self.class_weights is not None
        return classification_scores(labels[self.scored(split)], predictions, balanced)

    def baselines(self) -> dict:
        """What a practitioner would try first: `{name: predictor(images)}`."""
        return baselines.fit(self.parts["train"], self.class_weights is not None, self.config.seed)

    def figures(self, model):
        """A function of the epoch that draws validation results, for TensorBoard."""
        part = self.parts["validation"]
        chosen = spread(len(part), shared.MAX_DRAWN)
        labels, images = part.labels[chosen], part.images[chosen]

        def drawn(epoch):
            found = shared.validation_figures(labels, Classifier(model)(images), self.classes)
            filters = plots.first_filters(model)
            return found if filters is None else {**found, "filters": filters}

        return drawn

    def write_outputs(self, trained: Trained, folder) -> list[Figure | Section]:
        """Writes `predictions.csv`; returns what the report shows."""
        part, classes, found = self.parts["test"], self.classes, trained.predictions["test"]
        known = {part.kind: part.sources, "label": part.names}
        write_csv(folder.predictions, *class_columns(found, classes, known, part.head))
        outputs = [*shared.outputs_of_test(part.labels, found, classes), self._uncertainty(trained)]
        wrong, seen = plots.most_wrong(part, found), plots.where_seen(trained.model, part, found)
        pictures = (
            ("The most confident errors, on the test part", "most_wrong", wrong),
            ("Where the predicted class is seen (Grad-CAM)", "seen", seen),
        )
        return [*outputs, *(Figure(*each) for each in pictures if each[-1] is not None)]

    def _uncertainty(self, trained):
        """A table of what averaging and the temperature do to the probabilities."""
        part, samples = self.parts["test"], self.config.mc_samples
        temperature = trained.finished.get("temperature", 1.0)

        def raw(classifier):
            return classifier.tempered(part.images, 1 / temperature, part.head)

        name, rows = "one prediction", {}
        if samples:
            rows[name] = raw(Classifier(trained.model))
            name = f"mean of {samples} with dropout"
        rows[name] = raw(trained.predictor)
        if self.config.calibrate:
            rows[f"{name}, temperature {temperature:.3g}"] = trained.predictions["test"]
        return shared.uncertainty(part.labels, rows, self.config.calibrate)
