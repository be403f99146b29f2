"""What every run shares: flags, data to model, training, the run's folder and report."""
