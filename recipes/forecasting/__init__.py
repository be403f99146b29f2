"""What the `forecast` recipe is made of: forecasts, scores, baselines, pictures, tables."""
