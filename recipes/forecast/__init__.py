"""Forecast one or many time series: see `README.md` beside this file."""

from recipes.forecast.config import ForecastConfig
from recipes.forecast.recipe import RECIPE, build_model, default_config, load_data, search_space
