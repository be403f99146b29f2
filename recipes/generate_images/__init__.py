"""Generate images: see `README.md` beside this file."""

from recipes.generate_images.config import GenerateConfig
from recipes.generate_images.recipe import (
    RECIPE,
    build_model,
    default_config,
    load_data,
    search_space,
)
