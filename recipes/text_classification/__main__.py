"""`python -m recipes.text_classification` is `zoo train text_classification`."""

from recipes.cli import recipe_main

if __name__ == "__main__":
    recipe_main("text_classification")
