"""The 1cycle policy: one description of the learning rate and the momentum of a training."""

from dataclasses import dataclass

import keras

from callbacks.checks import check_below_one, check_order, check_rate, check_steps
from callbacks.optimizers import with_schedules
from callbacks.phases import Phase, Phases

#: Starting rate and final rate, as fractions of the largest, by form.
ENDS = {"linear": (1 / 10, 1 / 10_000), "cosine": (1 / 25, 1 / 100_000)}


@dataclass(eq=False)
class OneCycle(Phases):
    """Raises the learning rate and lowers it again, while the momentum does the opposite.

    One line for both, in the compiled step:

        model.compile(optimizer=OneCycle(max_learning_rate=0.1, total_steps=1000).optimizer("sgd"),
                      loss=...)

    It is also the schedule of the rate alone, for any Keras optimizer, which is how the book uses
    it: `keras.optimizers.SGD(learning_rate=OneCycle(0.1, 1000))`.

    Two forms. `"linear"` is the book's: linearly up, linearly down, and in the last tenth further
    down to a thousandth of the start; the momentum rests at its largest there. `"cosine"` is
    fastai's: up in the first quarter and down in the rest, along cosines.

    Args:
        max_learning_rate: Rate at the top, above 0: try a third of where an LR finder's loss rises.
        total_steps: Number of training steps: epochs times batches of an epoch. Later the rate and
            the momentum stay at their ends. (Of data without end, Keras trains a multiple of
            `steps_per_execution` an epoch, more than `steps_per_epoch` where that does not divide.)
        form: `"linear"` or `"cosine"`.
        start_learning_rate: Rate at step 0. Defaults to a 10th (linear) or a 25th (cosine) of the
            largest.
        final_learning_rate: Rate at the end. Defaults to a 1,000th of the start (linear) or a
            100,000th of the largest (cosine).
        min_momentum: Momentum at the top of the rate. Defaults to 0.85.
        max_momentum: Momentum at the start and at the end. Defaults to 0.95.

    >>> cycle = callbacks.OneCycle(max_learning_rate=0.1, total_steps=100)
    >>> [round(float(cycle(step)), 5) for step in (0, 22, 44, 66, 88, 100)]
    [0.01, 0.055, 0.1, 0.055, 0.01, 1e-05]
    >>> [round(float(cycle.momentum(step)), 3) for step in (0, 44, 88, 100)]
    [0.95, 0.85, 0.95, 0.95]

    Reference: Smith, *A disciplined approach to neural network hyper-parameters*, 2018; Smith and
    Topin, *Super-Convergence*, 2017; Géron, chapter 11, "1Cycle scheduling"; fastai's
    `fit_one_cycle`.
    """

    max_learning_rate: float
    total_steps: int
    form: str = "linear"
    start_learning_rate: float | None = None
    final_learning_rate: float | None = None
    min_momentum: float = 0.85
    max_momentum: float = 0.95
    name: str | None = None

    def __post_init__(self):
        form, low, high = self.form, self.min_momentum, self.max_momentum
        check_rate(self.max_learning_rate, "max_learning_rate")
        check_steps(self.total_steps, "total_steps")
        if form not in ENDS:
            raise ValueError(f"Expected form to be one of {sorted(ENDS)}. Received: form={form!r}")
        check_order(low, high, "min_momentum", "max_momentum")
        check_below_one(high, "max_momentum")
        start, final = self._outer_rates()
        super().__init__(self._join(start, self.max_learning_rate, final), self.name)
        self.momentum = Phases(self._join(high, low, high))

    def _outer_rates(self):
        """Rate at the start and at the end."""
        start, final = self.start_learning_rate, self.final_learning_rate
        start_share, final_share = ENDS[self.form]
        if start is None:
            start = self.max_learning_rate * start_share
        check_rate(start, "start_learning_rate")
        check_order(start, self.max_learning_rate, "start_learning_rate", "max_learning_rate")
        if final is None:
            by_start = start / 1000 if self.form == "linear" else start
            final = min(by_start, self.max_learning_rate * final_share)
        check_rate(final, "final_learning_rate")
        check_order(final, self.max_learning_rate, "final_learning_rate", "max_learning_rate")
        return start, final

    def _join(self, start, middle, end):
        """The phases of the form, between three values."""
        total = int(self.total_steps)
        if self.form == "linear":
            half = (total - total // 10 - 1) // 2
            return [
                Phase("linear", half, start, middle),
                Phase("linear", half, middle, start),
                Phase("linear", total - 2 * half, start, end),
            ]
        rise = total // 4
        return [Phase("cosine", rise, start, middle), Phase("cosine", total - rise, middle, end)]

    def optimizer(
        self, optimizer: str | keras.optimizers.Optimizer = "sgd", **arguments
    ) -> keras.optimizers.Optimizer:
        """A new optimizer whose learning rate and momentum this cycle drives.

        Args:
            optimizer: `"sgd"`, `"adam"`, `"adamw"`, `"nadam"`, or such a Keras optimizer, whose
                other settings are kept. For the Adam family the momentum is `beta_1`.
            **arguments: Further arguments of the optimizer, with a name: `nesterov=True`, ...

        Raises:
            ValueError: If the optimizer has no momentum to cycle, or an argument is one that the
                cycle drives.

        >>> callbacks.OneCycle(0.1, total_steps=100).optimizer("sgd", nesterov=True).nesterov
        True
        """
        if driven := sorted({"learning_rate", "momentum", "beta_1"} & set(arguments)):
            raise ValueError(f"The cycle itself drives {', '.join(driven)}: leave it out.")
        if isinstance(optimizer, str):
            optimizer = keras.optimizers.get({"class_name": optimizer, "config": arguments})
        elif arguments:
            raise ValueError(
                f"Expected the name of an optimizer with arguments. Received: {optimizer}"
            )
        return with_schedules(optimizer, learning_rate=self, momentum=self.momentum)
