"""`python -m recipes.images` is `zoo train images`."""

import sys

from recipes.cli import recipe_main

if __name__ == "__main__":
    sys.exit(recipe_main("images"))
