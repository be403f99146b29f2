"""Translate one text into another: see `README.md` beside this file."""

from recipes.translation.presets import PRESETS
from recipes.translation.recipe import (
    DATASETS,
    TranslationConfig,
    build_model,
    default_config,
    load_data,
    search_space,
)

__all__ = [
    "DATASETS",
    "PRESETS",
    "TranslationConfig",
    "build_model",
    "default_config",
    "load_data",
    "search_space",
]
