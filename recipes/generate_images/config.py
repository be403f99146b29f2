"""Settings of the recipe generate_images, and its datasets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from recipes.engine.config import TrainConfig, at_least, below_one, common
from recipes.errors import UserError


@dataclass
class GenerateConfig(TrainConfig):
    """Settings of a run that learns to draw, or to compress, pictures.

    Args:
        data: Your own images instead of a dataset: a folder of them, with or without one folder
            for each class, a table (.csv) of paths and labels, or an .npz file with the arrays x
            and y.
        validation_fraction: Fraction of the images to choose the epoch by. Defaults to 0.15, for
            published sets to the book's first 5,000 training images.
        test_fraction: Fraction of the images to be scored once at the end. Defaults to 0.15, or to
            the published test part.
        image_size: Height and width in pixels that the images of a folder are resized to. Defaults
            to what most have, 128 at most.
        fit: What happens to images of another form: crop cuts off what is too long, pad lays them
            on black, squeeze changes their form.
        skip_broken: Leave out images that cannot be read, and say which.
        score_samples: How many pictures are drawn to be scored.
        steps: Steps from noise to a picture, of a diffusion model.
    """

    DATASETS: ClassVar[Mapping[str, str]] = {
        "digits": "1,797 handwritten digits of 8 x 8 pixels, inside scikit-learn",
        "fashion_mnist": "70,000 grey pictures of clothes, 28 x 28 pixels (book, chapter 17)",
        "mnist": "70,000 handwritten digits, 28 x 28 pixels",
        "cifar10": "60,000 coloured pictures of ten things, 32 x 32 pixels (book, chapter 17)",
    }
    COMMON = common(data=("image_size",))
    OWN_DATA: ClassVar[str] = "images of your own, use --data FOLDER"

    data: str | None = None
    validation_fraction: float | None = None
    test_fraction: float | None = None
    image_size: list[int] = field(default_factory=list)
    fit: Literal["crop", "pad", "squeeze"] = "crop"
    skip_broken: bool = False
    score_samples: int = 1000
    steps: int = 50

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        at_least(self, 1, "steps")
        at_least(self, 50, "score_samples")
        below_one(self, "validation_fraction", "test_fraction")
        if self.image_size and (len(self.image_size) != 2 or min(self.image_size) < 1):
            raise UserError(
                "--image_size must be a height and a width, such as 32,32. Received: "
                f"{','.join(map(str, self.image_size))}"
            )
