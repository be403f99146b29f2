"""`python -m recipes.generate_images` is `zoo train generate_images`."""

from recipes.cli import recipe_main

if __name__ == "__main__":
    recipe_main("generate_images")
