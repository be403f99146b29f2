"""What happens while a model trains: schedules, TensorBoard, guards. Knows no model.

An argument that is not what its docstring asks for raises a `ValueError`, which names it.

>>> import callbacks
>>> schedule = callbacks.Phases([("linear", 10, 0.0, 0.01), ("cosine", 90, 0.01, 0.0)])
>>> round(float(schedule(10)), 6)
0.01
"""

from callbacks.averaging import SwapEMAWeights
from callbacks.checkpoint import BestWeights, Checkpoint
from callbacks.lr_finder import find_learning_rate
from callbacks.nan_guard import TerminateOnNaN
from callbacks.norms import with_norms
from callbacks.one_cycle import OneCycle
from callbacks.optimizers import (
    ScheduledAdam,
    ScheduledAdamW,
    ScheduledNadam,
    ScheduledSGD,
    momenta,
)
from callbacks.phases import Phase, Phases
from callbacks.profiler import Profiler
from callbacks.projector import write_projector
from callbacks.pruning import MagnitudePruning
from callbacks.reset_state import ResetState
from callbacks.summaries import write_scores
from callbacks.tensorboard import TensorBoard

__all__ = [name for name in dir() if callable(globals()[name])]
