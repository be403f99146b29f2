"""`python -m recipes.images` is `zoo train images`."""

from recipes.cli import recipe_main

if __name__ == "__main__":
    recipe_main("images")
