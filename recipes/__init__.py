"""Runnable recipes: on what a model is trained, how, and what came out.

One folder a task, all with the same files. `recipe.py` has the settings and the same four functions
in the same order: `default_config`, `load_data`, `build_model`, `search_space`. The shared run
(`recipes.engine.run`) does the rest.
"""

#: The packages of the recipes, by name; each holds a `RECIPE`, see `recipes.engine.recipe`.
RECIPES = {
    "forecast": "recipes.forecast",
    "images": "recipes.images",
    "tabular": "recipes.tabular",
    "language_model": "recipes.language_model",
    "text_classification": "recipes.text_classification",
    "translation": "recipes.translation",
    "generate_images": "recipes.generate_images",
}
