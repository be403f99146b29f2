"""Where the data comes from: downloads, files of the user's own, generators and splits."""
