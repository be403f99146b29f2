"""Classify texts: see `README.md` beside this file."""

from recipes.text_classification.config import TextClassificationConfig
from recipes.text_classification.recipe import (
    RECIPE,
    build_model,
    default_config,
    load_data,
    search_space,
)
