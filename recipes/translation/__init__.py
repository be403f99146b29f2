"""Translate one text into another: see `README.md` beside this file."""

from recipes.translation.config import TranslationConfig
from recipes.translation.recipe import RECIPE, build_model, default_config, load_data, search_space
