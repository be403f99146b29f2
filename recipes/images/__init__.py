"""Classify images: see `README.md` beside this file."""

from recipes.images.config import ImagesConfig
from recipes.images.recipe import RECIPE, build_model, default_config, load_data, search_space
