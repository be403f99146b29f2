"""Readers and batches that only the recipe tabular has."""
