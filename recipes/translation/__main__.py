"""`python -m recipes.translation` is `zoo train translation`."""

import sys

from recipes.cli import recipe_main

if __name__ == "__main__":
    sys.exit(recipe_main("translation"))
