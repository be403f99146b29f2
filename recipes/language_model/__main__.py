"""`python -m recipes.language_model` is `zoo train language_model`."""

import sys

from recipes.cli import recipe_main

if __name__ == "__main__":
    sys.exit(recipe_main("language_model"))
