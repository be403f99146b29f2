"""The defaults of the forecast recipe on series that they were not made for, beside its baselines.

Nothing is said but `--data`, `--target` and `--horizon` (and `--wide` and the period of M4 weekly).
"""

import json
import os
import re
from pathlib import Path

from recipes.cli import main
from recipes.engine.tables import markdown
from scripts.benchmarks import m4_weekly, r_series

SUITE = "suite/series"
ETT = "HUFL,HULL,MUFL,MULL,LUFL,LULL,OT"
#: Name: file in the folder `ZOO_DATA`, and flags.
SERIES = {
    "airline passengers": ("timeseries/airline-passengers", "--horizon 12"),
    "monthly champagne": (f"{SUITE}/monthly_champagne_sales", "--target Sales --horizon 12"),
    "monthly cars": (f"{SUITE}/monthly_car_sales", "--target Sales --horizon 12"),
    "daily births": (f"{SUITE}/daily_total_female_births", "--target Births --horizon 14"),
    "minimum temperatures": ("timeseries/daily-min-temperatures", "--horizon 14 --resample D"),
    "Beijing pollution": (f"{SUITE}/beijing_pollution", "--target pm2.5 --horizon 24"),
    "ETTh2": (f"{SUITE}/etth2", f"--target {ETT} --horizon 96"),
    "M4 weekly": (f"{SUITE}/m4_weekly_train", "--wide true --horizon 13 --period 1"),
}


#: What a report says of the difference in MASE to the best baseline: it, and its interval.
_DIFFERENCE = re.compile(r"a difference of ([-+][\d.]+) (\([^)]*\))")


def measure(only, seeds, folder, fresh, flags=()) -> dict[str, str]:
    """Trains each with the defaults.

    Args:
        only: Parts of names of series.
        seeds: Not used: the defaults are all but deterministic.
        folder: Where the runs go.
        fresh: Whether runs that are there are repeated.
        flags: What else is said, such as `--model auto`.

    Returns:
        Sections of the report.
    """
    rows = [
        ["series", "MASE", "best baseline", "its MASE", "ratio", "difference", "sMAPE", "OWA",
         "seconds"],
    ]  # fmt: skip
    for name, (file, own) in SERIES.items():
        if not any(part in name for part in only):
            continue
        run = folder / "forecast" / name.replace(" ", "_")
        if fresh or not (run / "metrics.json").exists():
            path = Path(os.environ["ZOO_DATA"]) / f"{file}.csv.gz"
            where = ["--logdir", str(folder), "--name", run.name, "--overwrite"]
            main(["train", "forecast", "--data", str(path), *own.split(), *flags, *where])
        metrics = json.loads((run / "metrics.json").read_text())
        test = metrics["test"]
        scores = {name: scores["test"]["mase"] for name, scores in metrics["baselines"].items()}
        best = min(scores, key=scores.get)
        ratio = test["mase"] / scores[best]
        found = _DIFFERENCE.search((run / "report.md").read_text())
        numbers = [f"{scores[best]:.3f}", f"{ratio:.2f}", _short(*found.groups())]
        numbers.append(f"{test['smape']:.2f}")
        rows.append(
            [
                name, f"{test['mase']:.3f}", best, *numbers, f"{test['owa']:.3f}",
                f"{metrics['seconds']:.0f}",
            ]
        )  # fmt: skip
    sections = {}
    if len(rows) > 1:
        said = " ".join(["nothing said but target and horizon", *flags])
        sections[f"Series with {said} (test part)"] = markdown(rows, 1)
    if not flags and any(part in "M4 official" for part in only):
        sections["M4 weekly, the official test"] = m4_weekly.table(folder, fresh)
    if not flags and any(part in "R's packages" for part in only):
        sections["Series of R's packages"] = r_series.table(folder / "r", fresh)
    return sections


def _short(difference, ends):
    numbers = re.findall(r"[-+][\d.]+", ends)
    return f"{difference} ({' to '.join(numbers)})" if numbers else difference
