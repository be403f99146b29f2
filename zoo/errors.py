"""What a file of a model cannot be loaded for."""


class ModelFileError(ValueError):
    """A saved model is damaged, needs code that is not here, or names what is not trusted."""
