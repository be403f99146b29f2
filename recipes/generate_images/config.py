"""Settings of the recipe generate_images."""

from dataclasses import dataclass

from recipes.classification.settings import PicturesConfig
from recipes.engine.config import at_least, common


@dataclass
class GenerateConfig(PicturesConfig):
    """Settings of a run that learns to draw, or to compress, pictures.

    Args:
        data: Your own images instead of a dataset: a folder of them, with or without one folder
            for each class, a table (.csv) of paths and labels, or an .npz file with arrays x and y.
        score_samples: How many pictures are drawn to be scored.
        steps: Steps from noise to a picture, of a diffusion model.
    """

    COMMON = common(data=("image_size",))

    score_samples: int = 1000
    steps: int = 50

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        at_least(self, 1, "steps")
        at_least(self, 50, "score_samples")
