"""Readers and batches that only the recipe text_classification has."""
