"""Parts of the recipe `language_model`."""
