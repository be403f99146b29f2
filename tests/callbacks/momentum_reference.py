"""A NumPy reference of the optimizers with scheduled momentum, and a check against it.

Run as a program it checks the backend of the environment, in a process of its own.
"""

import numpy as np

TOTAL = 12


def reference(name, gradients, rates, momenta, nesterov=False, decay=0.0, accumulate=1):
    """Weights after each update, starting at `START`."""
    weight, velocity, square, product = START.copy(), 0.0, 0.0, 1.0
    history = []
    momenta = np.append(momenta, momenta[-1:])  # Nadam looks ahead: callers give one more
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        beta = momenta[step - 1]
        weight = weight - weight * decay * rate
        if name == "sgd":
            velocity = beta * velocity - rate * gradient
            weight = weight + (beta * velocity - rate * gradient if nesterov else velocity)
        else:
            velocity = beta * velocity + (1 - beta) * gradient
            square = 0.999 * square + 0.001 * gradient**2
            correction = np.sqrt(1 - BETA_2**step)
            epsilon = 1e-7 if name == "nadam" else 1e-7 / correction  # Keras' Adam adds it earlier
            root = np.sqrt(square) / correction + epsilon
            if name == "nadam":
                now = beta * (1 - 0.5 * 0.96**step)
                following = momenta[step] * (1 - 0.5 * 0.96 ** (step + 1))
                product *= now
                mean = following * velocity / (1 - product * following)
                mean = mean + (1 - now) * gradient / (1 - product)
            else:
                product *= beta
                mean = velocity / (1 - product)
            weight = weight - rate * mean / root
        history.append(weight)
    return np.array(history)


BETA_2 = float(np.float32(0.999))  # its distance from 1 is what counts
START = np.array([1.0, -2.0, 0.5])
GRADIENTS = np.random.default_rng(7).normal(size=(2 * TOTAL, 3))
CASES = {
    "sgd": ("sgd", {}),
    "nesterov": ("sgd", {"nesterov": True}),
    "sgd-decay": ("sgd", {"weight_decay": 0.1}),
    "adam": ("adam", {}),
    "adamw": ("adamw", {"weight_decay": 0.1}),
    "nadam": ("nadam", {}),
}


def fitted_weights(name, arguments, form="linear", steps=TOTAL, **settings):
    """Trains a model whose gradient is the data; returns the cycle, and its weights by step."""

    from callbacks import OneCycle

    cycle = OneCycle(0.1, TOTAL, form=form)
    model = linear_model(cycle.optimizer(name, **arguments), **settings)
    history = []
    for x in GRADIENTS[:steps].astype("float32"):
        model.train_on_batch(x[None], np.zeros((1, 1)))
        history.append(weights(model))
    return cycle, np.array(history)


def linear_model(optimizer, **settings):
    """A model for which the gradient of every step is the input itself.

    Where no way to compile it is given, its few steps are not: to trace them takes longer.
    """
    import keras

    dense = keras.layers.Dense(1, use_bias=False)
    model = keras.Sequential([keras.Input((3,)), dense])
    dense.kernel.assign(START[:, None])
    settings = {"run_eagerly": "jit_compile" not in settings, **settings}
    model.compile(optimizer=optimizer, loss=output_itself, **settings)
    if not settings["run_eagerly"]:  # variables that the first step makes have it traced twice
        model.optimizer.build(model.trainable_variables)
    return model


def output_itself(y_true, y_pred):
    """The prediction as the loss: its gradient by the weights is the input."""
    return y_pred


def weights(model):
    return np.array(model.get_weights()[0])[:, 0]


def expected_weights(name, arguments, cycle, steps=TOTAL):
    """What `fitted_weights` ought to return."""
    from callbacks.schedules import evaluate

    numbers = np.arange(steps + 1)
    rates = evaluate(cycle, numbers).astype("float64")
    momenta = evaluate(cycle.momentum, numbers).astype("float64")
    return reference(
        name,
        GRADIENTS[:steps].astype("float32").astype("float64"),
        rates[:-1],
        momenta,
        nesterov=arguments.get("nesterov", False),
        decay=arguments.get("weight_decay", 0.0),
    )


def check(case, forms=("linear", "cosine"), **settings):
    """The whole training, step by step, with each form."""
    name, arguments = CASES[case]
    for form in forms:
        cycle, found = fitted_weights(name, arguments, form, **settings)
        expected = expected_weights(name, arguments, cycle)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6, err_msg=f"{case} {form}")


def check_fit(case, **settings):
    """The end of a training that goes on past the end of the cycle."""
    from callbacks import OneCycle

    name, arguments = CASES[case]
    cycle = OneCycle(0.1, TOTAL)
    model = linear_model(cycle.optimizer(name, **arguments), **settings)
    x = GRADIENTS.astype("float32")
    model.fit(x, np.zeros((len(x), 1)), batch_size=1, shuffle=False, verbose=0)
    expected = expected_weights(name, arguments, cycle, steps=len(x))
    np.testing.assert_allclose(weights(model), expected[-1], rtol=0, atol=1e-6, err_msg=case)


if __name__ == "__main__":
    import keras

    for every in CASES:
        check(every, ("cosine",), jit_compile=False)  # the fit is linear
        check_fit(every, jit_compile=True, steps_per_execution=8)
    print(f"{keras.backend.backend()}: {len(CASES)} optimizers equal their reference")
