"""`python -m recipes.tabular` is `zoo train tabular`."""

import sys

from recipes.cli import recipe_main

if __name__ == "__main__":
    sys.exit(recipe_main("tabular"))
