"""What builds the documentation: pages written by hand, and pages made from what the code says."""
