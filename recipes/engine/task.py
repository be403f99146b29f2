"""What a run asks of a recipe's data, and what the two hand each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure as Drawing

    from recipes.data.batches import Batches
    from recipes.engine.folder import RunFolder


class Task(Protocol):
    """What `load_data` of a recipe returns.

    Each question can be asked at any time, in any order, and changes nothing. Predictions are
    computed once, by `predict`, and passed on to what needs them.
    """

    #: Title and text of the report's table of folds; empty where there are none.
    FOLDS: tuple[str, ...]

    @property
    def config(self) -> Any:
        """The settings, with what the flags left open decided."""

    @property
    def description(self) -> str:
        """The data in one line."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the data, in words."""

    @property
    def sha256(self) -> str:
        """Hash of the data that the run is trained on."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What `config.yaml` keeps beside the flags, for `zoo predict`."""

    @property
    def primary_metric(self) -> str:
        """The score by which the report compares."""

    @property
    def suggestions(self) -> str:
        """What is worth a try where a baseline is better, in words."""

    def batches(self, split: str, built: Built, seed: int | None = None) -> Batches:
        """Batches of a split for the training model: shuffled with a seed, in order without."""

    def predictor(self, model: keras.Model) -> Any:
        """Wraps a trained model for `predict`."""

    def baselines(self) -> Mapping[str, Any]:
        """What a practitioner would try first: predictors, by name."""

    def predict(self, predictor: Any, split: str) -> Any:
        """What a predictor says about the examples of a split that are scored."""

    def score(self, predictions: Any, split: str) -> dict[str, float]:
        """Scores of what `predict` returned for a split."""

    def folds(self) -> Mapping[str, Task]:
        """Tasks of a backtest or cross-validation, by name; empty for none."""

    def figures(self, model: keras.Model) -> Callable[[int], Mapping[str, Any]]:
        """A function of the epoch that draws validation results, for TensorBoard."""

    def write_outputs(self, trained: Trained, folder: RunFolder) -> list[Figure | Section]:
        """Writes predictions into the folder; returns what the report shows."""


class OneTestPart:
    """A `Task` without folds: it has examples enough for one test part."""

    FOLDS: ClassVar[tuple[str, ...]] = ()

    def folds(self) -> Mapping[str, Task]:
        """None."""
        return {}


@dataclass(frozen=True)
class Built:
    """What `build_model` of a recipe returns.

    Args:
        model: The model that is saved: raw inputs, outputs in the data's units.
        training_model: The model that is trained, on the same weights: scaled outputs. `None` where
            nothing is trained.
        loss: Keras loss of the training model.
        metrics: Keras metrics to watch.
        monitor: Name of the validation score that picks the best epoch.
        mode: `"min"` where less of it is better, else `"max"`.
        notes: What the user should know about the model, in words.
        finish: Called when the best weights are back, before the model is saved; what it returns
            is `Trained.finished`, and its metrics that the recipe declares join all scores. `None`
            for nothing.
        loss_weights: Weights of the losses of a training model with several outputs.
        undecayed: Parts of names of variables that weight decay leaves alone.
        callbacks: Keras callbacks that the training model needs, new ones for each.
        baselines: Predictors of what is trained beside the model, by name.
        partners: Baselines that predict together with the model, and their weights in the mean.
        sections: What else the report shows.
        seconds: What it took to fit parts of it that are not trained by steps.
        scaled: Whether loss and monitored score are those of scaled targets, not of the data's.
    """

    model: keras.Model
    training_model: keras.Model
    loss: Any
    metrics: Any
    monitor: str
    mode: str = "min"
    notes: tuple[str, ...] = ()
    finish: Callable[[], dict[str, float]] | None = None
    loss_weights: dict[str, float] | None = None
    undecayed: tuple[str, ...] = ()
    callbacks: tuple[Any, ...] = ()
    baselines: Mapping[str, Any] = field(default_factory=dict)
    partners: Mapping[str, float] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    seconds: float = 0.0
    scaled: bool = False


@dataclass(frozen=True)
class Candidate:
    """A model that `--model auto` tries with its settings.

    It is built by `build_model` of the recipe, or by another function of settings and task whose
    `Built` may lack a `training_model`: then there is nothing to train.
    """

    name: str
    config: Any
    build: Callable[[Any, Any], Built]


@dataclass(frozen=True)
class Trained:
    """A trained model and what it predicts for each split, and the baselines that were fitted.

    `finished` is what `Built.finish` returned, `compared` what the baselines predict, `{name:
    {split: predictions}}`, but for training; `partners` are as of `Built`.
    """

    model: keras.Model
    predictor: Any
    predictions: Mapping[str, Any]
    baselines: Mapping[str, Any] = field(default_factory=dict)
    finished: Mapping[str, float] = field(default_factory=dict)
    compared: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    partners: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A picture of the report, with its caption; `name` is that of its file in `plots/`."""

    title: str
    name: str
    drawing: Drawing

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"{self.name}.png"


@dataclass(frozen=True)
class Section:
    """A section of the report, in Markdown; of it, the terminal shows the `line`."""

    title: str
    text: str
    line: str = ""
