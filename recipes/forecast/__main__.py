"""`python -m recipes.forecast` is `zoo train forecast`."""

from recipes.cli import recipe_main

if __name__ == "__main__":
    recipe_main("forecast")
