"""The two ways in which a recipe ends early, and what their messages are made of."""


class UserError(Exception):
    """The user's input is wrong: the program prints this one message and exits with status 2.

    The message says what was expected, what came, and what to do next. No traceback follows it.

    Example:
    >>> raise UserError("Expected --epochs to be at least 1. Received: 0.")
    Traceback (most recent call last):
    recipes.errors.UserError: Expected --epochs to be at least 1. Received: 0.
    """


class RunError(Exception):
    """The input was fine and the run failed all the same: the program exits with status 1.

    Example:
    >>> raise RunError("The loss is not a number after step 12. Lower --learning_rate.")
    Traceback (most recent call last):
    recipes.errors.RunError: The loss is not a number after step 12. Lower --learning_rate.
    """


def some(values, most: int = 5) -> str:
    """The first of some values, as a message quotes them.

    >>> some("abc", most=2)
    "'a', 'b', ..."
    """
    values = list(values)
    return ", ".join(map(repr, values[:most])) + (", ..." if len(values) > most else "")
