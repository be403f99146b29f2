"""`python -m recipes.text_classification` is `zoo train text_classification`."""

import sys

from recipes.cli import recipe_main

if __name__ == "__main__":
    sys.exit(recipe_main("text_classification"))
