"""Sparse weights: the smallest ones become 0 while the model trains."""

import math

import keras
from keras import ops

from callbacks.checks import check_below_one, check_order, check_steps


class MagnitudePruning(keras.callbacks.Callback):
    """Sets ever more of the smallest weights of each layer to 0, and keeps them there.

    Of each kernel (a trainable weight of two or more axes) the fraction that is 0 grows from step
    `begin` to step `end` along a polynomial, fast at first: `sparsity * (1 - (1 - t) ** power)`.
    The masks are variables of the optimizer and are applied as a constraint, so all of it happens
    in the compiled step, on every backend, and is saved and taken up again with the optimizer (a
    compiled model is loaded with `compile=False`, as a new optimizer has no masks).

    Args:
        sparsity: Fraction of each kernel that is 0 at last, at least 0 and below 1.
        begin: Step at which it begins.
        end: Step from which on the masks stay.
        every: Steps from one choice of masks to the next. Defaults to 100.
        power: Of the polynomial. Defaults to 3.
        skip: Parts of paths of kernels that stay whole, such as `"embedding"`. Defaults to none.

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10)])
    >>> model.compile("adam", loss="mse")
    >>> pruning = callbacks.MagnitudePruning(0.9, begin=0, end=8, every=2)
    >>> _ = model.fit(
    ...     np.ones((64, 4)), np.ones((64, 10)), batch_size=4, verbose=0, callbacks=[pruning]
    ... )
    >>> int((model.layers[0].get_weights()[0] == 0).sum())
    36

    Reference: Book, chapter 11, "Training sparse models"; Zhu and Gupta, *To prune, or not to
    prune*, 2017.
    """

    def __init__(
        self,
        sparsity: float,
        begin: int,
        end: int,
        every: int = 100,
        power: float = 3.0,
        skip: tuple[str, ...] = (),
    ):
        super().__init__()
        check_below_one(sparsity, "sparsity")
        check_order(begin, end, "begin", "end")
        check_steps(every, "every")
        self.sparsity, self.power = float(sparsity), float(power)
        self.begin, self.end, self.every = int(begin), int(end), int(every)
        self.skip = tuple(skip)
        self._pruned: list = []

    def set_model(self, model) -> None:
        """Adds the masks to the optimizer of a compiled model, once."""
        super().set_model(model)
        if self._pruned:
            return
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        model.optimizer.build(model.trainable_variables)
        for kernel in model.trainable_variables:
            if len(kernel.shape) < 2 or any(part in kernel.path for part in self.skip):
                continue
            mask = optimizer.add_variable_from_reference(kernel, "mask", initializer="ones")
            self._pruned.append((kernel, mask))
            kernel.constraint = self._constraint(optimizer, mask, kernel.constraint)
        model.make_train_function(force=True)  # one of an earlier `fit` lacks the masks

    def on_train_end(self, logs=None) -> None:
        """Sets the weights to 0 whose last step was another callback's, such as an average's."""
        for kernel, mask in self._pruned:
            kernel.assign(kernel * mask)

    def _constraint(self, optimizer, mask, inner):
        def chosen(weights, step):
            span = max(self.end - self.begin, 1)
            part = ops.clip((ops.cast(step, "float32") - self.begin) / span, 0.0, 1.0)
            part = ops.where(step >= self.end, 1.0, part)
            wanted = self.sparsity * (1.0 - (1.0 - part) ** self.power)  # the fraction that is 0
            size = math.prod(weights.shape)
            ordered = ops.sort(ops.reshape(ops.abs(weights), (-1,)))
            count = ops.cast(ops.round(wanted * size), "int32")
            least = ops.take(ordered, ops.clip(count - 1, 0, size - 1))
            return ops.cast(ops.logical_or(ops.abs(weights) > least, count < 1), mask.dtype)

        def constraint(weights):
            weights = weights if inner is None else inner(weights)
            step = optimizer.iterations
            now = (step >= self.begin) & (step <= self.end)
            now = now & (((step - self.begin) % self.every == 0) | (step == self.end))
            weights = ops.convert_to_tensor(weights)
            old = ops.convert_to_tensor(mask)
            new = ops.cond(now, lambda: chosen(weights * old, step), lambda: old)
            mask.assign(new)
            return weights * new

        return constraint
