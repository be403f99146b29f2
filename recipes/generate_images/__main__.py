"""`python -m recipes.generate_images` is `zoo train generate_images`."""

import sys

from recipes.cli import recipe_main

if __name__ == "__main__":
    sys.exit(recipe_main("generate_images"))
