"""Generation, one step at a time, at a constant cost a step."""

from zoo.decoding.generating import generate, stream
from zoo.decoding.rolling import roll_out
from zoo.decoding.samplers import Greedy, MinP, Temperature, TopK, TopP
from zoo.decoding.stepper import Stepper

__all__ = [
    "Greedy",
    "MinP",
    "Stepper",
    "Temperature",
    "TopK",
    "TopP",
    "generate",
    "roll_out",
    "stream",
]
