"""Classify texts: see `README.md` beside this file."""

from recipes.text_classification.presets import PRESETS
from recipes.text_classification.recipe import (
    DATASETS,
    TextClassificationConfig,
    build_model,
    default_config,
    load_data,
    search_space,
)

__all__ = [
    "DATASETS",
    "PRESETS",
    "TextClassificationConfig",
    "build_model",
    "default_config",
    "load_data",
    "search_space",
]
