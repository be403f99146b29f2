"""What the recipe `tabular` is made of: columns, targets, baselines, scores, pictures."""
