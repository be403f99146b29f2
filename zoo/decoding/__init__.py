"""Generation, one step at a time, at a constant cost a step."""

from zoo.decoding.rolling import roll_out
from zoo.decoding.stepper import Stepper

__all__ = ["Stepper", "roll_out"]
