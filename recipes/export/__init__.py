"""Takes a trained run out of Keras: one file or folder that its runtime alone reads."""
