"""Runnable recipes: on what a model is trained, how, and what came out.

One folder a task, all with the same files. `recipe.py` has the settings and the same four functions
in the same order: `default_config`, `load_data`, `build_model`, `search_space`. The shared run
(`recipes.engine.run`) does the rest.
"""

#: The packages of the recipes, by name; each holds a `RECIPE`, see `recipes.engine.recipe`.
RECIPES = {name: f"recipes.{name}" for name in (
    "forecast", "images", "tabular", "language_model", "text_classification", "translation",
    "generate_images",
)}  # fmt: skip
