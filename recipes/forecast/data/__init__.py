"""Readers and batches that only the recipe forecast has."""
