"""The parts of the images recipe."""
