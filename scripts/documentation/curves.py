"""The curves of the schedules, computed by the schedules themselves."""

import numpy as np
from keras.optimizers.schedules import ExponentialDecay, InverseTimeDecay

import callbacks
from callbacks.schedules import evaluate
from recipes.engine.optimizer import SCHEDULES
from scripts.documentation import charts

STEPS = 1000


def _drawn():
    """What can be drawn: for each name a title, and lines by their names."""
    cycle = callbacks.OneCycle(0.1, STEPS)
    fastai = callbacks.OneCycle(0.1, STEPS, form="cosine")
    return {
        "one_cycle": ("OneCycle, rate", {"linear (book)": cycle, "cosine (fastai)": fastai}),
        "one_cycle_momentum": (
            "OneCycle, momentum",
            {"linear": cycle.momentum, "cosine": fastai.momentum},
        ),
        "cosine": (
            "Cosines",
            {
                schedule.replace("_", " "): SCHEDULES[schedule](0.1, STEPS, 100)
                for schedule in ("cosine", "flat_cosine", "restarts")
            },
        ),
        "decay": (
            "Decays",
            {
                "InverseTimeDecay": InverseTimeDecay(0.1, 100, 1.0),
                "ExponentialDecay": ExponentialDecay(0.1, 500, 0.1),
            },
        ),
        "pieces": (
            "Pieces",
            {
                "constant": callbacks.Phases(
                    [("constant", 300, 0.1, 0.1), ("constant", 400, 0.05, 0.05),
                     ("constant", 1, 0.01, 0.01)]
                ),
                "linear, constant, cosine": callbacks.Phases(
                    [("linear", 300, 0.0, 0.08), ("constant", 300, 0.08, 0.08),
                     ("cosine", 400, 0.08, 0.0)]
                ),
            },
        ),
    }  # fmt: skip


def curve(name: str) -> str:
    """The chart of a name, as Markdown.

    >>> curve("pieces").count("polyline")
    2
    """
    title, schedules = _drawn()[name]
    steps = np.arange(0, STEPS + 1, 5)
    values = {label: evaluate(schedule, steps) for label, schedule in schedules.items()}
    unit = "momentum" if "momentum" in title else "learning rate"
    drawn = charts.lines(values, steps, ("step", unit), title)
    return f"```{{raw}} html\n<figure>{drawn}</figure>\n```"
