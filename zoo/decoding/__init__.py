"""Generation, one step at a time, at a constant cost a step.

Whatever can be stepped, be it a model (`Stepper`), a layer or a decoder, has two methods:

- `initial_state(batch_size, ...)`: the state before the first step, a flat list of tensors, batch
  first
- `step(inputs, state, position, ...)`: what the whole sequence would give at this step, and the
  next state; `position` is the number of steps before

A decoder's also take the `memory` of the source, the last of their arguments.
"""

from zoo.decoding.beam import Beams, beam_search
from zoo.decoding.generating import generate, stream
from zoo.decoding.greedy import decode
from zoo.decoding.recursive import forecast_recursively
from zoo.decoding.stepper import Stepper
from zoo.samplers import Greedy, MinP, Temperature, TopK, TopP

__all__ = [name for name in dir() if callable(globals()[name])]
