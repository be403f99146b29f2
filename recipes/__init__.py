"""Runnable recipes: on what a model is trained, how, and what came out.

One module a task, each with the same four functions in the same order: `default_config`,
`load_data`, `build_model`, `search_space`. The shared run (`recipes.engine.run`) does the rest.
"""

#: The recipes by name; each is the module `recipes.<name>`.
RECIPES = {
    "forecast": "forecast one or many time series (chapter 15)",
    "images": "classify images (chapters 10 and 11)",
    "tabular": "predict a column of a table (chapter 10)",
    "language_model": "learn to write text (chapter 16)",
    "text_classification": "classify texts (chapter 16)",
    "translation": "translate one text into another (chapter 16)",
}
