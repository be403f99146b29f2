"""Settings of the recipe images, and its datasets."""

from dataclasses import dataclass, field
from typing import Literal

from recipes.classification.settings import PicturesConfig
from recipes.engine.config import at_least, below_one, common
from recipes.errors import UserError

#: From so many pixels a side on a picture is a photo, whose things are near or far, and tilted.
PHOTO = 64


@dataclass
class ImagesConfig(PicturesConfig):
    """Settings of an image classification run.

    Args:
        data: Your own images instead of a dataset: a folder with one folder of images for each
            class (or with such folders in train, validation and test), a table (.csv) of paths and
            labels, or an .npz file with the arrays x and y (or x_train, y_train, x_test, y_test).
        target: The table's column of labels, or columns of 0 and 1: several labels an image.
            Defaults to the column named label, class or the like.
        label_delim: What stands between several labels of an image in that column, such as ";"
            ("space" for a space), which may be empty then; with none they are classes. ";" and "|"
            are found by themselves.
        labels: Use the images of these classes only, or these of several labels an image.
        train_size: Use so many of the training images only, with each class keeping its share.
        normalization: How pixels are scaled inside the model: each by its mean and deviation over
            the training images (for dense networks), each colour by its own (for convolutions), all
            from 0..255 to 0..1, or not at all (pretrained networks scale them themselves).
        augment: How training images are changed: light mirrors and moves them, strong zooms, turns
            and lights them too; auto is strong from 64 pixels a side on.
        mirror: Show half of the training images mirrored left to right (clothes, not digits).
            Defaults to those in colour, where there is augmentation.
        shift: Move training images by up to so many pixels in each direction. Defaults to a
            fourteenth of a side, where there is augmentation.
        erase: Fraction of the training images of which a rectangle is erased.
        tta: Predict from the mean of an image and its mirror image, where training mirrors.
        class_weight: With balanced, every class counts alike in the loss, however rare.
        label_smoothing: Fraction of each label that is spread over all classes.
        mc_samples: Predictions with dropout on to average (give the model some); 0 for one without.
        calibrate: Divide the logits, after training, by the temperature that suits the validation
            part best, so that probabilities mean what they say.
        transfer_from: Folder of a run of this recipe, to copy its lower hidden layers and its
            scaling of pixels. The model needs the same arguments there.
        freeze: How many hidden layers to copy and freeze. Defaults to all.
        frozen_epochs: Epochs with these layers, or those of a pretrained network, frozen, before
            --epochs with all of them trained. Without it they stay frozen to the end.
        frozen_learning_rate: Learning rate of those epochs. Defaults to --learning_rate, which is
            best lowered for what follows.
        pretrain: Train an autoencoder first, on all training images (also those that --train_size
            leaves out), and start from its encoder; or the folder of a run of generate_images, with
            whose encoder or discriminator, under a new head, the network is made; or auto: photos
            take --model pretrained, where its weights were downloaded before.
    """

    COMMON = common(data=("image_size", "augment", "labels", "target", "label_delim"))

    target: list[str] = field(default_factory=list)
    label_delim: str | None = None
    labels: list[str] = field(default_factory=list)
    train_size: int | None = None
    normalization: Literal["standard", "channel", "rescale", "none"] = "standard"
    augment: Literal["none", "light", "strong", "auto"] = "none"
    mirror: bool | None = None
    shift: int = 0
    erase: float = 0.0
    tta: bool = False
    class_weight: Literal["none", "balanced"] = "none"
    label_smoothing: float = 0.0
    mc_samples: int = 0
    calibrate: bool = True
    transfer_from: str | None = None
    freeze: int | None = None
    frozen_epochs: int | None = None
    frozen_learning_rate: float | None = None
    pretrain: str = "none"

    @property
    def source(self) -> str | None:
        """Folder of the run whose layers this one begins with."""
        of_a_run = self.pretrain not in ("none", "auto", "autoencoder")
        return self.transfer_from or (self.pretrain if of_a_run else None)

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        asked, table = self.target or self.label_delim, (self.data or "").lower()
        if (asked and not table.endswith((".csv", ".tsv"))) or (
            self.label_delim and self.target[1:]
        ):
            raise UserError(
                "--target names columns of a table of paths (--data labels.csv), --label_delim is "
                "about one of them."
            )
        at_least(self, 0, "mc_samples", "shift")
        at_least(self, 1, "train_size", "freeze", "frozen_epochs")
        below_one(self, "label_smoothing", "erase", zero=True)
        copied = self.source or self.model == "pretrained"
        for name in ("freeze", "frozen_epochs", "frozen_learning_rate"):
            if getattr(self, name) is not None and not copied:
                raise UserError(
                    f"--{name} is about layers of --transfer_from RUN, --pretrain RUN or --model "
                    "pretrained."
                )
        if self.frozen_learning_rate is not None and not self.frozen_learning_rate > 0:
            raise UserError(
                f"--frozen_learning_rate must be above 0. Received: {self.frozen_learning_rate}"
            )
        if self.transfer_from and self.pretrain not in ("none", "auto"):
            raise UserError("--transfer_from and --pretrain exclude each other: drop one.")
