"""What a file of a model cannot be loaded for."""


class ModelFileError(ValueError):
    """A saved model is damaged, needs code that is not here, or names what is not trusted.

    Example:
        >>> raise ModelFileError("m.keras is no model: it is damaged.")
        Traceback (most recent call last):
        zoo.errors.ModelFileError: m.keras is no model: it is damaged.
    """
