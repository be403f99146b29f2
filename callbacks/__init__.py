"""What happens while a model trains: schedules, TensorBoard, guards. Knows no model.

>>> import callbacks
>>> schedule = callbacks.WarmupCosine(peak_learning_rate=0.01, total_steps=100, warmup_steps=10)
>>> round(float(schedule(10)), 6)
0.01
"""

from callbacks.nan_guard import NaNGuard
from callbacks.schedules import WarmupCosine
from callbacks.tensorboard import TensorBoard

__all__ = ["NaNGuard", "TensorBoard", "WarmupCosine"]
