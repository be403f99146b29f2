"""Learn to write text, or music: see `README.md` beside this file."""

from recipes.language_model.config import LanguageModelConfig
from recipes.language_model.recipe import (
    RECIPE,
    build_model,
    default_config,
    load_data,
    search_space,
)
