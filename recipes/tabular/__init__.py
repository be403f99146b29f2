"""Predict a column of a table: see `README.md` beside this file."""

from recipes.tabular.config import TabularConfig
from recipes.tabular.recipe import RECIPE, build_model, default_config, load_data, search_space
