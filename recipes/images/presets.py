"""The book's models of chapters 10, 11 and 14 as named sets of flags, with its sizes and epochs.

`ml2-ch10-57` is cell 57 of the second edition's notebook; `ml3` is the third edition. Where they
differ from the book: a run keeps the weights of its best epoch; validation is the first 5,000
training images (the third edition takes the last); `1cycle` moves the momentum too; where the book
normalises or drops pixels in a layer of the network, they are standardised or kept; `power` and
`exponential` follow the length of the run.
"""

from recipes.engine.config import BOOK

_BOOK = {
    **BOOK, "dataset": "fashion_mnist", "model": "mlp", "epochs": 10, "optimizer": "sgd",
    "momentum": 0.0, "normalization": "rescale", "calibrate": False,
}  # fmt: skip
_GLOROT = {"activation": "relu", "kernel_initializer": "glorot_uniform"}
_SELU = {"preset": "self_normalizing"}
_PLAIN = {"activation": "relu", "batch_normalization": "none"}
_BEFORE = {"activation": "relu", "batch_normalization": "before"}
_AFTER = {"activation": "relu", "batch_normalization": "after"}
_DEEP = [300, *[100] * 99]
_CIFAR = {"dataset": "cifar10", "epochs": 100, "patience": 20, "optimizer": "nadam"}


def _book(model_arguments, **flags):
    return {**_BOOK, "model_arguments": model_arguments, **flags}


def _scaled(model_arguments, **flags):
    return _book(model_arguments, normalization="standard", **flags)


def _selu(**flags):
    """300-100 with SELU on standardised pixels: what chapter 11 tries schedules on."""
    return _scaled(_SELU, **{"epochs": 25, "learning_rate": 0.01, **flags})


def _relu(arguments=None, **flags):
    """Three layers of 100 with ReLU: what the third edition tries optimizers on."""
    return _book({"units": [100, 100, 100], "activation": "relu", **(arguments or {})}, **flags)


def _convolutional(arguments=None, **flags):
    """Convolutions, trained by nadam on pictures as they are."""
    plain = {"mirror": False, "shift": 0, "label_smoothing": 0.0, "augment": "none", "tta": False}
    return _book(arguments or {}, model="cnn", optimizer="nadam", **plain, **flags)


PRESETS = {
    "ml2-ch10-57": _book(_GLOROT, epochs=30, learning_rate=0.01),
    "ml2-ch10-177": _book(_GLOROT, dataset="mnist", epochs=100, patience=20, learning_rate=0.3),
    "ml2-ch11-23": _book({"activation": "leaky_relu"}),
    "ml2-ch11-27": _book({"activation": "prelu"}),
    "ml2-ch11-48": _scaled({**_SELU, "units": _DEEP}, epochs=5),
    "ml2-ch11-53": _scaled({**_PLAIN, "units": _DEEP}, epochs=5),
    "ml2-ch11-61": _scaled(_AFTER),
    "ml2-ch11-65": _scaled(_BEFORE),
    "ml2-ch11-117": _selu(schedule="power"),
    "ml2-ch11-129": _selu(optimizer="nadam", schedule="exponential"),
    "ml2-ch11-139": _selu(schedule="plateau", learning_rate=0.02, momentum=0.9),
    "ml2-ch11-142": _selu(schedule="exponential"),
    "ml2-ch11-151": _selu(schedule="1cycle", learning_rate=0.05, batch_size=128),
    "ml2-ch11-155": _scaled({"l2": 0.01}, epochs=2, optimizer="nadam"),
    "ml2-ch11-161": _scaled(
        {**_SELU, "dropout": 0.2},
        learning_rate=0.01,
        epochs=20,
        momentum=0.9,
        nesterov=True,
        mc_samples=100,
    ),
    "ml2-ch11-184": _scaled({**_SELU, "max_norm": 1.0}, epochs=2, optimizer="nadam"),
    "ml2-ch11-206": _scaled(
        {"units": [100] * 20, "batch_normalization": "before"}, **_CIFAR, learning_rate=5e-4
    ),
    "ml2-ch11-209": _scaled({**_SELU, "units": [100] * 20}, **_CIFAR, learning_rate=7e-4),
    "ml3-ch11-37": _scaled({**_SELU, "units": [100] * 100}, epochs=5),
    "ml3-ch11-42": _scaled({**_PLAIN, "units": [100] * 100}, epochs=5),
    "ml3-ch11-51": _scaled(_AFTER, epochs=2, learning_rate=0.01),
    "ml3-ch11-55": _scaled(_BEFORE, epochs=2, learning_rate=0.01),
    "ml3-ch11-80": _relu(),
    "ml3-ch11-83": _relu(momentum=0.9),
    "ml3-ch11-86": _relu(momentum=0.9, nesterov=True),
    "ml3-ch11-89": _relu(optimizer="adagrad"),
    "ml3-ch11-92": _relu(optimizer="rmsprop"),
    "ml3-ch11-95": _relu(optimizer="adam"),
    "ml3-ch11-98": _relu(optimizer="adamax"),
    "ml3-ch11-101": _relu(optimizer="nadam"),
    "ml3-ch11-105": _relu(optimizer="adamw", weight_decay=1e-5),
    "ml3-ch11-130": _relu(schedule="exponential", epochs=25, learning_rate=0.01),
    "ml3-ch11-143": _relu(schedule="plateau", epochs=25, learning_rate=0.01),
    "ml3-ch11-160": _relu(schedule="1cycle", epochs=25, learning_rate=0.1, batch_size=128),
    "ml3-ch11-167": _relu({"units": [100, 100], "l2": 0.01}, epochs=2, learning_rate=0.02),
    "ml3-ch11-171": _relu(
        {"units": [100, 100], "dropout": 0.2}, learning_rate=0.01, momentum=0.9, mc_samples=100
    ),
    "ml3-ch11-190": _relu({"units": [100, 100], "max_norm": 1.0}, learning_rate=0.01, momentum=0.9),
    "ml3-ch14-53": _convolutional(),
    "ml3-ch14-102": _convolutional(
        {"filters": [[32, 64]], "first_kernel_size": 3, "units": [128], "feature_dropout": 0.25},
        dataset="mnist",
    ),
}
