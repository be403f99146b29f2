"""Settings of recipes that learn from pictures, or from rows with a label each. Needs no Keras."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from recipes.classification.splits import SPLIT_SEED
from recipes.data.dialect import Dialect
from recipes.engine.config import TrainConfig, at_least, below_one, check_levels
from recipes.errors import UserError

#: Scores of classifiers, in the order of tables, and which of them are better.
METRICS = {
    "balanced_accuracy": "max", "accuracy": "max", "nll": "min", "calibration_error": "min",
    "f1_micro": "max", "roc_auc": "max", "average_precision": "max",
}  # fmt: skip


@dataclass
class RowsConfig(Dialect, TrainConfig):
    """Settings of a run on a table of examples.

    Args:
        split_seed: Seed of the choice of the parts, which --seed leaves as they are.
        class_weight: With balanced, every class counts alike in the loss, however rare.
        conformal: Sets of classes, or intervals of a number, that hold in so many percent of cases
            (80,95). They are calibrated on the validation part.
        folds: Also cross-validate with so many models, on all but the test part; 0 for none.
        in_memory: Hold so many rows in memory, drawn at random, and decide everything by them;
            training reads the others from the disk. Defaults to all, or to 200,000 of a file that
            is larger than memory, of a folder of files, or of a pattern such as part-*.csv.
    """

    split_seed: int = SPLIT_SEED
    class_weight: Literal["none", "balanced"] = "none"
    conformal: list[int] = field(default_factory=list)
    folds: int = 0
    in_memory: int | None = None

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        self.check()
        check_levels(self)
        at_least(self, 100, "in_memory")
        at_least(self, 0, "folds", "split_seed")
        if self.folds == 1:
            raise UserError("--folds must be at least 2, or 0 for none. Received: 1")


@dataclass
class PicturesConfig(TrainConfig):
    """Settings of a run on pictures.

    Args:
        validation_fraction: Fraction of the images to choose the epoch by. Defaults to 0.15, of
            each class alike; for published sets to the book's first 5,000 training images.
        test_fraction: Fraction of the images to be scored once at the end. Defaults to 0.15, or to
            the published test part.
        image_size: Height and width in pixels that the images of a folder are resized to. Defaults
            to what most have, 128 at most.
        fit: What happens to images of another form: crop cuts off what is too long, pad lays them
            on black, squeeze changes their form.
        skip_broken: Leave out images that cannot be read, and say which.
        pretrain_epochs: Epochs of --pretrain autoencoder, or of each layer with --pretrain greedy.
    """

    DATASETS: ClassVar[Mapping[str, str]] = {
        "digits": "1,797 handwritten digits of 8 x 8 pixels, inside scikit-learn",
        "fashion_mnist": "70,000 grey pictures of clothes, 28 x 28 pixels (book, chapters 10, 17)",
        "mnist": "70,000 handwritten digits, 28 x 28 pixels (book, chapter 10)",
        "cifar10": "60,000 coloured pictures of ten things, 32 x 32 pixels (book, chapter 11)",
    }
    OWN_DATA: ClassVar[str] = "images of your own, use --data FOLDER"

    validation_fraction: float | None = None
    test_fraction: float | None = None
    image_size: list[int] = field(default_factory=list)
    fit: Literal["crop", "pad", "squeeze"] = "crop"
    skip_broken: bool = False
    pretrain_epochs: int = 10

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        below_one(self, "validation_fraction", "test_fraction")
        at_least(self, 1, "pretrain_epochs")
        if self.image_size and (len(self.image_size) != 2 or min(self.image_size) < 1):
            raise UserError(
                "--image_size must be a height and a width, such as 32,32. Received: "
                f"{','.join(map(str, self.image_size))}"
            )
        if self.image_size and not self.data:
            raise UserError("--image_size resizes the images of a folder: give one with --data.")
