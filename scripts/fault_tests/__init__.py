"""What the project claims about faults, tried: damaged files of runs."""
