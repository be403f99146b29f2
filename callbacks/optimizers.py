"""Optimizers whose momentum may be a schedule, evaluated inside the compiled training step.

Keras' own read their momentum once, when the step is compiled; to set it afterwards does nothing.
Those here take a number or a `LearningRateSchedule` and are Keras' own in every other respect:
weight decay, clipping, averaging, gradient accumulation, loss scaling. With a constant momentum
they make the same updates.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from keras import ops

from callbacks.schedules import Rate, evaluate


class _ScheduledMomentum(keras.optimizers.Optimizer):
    """Evaluates the momentum once a step, at the position of the learning rate."""

    #: Name of the constructor argument.
    momentum_argument = "momentum"

    # What holds during a step: tensors of its graph, so it is dropped afterwards.
    _now: Any = None

    def _set_momentum(self, momentum):
        if not callable(momentum) and not 0 <= momentum < 1:
            raise ValueError(
                f"{self.momentum_argument} must be at least 0 and below 1, or a schedule. "
                f"Received: {self.momentum_argument}={momentum}"
            )
        self.momentum_schedule = momentum

    def _momentum_at(self, ahead=0):
        """The momentum of this update, or of the one so many updates ahead."""
        if not callable(self.momentum_schedule):
            return self.momentum_schedule
        step = self.iterations + ahead
        if self.gradient_accumulation_steps:
            # Keras counts updates here and batches for the learning rate: take its position.
            step = (step + 1) * self.gradient_accumulation_steps - 1
        return self.momentum_schedule(step)

    def _next_momentum(self):
        """The momentum of the next update; of Nadam, before its own warm-up of it."""
        return self._momentum_at() if self._now is None else self._now.given

    def _values_of_step(self):
        return SimpleNamespace(given=self._momentum_at())

    def apply(self, grads, trainable_variables=None):
        """Updates the variables, with the momentum of this step."""
        if not len(grads):
            return
        self._now = self._values_of_step()
        try:
            super().apply(grads, trainable_variables)
            self._finish_step()
        finally:
            self._now = None

    def _finish_step(self):
        """What is left to do when the variables are updated."""

    def get_config(self):
        """Arguments to rebuild the optimizer."""
        momentum = self.momentum_schedule
        if callable(momentum):
            momentum = keras.saving.serialize_keras_object(momentum)
        return {**super().get_config(), self.momentum_argument: momentum}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The optimizer of a config, with its schedules."""
        config = dict(config)
        momentum = config.get(cls.momentum_argument)
        if isinstance(momentum, dict):
            config[cls.momentum_argument] = keras.saving.deserialize_keras_object(
                momentum, custom_objects=custom_objects
            )
        return super().from_config(config, custom_objects=custom_objects)


class _WithProduct(_ScheduledMomentum):
    """Keeps the product of all past momenta, which a bias correction needs."""

    momentum_argument = "beta_1"

    def _add_product(self):
        self.momentum_product = self.add_variable(
            (), initializer="ones", dtype="float32", aggregation="only_first_replica",
            name="momentum_product",
        )  # fmt: skip

    def _finish_step(self):
        factor = self._now.momentum
        if self.gradient_accumulation_steps:  # most batches update nothing
            factor = ops.where(self.iterations > self._now.iterations, factor, 1.0)
        self.momentum_product.assign(self.momentum_product * factor)


@keras.saving.register_keras_serializable(package="zoo")
class ScheduledSGD(_ScheduledMomentum):
    """Gradient descent whose momentum may be a schedule.

    Args:
        learning_rate: A number or a schedule.
        momentum: In [0, 1), or a schedule of such.
        nesterov: Whether to look ahead. Defaults to False.
        **kwargs: Arguments of every Keras optimizer: `weight_decay`, `clipnorm`, `use_ema`, ...

    >>> falling = callbacks.Phases([callbacks.Phase("linear", 10, 0.95, 0.85)])
    >>> optimizer = callbacks.ScheduledSGD(learning_rate=0.1, momentum=falling)
    >>> weight = keras.Variable(1.0)
    >>> optimizer.apply([1.0], [weight])
    >>> round(float(weight), 3), round(float(optimizer.momentum), 3)
    (0.9, 0.94)

    Reference: Smith, *A disciplined approach to neural network hyper-parameters*, 2018.
    """

    def __init__(
        self, learning_rate: Rate = 0.01, momentum: Rate = 0.9, nesterov: bool = False, **kwargs
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self._set_momentum(momentum)
        self.nesterov = nesterov

    momentum = property(_ScheduledMomentum._next_momentum)

    def build(self, variables):
        """Adds a velocity for each variable."""
        if not self.built:
            super().build(variables)
            self.velocities = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable."""
        # The look-up that Keras' own example of an optimizer uses.
        velocity = self.velocities[self._get_variable_index(variable)]
        momentum = ops.cast(self.momentum, variable.dtype)
        step = ops.cast(gradient, variable.dtype) * ops.cast(learning_rate, variable.dtype)
        self.assign(velocity, velocity * momentum - step)
        self.assign_add(variable, velocity * momentum - step if self.nesterov else velocity)

    def get_config(self):
        """Arguments to rebuild the optimizer."""
        return {**super().get_config(), "nesterov": self.nesterov}


class _ScheduledBeta(_WithProduct):
    """Gives Keras' Adam a scheduled `beta_1` and corrects its bias correction."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._add_product()

    beta_1 = property(_ScheduledMomentum._next_momentum, _ScheduledMomentum._set_momentum)

    def _values_of_step(self):
        given, iterations = self._momentum_at(), self.iterations
        product = self.momentum_product * given
        return SimpleNamespace(given=given, momentum=given, product=product, iterations=iterations)

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable."""
        # Keras divides by 1 - beta_1**step, which holds for a constant; swap it for the product.
        step = ops.cast(self.iterations + 1, variable.dtype)
        power = ops.power(ops.cast(self.beta_1, variable.dtype), step)
        correction = ops.divide(1 - power, 1 - self._now.product)
        super().update_step(gradient, variable, ops.multiply(learning_rate, correction))


@keras.saving.register_keras_serializable(package="zoo")
class ScheduledAdam(_ScheduledBeta, keras.optimizers.Adam):
    """Adam whose `beta_1` may be a schedule.

    The bias correction uses the product of all past values of `beta_1`.

    Args:
        *args, **kwargs: As of `keras.optimizers.Adam`; `beta_1` may be a schedule.

    >>> from callbacks import Phase, Phases, ScheduledAdam
    >>> optimizer = ScheduledAdam(0.01, beta_1=Phases([Phase("linear", 10, 0.95, 0.85)]))
    >>> round(float(optimizer.beta_1), 3)
    0.95

    Reference: Kingma and Ba, *Adam*, 2015; Smith, 2018.
    """


@keras.saving.register_keras_serializable(package="zoo")
class ScheduledAdamW(_ScheduledBeta, keras.optimizers.AdamW):
    """AdamW whose `beta_1` may be a schedule.

    Args:
        *args, **kwargs: As of `keras.optimizers.AdamW`; `beta_1` may be a schedule.

    >>> from callbacks import OneCycle
    >>> OneCycle(0.01, total_steps=100).optimizer("adamw", weight_decay=0.1).weight_decay
    0.1

    Reference: Loshchilov and Hutter, *Decoupled Weight Decay Regularization*, 2019; Smith, 2018.
    """


@keras.saving.register_keras_serializable(package="zoo")
class ScheduledNadam(_WithProduct):
    """Nadam whose `beta_1` may be a schedule.

    Nadam looks one step ahead, so it takes the next value of the schedule too.

    Args:
        learning_rate: A number or a schedule.
        beta_1: Momentum in [0, 1), or a schedule of such.
        beta_2: Decay of the mean squared gradient.
        epsilon: Added to its root.
        **kwargs: Arguments of every Keras optimizer: `weight_decay`, `clipnorm`, `use_ema`, ...

    >>> optimizer = callbacks.OneCycle(0.01, total_steps=100).optimizer("nadam")
    >>> round(float(optimizer.beta_1), 3)
    0.95

    Reference: Dozat, *Incorporating Nesterov Momentum into Adam*, 2016.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: Rate = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self._set_momentum(beta_1)
        self.beta_2, self.epsilon = beta_2, epsilon
        self._add_product()

    beta_1 = property(_ScheduledMomentum._next_momentum)

    def build(self, variables):
        """Adds the two moments of the gradient of each variable."""
        if not self.built:
            super().build(variables)
            self.momentums = self.add_optimizer_variables(variables, "momentum")
            self.velocities = self.add_optimizer_variables(variables, "velocity")

    def _values_of_step(self):
        step = ops.cast(self.iterations + 1, "float32")
        given = self._momentum_at()
        momentum = given * (1 - 0.5 * ops.power(0.96, step))
        following = self._momentum_at(ahead=1) * (1 - 0.5 * ops.power(0.96, step + 1))
        product = self.momentum_product * momentum
        return SimpleNamespace(
            given=given,
            iterations=self.iterations,
            momentum=momentum,
            old_weight=following / (1 - product * following),
            new_weight=(1 - momentum) / (1 - product),
            second_correction=1 - ops.power(self.beta_2, step),
        )

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable."""

        def like(value):
            return ops.cast(value, variable.dtype)

        index = self._get_variable_index(variable)  # as Keras' own example of an optimizer
        mean, square, gradient = self.momentums[index], self.velocities[index], like(gradient)
        self.assign_add(mean, (gradient - mean) * (1 - like(self._now.given)))
        self.assign_add(square, (ops.square(gradient) - square) * (1 - self.beta_2))
        direction = mean * like(self._now.old_weight) + gradient * like(self._now.new_weight)
        scale = ops.sqrt(square / like(self._now.second_correction)) + self.epsilon
        self.assign_sub(variable, direction * like(learning_rate) / scale)

    def get_config(self):
        """Arguments to rebuild the optimizer."""
        return {**super().get_config(), "beta_2": self.beta_2, "epsilon": self.epsilon}


#: Which of Keras' optimizers has which twin here.
TWINS: dict[type, Any] = {
    keras.optimizers.SGD: ScheduledSGD,
    keras.optimizers.Adam: ScheduledAdam,
    keras.optimizers.AdamW: ScheduledAdamW,
    keras.optimizers.Nadam: ScheduledNadam,
}


def with_schedules(
    optimizer: str | keras.optimizers.Optimizer, learning_rate: Rate, momentum: Rate
) -> keras.optimizers.Optimizer:
    """A new optimizer like another, with the rate and the momentum of two schedules.

    A `ValueError` if the optimizer has no momentum that could be scheduled.

    Args:
        optimizer: A Keras optimizer with momentum, or its name: SGD, Adam, AdamW, Nadam, those of
            this module, or a `LossScaleOptimizer` around one. It stays as it is.
        learning_rate: A number or a schedule.
        momentum: A number or a schedule; `beta_1` for the Adam family.

    Returns:
        An optimizer that has made no step yet.

    >>> rising = callbacks.Phases([callbacks.Phase("linear", 10, 0.85, 0.95)])
    >>> with_schedules(keras.optimizers.AdamW(weight_decay=0.1), 0.01, rising).weight_decay
    0.1
    """
    optimizer = keras.optimizers.get(optimizer)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        config = optimizer.get_config()
        inner = with_schedules(optimizer.inner_optimizer, learning_rate, momentum)
        return keras.optimizers.LossScaleOptimizer(**{**config, "inner_optimizer": inner})
    twin = TWINS.get(type(optimizer), type(optimizer))
    if twin not in TWINS.values():
        raise ValueError(
            "Expected an optimizer whose momentum can be scheduled: SGD, Adam, AdamW or Nadam. "
            f"Received: {type(optimizer).__name__}. To schedule only its rate, give it the "
            "schedule as its learning_rate."
        )
    config = {**optimizer.get_config(), "learning_rate": learning_rate}
    config[twin.momentum_argument] = momentum
    return twin.from_config(config)


def momenta(
    optimizer: keras.optimizers.Optimizer, steps: Sequence[int] | np.ndarray
) -> np.ndarray | None:
    """Momentum, or `beta_1`, of an optimizer at each of some steps `(n,)`; None without either.

    >>> optimizer = callbacks.OneCycle(0.1, total_steps=100).optimizer("sgd")
    >>> callbacks.momenta(optimizer, [0, 44, 100]).round(2)
    array([0.95, 0.85, 0.95], dtype=float32)
    >>> callbacks.momenta(keras.optimizers.Adam(), [0, 44])
    array([0.9, 0.9])
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if isinstance(optimizer, _ScheduledMomentum):
        return evaluate(optimizer.momentum_schedule, np.asarray(steps))
    config = optimizer.get_config()
    momentum = config.get("momentum", config.get("beta_1"))
    return None if momentum is None else evaluate(momentum, steps)
