"""`python -m recipes.tabular` is `zoo train tabular`."""

from recipes.cli import recipe_main

if __name__ == "__main__":
    recipe_main("tabular")
