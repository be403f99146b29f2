"""Forecast one or many time series: see `README.md` beside this file."""

from recipes.forecast.presets import PRESETS
from recipes.forecast.recipe import (
    DATASETS,
    ForecastConfig,
    build_model,
    default_config,
    load_data,
    search_space,
)

__all__ = [
    "DATASETS",
    "PRESETS",
    "ForecastConfig",
    "build_model",
    "default_config",
    "load_data",
    "search_space",
]
