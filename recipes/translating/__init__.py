"""What the recipe translation is made of."""
