"""The book's models of chapter 17 as named sets of flags, with its sizes and epochs.

`ml3-ch17-30` is cell 30 of the third edition's notebook. Where they differ from the book: a run
keeps the weights of its best epoch; validation is the first 5,000 training images (the book takes
the last); the code of the convolutional autoencoder is dense; players move at the same time.
"""

from recipes.engine.config import BOOK

#: Keras' own initializer, as the book leaves it: with He's the code ends a tenth worse.
_DENSE = {"activation": "relu", "kernel_initializer": "glorot_uniform"}
_BOOK = {**BOOK, "dataset": "fashion_mnist", "epochs": 20, "optimizer": "nadam"}


def _autoencoder(model="autoencoder", epochs=20, batch_size=32, **arguments):
    """Inputs as targets; the book's decoders are linear."""
    size = {"epochs": epochs, "batch_size": batch_size}
    return {**_BOOK, **size, "model": model, "model_arguments": arguments}


def _stacked(**arguments):
    return _autoencoder(units=[100, 30], **_DENSE, **arguments)


def _sparse(kind, weight):
    return _autoencoder(
        units=[100, 300], sparsity=kind, sparsity_weight=weight, epochs=10, **_DENSE
    )


def _players(model, units, batch_size=32):
    training = {"optimizer": "rmsprop", "epochs": 50, "batch_size": batch_size}
    return {**_BOOK, **training, "model": model, "model_arguments": units}


PRESETS = {
    "ml3-ch17-30": _stacked(),
    "ml3-ch17-44": _stacked(tied=True),
    "ml3-ch17-57": _autoencoder("convolutional_autoencoder", filters=[16, 32], epochs=10),
    "ml3-ch17-62": _autoencoder("recurrent_autoencoder", units=[100, 30], epochs=10),
    "ml3-ch17-66": _stacked(noise="dropout"),
    "ml3-ch17-71": _sparse("l1", 1e-4),
    "ml3-ch17-78": _sparse("kl", 5e-3 / 32),
    "ml3-ch17-86": _autoencoder(
        "variational_autoencoder",
        epochs=25,
        batch_size=128,
        units=[150, 100],
        activation="relu",
        code_size=10,
        output_activation="sigmoid",
    ),
    "ml3-ch17-100": _players("gan", {"units": [100, 150], "code_size": 30}),
    "ml3-ch17-107": _players("dcgan", {"filters": [64, 128], "code_size": 100, "dropout": 0.4}),
    "ml3-ch17-126": {
        **_BOOK,
        "model": "diffusion",
        "model_arguments": {"filters": [64, 128, 256], "num_blocks": 2, "patch_size": 1},
        "loss": "huber",
        "epochs": 100,
    },
}
