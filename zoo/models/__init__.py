"""The model factories, one file a family. Call them from the package: `zoo.wavenet(...)`."""
