"""Readers and batches that only the recipe translation has."""
