"""Checks of arguments that several modules make."""

import math
import numbers


def check_rate(value, name):
    """Raises a `ValueError` unless `value` is a finite number above 0."""
    if not is_finite(value) or value <= 0:
        raise ValueError(f"{name} must be a number above 0. Received: {name}={value!r}")


def check_order(low, high, low_name, high_name):
    """Raises a `ValueError` unless `0 <= low <= high`."""
    if not is_finite(low) or not 0 <= low <= high:
        raise ValueError(
            f"{low_name} must be at least 0 and not above {high_name}. "
            f"Received: {low_name}={low!r}, {high_name}={high!r}"
        )


def check_below_one(value, name):
    """Raises a `ValueError` unless `0 <= value < 1`."""
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be at least 0 and below 1. Received: {name}={value}")


def check_mode(mode):
    """Raises a `ValueError` unless `mode` says which scores are better."""
    if mode not in ("min", "max"):
        raise ValueError(f"Expected mode 'min' or 'max'. Received: mode={mode!r}")


def check_steps(value, name):
    """Raises a `ValueError` unless `value` is a whole number above 0."""
    if not is_finite(value) or value != math.floor(value) or value < 1:
        raise ValueError(
            f"{name} must be a whole number above 0. Received: {name}={value!r}. "
            "The steps of a training are the epochs times the batches of an epoch; for a data set "
            "that does not know its length, count its batches."
        )


def is_finite(value) -> bool:
    """Whether `value` is a number, and a finite one."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
