"""Learn to write text, or music: see `README.md` beside this file."""

from recipes.language_model.presets import PRESETS
from recipes.language_model.recipe import (
    DATASETS,
    LanguageModelConfig,
    build_model,
    default_config,
    load_data,
    search_space,
)

__all__ = [
    "DATASETS",
    "PRESETS",
    "LanguageModelConfig",
    "build_model",
    "default_config",
    "load_data",
    "search_space",
]
