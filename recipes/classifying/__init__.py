"""The parts of the recipe text_classification."""
