"""Classify images: see `README.md` beside this file."""

from recipes.images.presets import PRESETS
from recipes.images.recipe import (
    DATASETS,
    ImagesConfig,
    build_model,
    default_config,
    load_data,
    search_space,
)

__all__ = [
    "DATASETS",
    "PRESETS",
    "ImagesConfig",
    "build_model",
    "default_config",
    "load_data",
    "search_space",
]
