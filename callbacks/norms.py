"""Optimizers that also measure the norms of gradients and updates, inside the compiled step.

They make the same updates, are saved with the same arguments and the same variables, and can be
loaded where this package is imported. What they measure is not saved: it begins anew each epoch.
"""

from types import SimpleNamespace

import keras
import numpy as np
from keras import ops, optimizers

from callbacks.optimizers import TWINS


class _WithNorms(keras.optimizers.Optimizer):
    """Adds up the norms of all gradients and updates, taken over all variables together."""

    measured = SimpleNamespace(variables=[])

    def build(self, variables):
        if not self.built:
            super().build(variables)
            # In a box: Keras takes variables among an optimizer's attributes for its state.
            self.measured = SimpleNamespace(variables=list(variables))
            # Sum and maximum of the gradients' norms, sum of the updates' norms, count.
            self.statistics = self.add_variable(
                (4,), "zeros", dtype="float32", aggregation="only_first_replica", name="norms"
            )

    def apply(self, grads, trainable_variables=None):
        """Updates the variables and measures by how much."""
        variables = trainable_variables
        if variables is None:
            variables = self.measured.variables
        elif not self.built:
            self.build(list(variables))
        before = [ops.copy(variable) for variable in variables]
        super().apply(grads, trainable_variables)
        change = [ops.subtract(v, old) for v, old in zip(variables, before, strict=True)]
        total, largest, updates, count = ops.unstack(ops.convert_to_tensor(self.statistics), 4)
        norm = _norm(grads)
        new = [total + norm, ops.maximum(largest, norm), updates + _norm(change), count + 1]
        self.statistics.assign(ops.stack(new))

    def norms(self):
        """Since a reset: mean and largest norm of gradients (before clipping), mean of updates."""
        found = self.statistics.numpy() if self.built else np.zeros(4)
        total, largest, updates, count = map(float, found)
        if not count:
            return {}
        return {
            "gradient_norm": total / count,
            "gradient_norm_max": largest,
            "update_norm": updates / count,
        }

    def reset_norms(self):
        """Begins to measure anew."""
        if self.built:
            self.statistics.assign(np.zeros(4, "float32"))

    def save_own_variables(self, store):
        for index, variable in enumerate(self._kept()):
            store[str(index)] = variable.numpy()

    def load_own_variables(self, store):
        kept = self._kept()
        if len(store.keys()) != len(kept):
            raise ValueError(
                f"Expected {len(kept)} saved variables of the optimizer {self.name}. "
                f"Received: {len(store.keys())}"
            )
        for index, variable in enumerate(kept):
            variable.assign(store[str(index)])

    def _kept(self):
        return [v for v in self.variables if not self.built or v is not self.statistics]


def _norm(tensors):
    """Norm of several tensors taken together; sparse gradients are made dense."""
    tensors = [ops.convert_to_tensor(t) for t in tensors if t is not None]
    return ops.sqrt(sum(ops.sum(ops.square(ops.cast(t, "float32"))) for t in tensors))


def _measuring(base):
    name = f"{base.__name__}WithNorms"
    made = type(name, (_WithNorms, base), {"__module__": __name__, "__doc__": base.__doc__})
    return keras.saving.register_keras_serializable(package="zoo")(made)


_OTHERS = (
    optimizers.Adadelta, optimizers.Adafactor, optimizers.Adagrad, optimizers.Adamax,
    optimizers.Ftrl, optimizers.Lion, optimizers.RMSprop,
)  # fmt: skip
_MEASURING = {base: _measuring(base) for base in (*TWINS.values(), *TWINS, *_OTHERS)}


def with_norms(optimizer: str | keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """A new optimizer like another that also measures the norms of gradients and updates.

    `TensorBoard` writes them, by epoch. The cost is one more copy of the trainable variables and
    a pass over them in each step.

    Args:
        optimizer: One of Keras' optimizers, of `callbacks.optimizers`, or its name; also a
            `LossScaleOptimizer` around one, whose gradients are measured unscaled.

    Returns:
        An optimizer that has made no step yet, with `norms()` and `reset_norms()`.

    Raises:
        ValueError: If it is of another class.

    >>> optimizer = callbacks.with_norms(keras.optimizers.SGD(0.1))
    >>> weights = [keras.Variable(1.0), keras.Variable(1.0)]
    >>> optimizer.apply([3.0, 4.0], weights)
    >>> {name: round(value, 3) for name, value in optimizer.norms().items()}
    {'gradient_norm': 5.0, 'gradient_norm_max': 5.0, 'update_norm': 0.5}
    """
    optimizer = keras.optimizers.get(optimizer)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        inner = with_norms(optimizer.inner_optimizer)
        config = {**optimizer.get_config(), "inner_optimizer": inner}
        return keras.optimizers.LossScaleOptimizer(**config)
    if isinstance(optimizer, _WithNorms):
        return optimizer
    if type(optimizer) not in _MEASURING:
        names = ", ".join(sorted(base.__name__ for base in _MEASURING))
        raise ValueError(f"Expected one of {names}. Received: {type(optimizer).__name__}")
    return _MEASURING[type(optimizer)].from_config(optimizer.get_config())


def measuring(optimizer: keras.optimizers.Optimizer):
    """The part of an optimizer that measures norms; None where there is none."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return optimizer if isinstance(optimizer, _WithNorms) else None
