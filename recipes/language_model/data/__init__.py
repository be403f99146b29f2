"""Readers and batches that only the recipe language_model has."""
