"""`python -m recipes.translation` is `zoo train translation`."""

from recipes.cli import recipe_main

if __name__ == "__main__":
    recipe_main("translation")
