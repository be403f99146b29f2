"""`python -m recipes.language_model` is `zoo train language_model`."""

from recipes.cli import recipe_main

if __name__ == "__main__":
    recipe_main("language_model")
