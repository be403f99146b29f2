"""`zoo tune`: searches a recipe's settings, then trains the best ones as an ordinary run."""
