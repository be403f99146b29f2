"""Settings of the recipe generate_images."""

from dataclasses import dataclass
from typing import Literal

from recipes.classification.settings import PicturesConfig
from recipes.engine.config import at_least, common
from recipes.errors import UserError
from recipes.generate_images.pixels import PLAYERS


@dataclass
class GenerateConfig(PicturesConfig):
    """Settings of a run that learns to draw, or to compress, pictures.

    Args:
        data: Your own images instead of a dataset: a folder of them, with or without one folder
            for each class, a table (.csv) of paths and labels, or an .npz file with arrays x and y.
        score_samples: How many pictures are drawn to be scored.
        steps: Steps from noise to a picture, of a diffusion model.
        gradient_penalty: Wasserstein losses for gan and dcgan, with so much gradient penalty (10).
        pretrain: With greedy, an autoencoder's layers are trained one by one before all together.
    """

    COMMON = common(data=("image_size",))

    score_samples: int = 1000
    steps: int = 50
    gradient_penalty: float | None = None
    pretrain: Literal["none", "greedy"] = "none"

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        at_least(self, 1, "steps")
        at_least(self, 50, "score_samples")
        at_least(self, 0, "gradient_penalty")
        for flag, given, models in (
            ("gradient_penalty", self.gradient_penalty is not None, PLAYERS),
            ("pretrain greedy", self.pretrain != "none", ("autoencoder",)),
        ):
            if given and self.model not in models:
                raise UserError(
                    f"--{flag} is for --model {' and '.join(models)}. Received: {self.model}"
                )
