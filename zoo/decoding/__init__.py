"""Generation, one step at a time, at a constant cost a step."""

from zoo.decoding.beam import Beams, beam_search
from zoo.decoding.decode import decode
from zoo.decoding.generating import generate, stream
from zoo.decoding.rolling import roll_out
from zoo.decoding.samplers import Greedy, MinP, Temperature, TopK, TopP
from zoo.decoding.stepper import Stepper

__all__ = [
    "Beams",
    "Greedy",
    "MinP",
    "Stepper",
    "Temperature",
    "TopK",
    "TopP",
    "beam_search",
    "decode",
    "generate",
    "roll_out",
    "stream",
]
