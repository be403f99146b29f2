"""What the recipes that learn from labelled examples share: scores, pictures, splits."""
