"""Checks of arguments: each raises a `ValueError` that names the argument and what it should be."""

import math
import numbers
from collections.abc import Iterable, Sequence

import numpy as np

#: What classifiers and regressors can put out.
HEADS = ("regression", "binary", "multilabel", "multiclass")
CLASSIFIERS = HEADS[1:]


def check_counts(**values) -> None:
    """Whole numbers of at least 1."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1. Received: {value!r}")


def check_whole(least: int, **values) -> None:
    """Whole numbers, NumPy's too, of at least `least`."""
    for name, value in values.items():
        if not is_whole(value) or value < least:
            raise ValueError(
                f"Expected a whole number of at least {least}. Received: {name}={value!r}"
            )


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, Python's or NumPy's."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_sizes(**sizes: int | Sequence[int]) -> tuple[int, ...]:
    """Whole numbers of at least 1, one or several, returned as a tuple."""
    ((name, value),) = sizes.items()
    found = tuple(value) if isinstance(value, tuple | list) else (value,)
    for size in found:
        check_counts(**{name: size})
    return found


def check_numbers(**values) -> None:
    """Finite numbers that are not negative."""
    for name, value in values.items():
        if not is_finite(value) or value < 0:
            raise ValueError(f"{name} must be a number of at least 0. Received: {name}={value!r}")


def check_above_zero(**values) -> None:
    """Finite numbers above 0."""
    for name, value in values.items():
        if not is_finite(value) or value <= 0:
            raise ValueError(f"{name} must be a number above 0. Received: {name}={value!r}")


def check_fractions(**values) -> None:
    """Numbers in [0, 1), such as the fraction that dropout drops."""
    for name, value in values.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} must lie in [0, 1). Received: {name}={value!r}")


def check_probabilities(**values) -> None:
    """Numbers in [0, 1]."""
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"Expected a probability in [0, 1]. Received: {name}={value!r}")


def check_choice(choices: Iterable, **value) -> None:
    """One of several values."""
    ((name, chosen),) = value.items()
    choices = list(choices)
    if chosen not in choices:
        expected = ", ".join(map(str, choices))
        raise ValueError(f"Expected one of {expected}. Received: {name}={chosen!r}")


def check_head(head: str, outputs: int) -> None:
    """A head with a number of outputs that it can have."""
    check_choice(HEADS, head=head)
    check_counts(outputs=outputs)
    if head == "binary" and outputs != 1:
        raise ValueError(
            "A binary head has 1 output, the second class's logit. Use multilabel for several yes "
            f"or no labels, multiclass for one class out of several. Received: outputs={outputs}"
        )
    if head == "multiclass" and outputs < 2:
        raise ValueError(f"A multiclass head has 2 outputs or more. Received: outputs={outputs}")


def check_dense_input(input_shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of one input of any rank, returned as a tuple."""
    shape = tuple(input_shape) if isinstance(input_shape, tuple | list) else ()
    if not shape or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in shape):
        raise ValueError(
            "input_shape must be a tuple of whole numbers, without the batch, such as (8,) or "
            f"(28, 28). Received: {input_shape!r}"
        )
    return shape


def check_series_input(input_shape: Sequence[int | None], needs_time: bool = False):
    """The shape of a series, returned as `(time, features)`."""
    expected = "(time, features)" if needs_time else "(time or None, features)"
    try:
        time, features = input_shape
    except (TypeError, ValueError):
        raise ValueError(
            f"input_shape must be {expected}, without the batch. Received: {input_shape}"
        ) from None
    bad_time = needs_time if time is None else time < 1
    if bad_time or features is None or features < 1:
        raise ValueError(f"input_shape must be {expected}, each >= 1. Received: {input_shape}")
    return time, features


def is_finite(value) -> bool:
    """Whether a value is a number, and a finite one."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
