"""`python -m recipes.forecast` is `zoo train forecast`."""

import sys

from recipes.cli import recipe_main

if __name__ == "__main__":
    sys.exit(recipe_main("forecast"))
