"""Performance scheduling: lowers the learning rate when a score has stopped improving."""

import keras


class ReduceLROnPlateau(keras.callbacks.ReduceLROnPlateau):
    """Lowers the learning rate when a score has stopped improving.

    Keras' own with the book's defaults, and says before the training, not in the middle of it,
    that a schedule drives the rate already.

    Args:
        monitor: Name of the score.
        factor: The rate is multiplied by it; in (0, 1).
        patience: Epochs without improvement before that.
        **kwargs: Other arguments of `keras.callbacks.ReduceLROnPlateau`.

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    >>> plateau = callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=1e9)
    >>> _ = model.fit(np.ones((8, 1)), np.ones((8, 1)), epochs=3, callbacks=[plateau],
    ...               verbose=0)
    >>> round(float(model.optimizer.learning_rate), 3)  # halved twice
    0.025

    Reference: Géron, chapter 11, "Performance Scheduling".
    """

    def __init__(self, monitor: str = "val_loss", factor: float = 0.5, patience: int = 5, **kwargs):
        super().__init__(monitor=monitor, factor=factor, patience=patience, **kwargs)

    def on_train_begin(self, logs=None):
        """Makes sure that nothing else drives the rate."""
        check_rate_is_free(self.model.optimizer)
        super().on_train_begin(logs)


def check_rate_is_free(optimizer: keras.optimizers.Optimizer | None) -> None:
    """Makes sure that the learning rate of an optimizer can be set.

    Raises:
        ValueError: If there is none, or a schedule drives its rate.

    >>> callbacks.check_rate_is_free(keras.optimizers.SGD(0.1))
    >>> callbacks.check_rate_is_free(callbacks.OneCycle(0.1, total_steps=100).optimizer("sgd"))
    Traceback (most recent call last):
    ...
    ValueError: Expected a learning rate that can be set. Received: one that OneCycle drives...
    """
    if optimizer is None:
        raise ValueError("Expected a compiled model. Received: a model without an optimizer.")
    for part in getattr(optimizer, "optimizers", [optimizer]):
        if isinstance(part, keras.optimizers.LossScaleOptimizer):
            part = part.inner_optimizer
        rate = part.get_config()["learning_rate"]
        if not isinstance(rate, float):
            name = rate.get("class_name", rate) if isinstance(rate, dict) else rate
            raise ValueError(
                f"Expected a learning rate that can be set. Received: one that {name} drives. "
                "Use either a schedule, or a number with a callback that changes it."
            )
