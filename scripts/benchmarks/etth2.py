"""The published comparison on ETTh2: 7 columns, hourly, 96 steps ahead, on the usual split.

    python -m scripts.benchmarks.etth2 FILE [MODEL...] [--seeds 3]

The first 8,640 rows are for training, the next 2,880 for validation, the next 2,880 for the test;
columns are standardised by the training rows; the errors are those of all windows and columns. It
needs Keras and NumPy only, so that it runs where there is a GPU and little else.

Reference: Zeng et al., *Are Transformers effective for time series forecasting?*, 2022, table 2
(NLinear .277, DLinear .289, look-back 336); Nie et al., *A time series is worth 64 words*, 2023,
table 3 (PatchTST/42 .274, look-back 336); Chen et al., *TSMixer*, 2023, table 2 (.276, look-back
512).
"""

import argparse
import json
import time

import keras
import numpy as np

import zoo

HORIZON, BORDERS = 96, (8640, 11520, 14400)
#: Look-back, learning rate, its decay an epoch, epochs, batch, window normalisation, arguments.
MODELS = {
    "nlinear": (336, 0.05, 0.5, 10, 32, None, {}),
    "dlinear": (336, 0.05, 0.5, 10, 32, None, {}),
    "patchtst": (336, 1e-4, 0.97, 40, 128, None,
                 {"embedding_dim": 16, "num_heads": 4, "feed_forward_dim": 128, "dropout": 0.3}),
    "tsmixer": (512, 1e-4, 1.0, 60, 32, "standard", {"dropout": 0.9, "feed_forward_dim": 64}),
    "nhits": (480, 1e-3, 0.8, 20, 128, "last", {"dropout": 0.3}),
}  # fmt: skip
PAPERS = {"nlinear": 0.277, "dlinear": 0.289, "patchtst": 0.274, "tsmixer": 0.276}
PATIENCE = 5


def windows(values, lookback, part):
    """Inputs and targets of all windows of a part: 0 training, 1 validation, 2 test."""
    begin = 0 if part == 0 else BORDERS[part - 1] - lookback
    rows = np.lib.stride_tricks.sliding_window_view(
        values[begin : BORDERS[part]], lookback + HORIZON, axis=0
    ).transpose(0, 2, 1)
    return rows[:, :lookback], rows[:, None, lookback:]


def run(values, name, seed) -> dict:
    """Trains one model; returns its errors on validation and test."""
    lookback, rate, decay, epochs, batch, normalization, arguments = MODELS[name]
    keras.utils.set_random_seed(seed)
    features = values.shape[1]
    model = zoo.create_model(
        name, input_shape=(lookback, features), horizon=HORIZON, targets=features, **arguments
    )
    if normalization:
        model = zoo.normalize_windows(model, normalization)
    model.compile(keras.optimizers.Adam(rate), "mse")
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: rate * decay**epoch)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=PATIENCE, restore_best_weights=True)
    parts = [windows(values, lookback, part) for part in range(3)]
    begin = time.perf_counter()
    fitted = model.fit(
        *map(np.ascontiguousarray, parts[0]), batch_size=batch, epochs=epochs, verbose=0,
        validation_data=tuple(map(np.ascontiguousarray, parts[1])), callbacks=[schedule, stop],
        validation_batch_size=512,
    )  # fmt: skip
    seconds = time.perf_counter() - begin
    error = model.predict(np.ascontiguousarray(parts[2][0]), 512, verbose=0) - parts[2][1]
    return {
        "model": name,
        "seed": seed,
        "parameters": model.count_params(),
        "epochs": len(fitted.history["loss"]),
        "seconds": round(seconds, 1),
        "validation_mse": round(min(fitted.history["val_loss"]), 4),
        "test_mse": round(float(np.square(error).mean()), 4),
        "test_mae": round(float(np.abs(error).mean()), 4),
        "paper": PAPERS.get(name),
    }


def load(path) -> np.ndarray:
    """The seven columns, standardised by the training rows."""
    values = np.genfromtxt(path, delimiter=",", skip_header=1, dtype=np.float64)[:, 1:]
    train = values[: BORDERS[0]]
    return np.float32((values - train.mean(axis=0)) / train.std(axis=0))


def main():
    """Prints one line of JSON a run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("path", help="ETTh2.csv, gzipped or not")
    parser.add_argument("models", nargs="*", default=list(MODELS), metavar="MODEL")
    parser.add_argument("--seeds", type=int, default=3)
    found = parser.parse_args()
    values = load(found.path)
    for seed in range(1, found.seeds + 1):
        for name in found.models:
            print(json.dumps(run(values, name, seed)), flush=True)


if __name__ == "__main__":
    main()
