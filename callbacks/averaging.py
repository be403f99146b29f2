"""Averaged weights: validate and keep the moving average, go on training with the weights."""

import keras


class SwapEMAWeights(keras.callbacks.SwapEMAWeights):
    """Lets validation, and every callback after it, see the moving average of the weights.

    For an optimizer with `use_ema=True`. Keras' own swaps them; this one also knows, when a run
    is taken up again by `Checkpoint`, which of the two the model held.

    Put it before `BestWeights`, so that the average is what is kept.

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    >>> optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    >>> model.compile(optimizer=optimizer, loss="mse")
    >>> _ = model.fit(np.ones((8, 1)), np.ones((8, 1)), epochs=2, verbose=0,
    ...               callbacks=[callbacks.SwapEMAWeights()])

    Reference: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992.
    """

    def __init__(self):
        super().__init__(swap_on_epoch=True)

    def get_state(self) -> dict:
        """What `Checkpoint` saves: whether the model holds the average."""
        return {"averaged": self._ema_weights_in_model}

    def set_state(self, state: dict | None) -> None:
        """Takes up what `get_state` gave; `None` for a fresh start."""
        self._ema_weights_in_model = bool(state and state["averaged"])
