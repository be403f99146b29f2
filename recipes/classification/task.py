"""What the tasks that sort examples into classes share."""

from functools import cached_property

import numpy as np

import zoo
from callbacks import summaries
from recipes.classification import plots
from recipes.classification.calibration import PRIOR, expected_calibration_error, fit_temperature
from recipes.classification.scores import against_rest, classification_scores
from recipes.classification.splits import balanced_weights
from recipes.data.batches import spread
from recipes.engine.tables import markdown, number
from recipes.engine.task import Figure, OneTestPart, Section
from recipes.errors import UserError

#: Training examples at most on which scores are computed, evenly spaced.
MAX_TRAIN_SCORED = 5_000
#: Validation examples at most that are drawn for TensorBoard.
MAX_DRAWN = 2_000
#: Classes at most that get a curve of their own in TensorBoard.
MAX_PR_CURVES = 10
#: What the report says above a cross-validation.
CROSS_VALIDATION = (
    "Cross-validation",
    "Each row is a model of its own, tested on a part of the examples that it did not see; the "
    "test part stays out of all of them.",
)


class ClassificationTask(OneTestPart):
    """A task whose `parts` hold labelled examples: the parts of a task that do not ask what kind.

    A subclass has the attributes `config` and `parts`; a part has `labels` and `classes`.
    """

    @property
    def primary_metric(self) -> str:
        """The score by which the report compares."""
        if np.ndim(self.parts["train"].labels) == 2:
            return "average_precision"
        return "accuracy" if self.config.class_weight == "none" else "balanced_accuracy"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by number."""
        return self.parts["train"].classes

    @cached_property
    def class_weights(self) -> np.ndarray | None:
        """Weight of each class in the loss; `None` where all examples count alike."""
        if self.config.class_weight == "none":
            return None
        return balanced_weights(self.parts["train"].labels, len(self.classes))

    def scored(self, split) -> np.ndarray:
        """Positions of the examples of a split that are scored: all, of training fewer."""
        count = len(self.parts[split].labels)
        return spread(count, MAX_TRAIN_SCORED if split == "train" else count)


def objective(head: str, label_smoothing: float, by_loss: bool) -> dict:
    """Loss and metrics of a classifier, and the score that its epoch is chosen by."""
    monitor, mode = ("val_loss", "min") if by_loss else ("val_accuracy", "max")
    return {**zoo.objective(head, label_smoothing), "monitor": monitor, "mode": mode}


def head_of(core):
    """The linear layer of a zoo model that gives the logits; a `UserError` if there is none."""
    try:
        return core.get_layer("head")
    except ValueError as error:
        raise UserError(
            f"{core.name} has no linear last layer named head to calibrate. Use --calibrate false."
        ) from error


def calibrate(head, labels, samples, deviation=PRIOR) -> dict[str, float]:
    """Divides a model's logits by the `temperature` that suits its predictions best; returns it.

    The linear layer that gives the logits, `head`, is changed in place; `labels` and `samples` of
    the validation examples, and `deviation`, are as for `fit_temperature`.
    """
    temperature = fit_temperature(labels, samples, deviation)
    head.set_weights([weight / temperature for weight in head.get_weights()])
    return {"temperature": temperature}


def validation_figures(labels, probabilities, classes) -> dict:
    """What TensorBoard shows of a classifier: the confusion matrix, and curves of some classes."""
    found = {}
    if np.ndim(labels) == 1:
        predicted = probabilities.argmax(axis=1)
        found["confusion_matrix"] = summaries.confusion_matrix(labels, predicted, classes)
    judged = against_rest(labels, probabilities)
    drawn = list(judged)[:MAX_PR_CURVES]
    return found | {f"pr_curve/{classes[k]}": summaries.pr_curve(*judged[k]) for k in drawn}


def outputs_of_test(labels, probabilities, classes) -> list[Figure | Section]:
    """What the report shows of a classifier on the test part."""
    figures, predicted = [], probabilities >= 0.5
    if np.ndim(labels) == 1:
        predicted = probabilities.argmax(axis=1)
        matrix = summaries.confusion_matrix(labels, predicted, classes)
        figures = [Figure("Confusion matrix, on the test part", "confusion_matrix", matrix)]
    curves = plots.precision_recall(labels, probabilities, classes)
    roc = plots.roc(labels, probabilities, classes)
    calibration = plots.calibration(labels, probabilities)
    return [
        Section("Classes", plots.class_table(labels, predicted, classes)),
        *figures,
        Figure("Precision and recall, on the test part", "precision_recall", curves),
        Figure("ROC curves, on the test part", "roc", roc),
        Figure("Calibration, on the test part", "calibration", calibration),
    ]


def uncertainty(labels, rows, calibrated) -> Section:
    """A table of what averaging and the temperature do to the probabilities.

    `rows` are probabilities by what was done to them; the last are those of the run, `calibrated`
    if that is a temperature.
    """
    lines = [["test part", "accuracy", "nll", "calibration error"]]
    for name, probabilities in rows.items():
        scores = classification_scores(labels, probabilities)
        error = expected_calibration_error(labels, probabilities)
        lines.append([name, *map(number, (scores["accuracy"], scores["nll"], error))])
    text = (
        "The last row is what this run reports. The calibration error is the mean gap between "
        "how sure the predictions are and how often they are right."
    )
    if calibrated:
        text += " The temperature, chosen on validation, divides the logits in `model.keras`."
    return Section("Uncertainty", f"{text}\n\n{markdown(lines)}")
