"""Readers and batches that only the recipe images has."""
