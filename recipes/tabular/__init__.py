"""Predict a column of a table: see `README.md` beside this file."""

from recipes.tabular.presets import PRESETS
from recipes.tabular.recipe import (
    DATASETS,
    TabularConfig,
    build_model,
    default_config,
    load_data,
    search_space,
)

__all__ = [
    "DATASETS",
    "PRESETS",
    "TabularConfig",
    "build_model",
    "default_config",
    "load_data",
    "search_space",
]
