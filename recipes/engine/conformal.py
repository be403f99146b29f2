"""Split conformal prediction: intervals and sets that hold as often as they say.

Reference: Vovk, Gammerman and Shafer, *Algorithmic learning in a random world*, 2005; Angelopoulos
and Bates, *A gentle introduction to conformal prediction*, 2021; Sadinle, Lei and Wasserman, *Least
ambiguous set-valued classifiers with bounded error levels*, 2019 (the sets of classes).
"""

import json

import numpy as np

from recipes.engine.tables import markdown, number
from recipes.engine.task import Section
from recipes.errors import reading

FILE = "conformal.json"


def radius(scores, level) -> np.ndarray:
    """What a fraction of new scores stays below, if they come from where these came from.

    Scores `(n, ...)` say how far each prediction for data that was not trained on is off; NaN where
    that is not known. Returns the `ceil((n + 1) level / 100)`-th smallest score, or the largest
    where there are too few.

    >>> float(radius(np.arange(1.0, 100.0), 80)), float(radius(np.arange(1.0, 4.0), 95))
    (80.0, 3.0)
    """
    scores = np.sort(np.asarray(scores, np.float64), axis=0)  # NaN comes last
    known = np.isfinite(scores).sum(axis=0)
    rank = np.ceil((known + 1) * level / 100 - 1e-9).astype(np.int64)
    rank = np.clip(rank, 1, np.maximum(known, 1)) - 1
    return np.take_along_axis(scores, rank[None], axis=0)[0]


class Conformal:
    """Intervals around numbers, or sets of classes where there are `labels`.

    By level in percent, `radii` say how far one reaches, or how improbable a class may be.
    """

    def __init__(self, radii, labels=()):
        self.radii = {int(level): float(value) for level, value in radii.items()}
        self.labels = tuple(labels)

    @classmethod
    def fit(cls, levels, actual, predictions, labels=()) -> "Conformal":
        """Calibrates on examples that were not trained on, for levels in percent.

        Predictions are numbers `(n,)`; or probabilities `(n, classes)`, and `actual` the classes'.
        """
        if len(labels):
            scores = 1 - predictions[np.arange(len(actual)), actual]
        else:
            scores = np.abs(predictions - actual)
        return cls({level: radius(scores, level) for level in levels}, labels)

    def columns(self, predictions) -> dict[str, np.ndarray]:
        """What stands beside predictions in a table, by the name of its column."""
        found = {}
        for level, size in self.radii.items():
            if self.labels:
                sets = self._sets(predictions, size)
                names = [";".join(np.array(self.labels)[row]) for row in sets]
                found[f"set_{level}"] = np.array(names, object)
            else:
                found[f"lower_{level}"] = predictions - size
                found[f"upper_{level}"] = predictions + size
        return found

    def held(self, level, actual, predictions) -> np.ndarray:
        """Whether the interval or set of each row holds what came: `(n,)` booleans."""
        size = self.radii[level]
        if self.labels:
            return self._sets(predictions, size)[np.arange(len(actual)), actual]
        return np.abs(predictions - actual) <= size

    def report(self, actual, predictions) -> Section:
        """How often the intervals or sets held, and how large they are, on the test part."""
        what = "classes in a set" if self.labels else "width"
        rows, said = [["asked, %", "held on test, %", what]], []
        for level, size in self.radii.items():
            held = self.held(level, actual, predictions)
            mean = self._sets(predictions, size).sum(axis=1).mean() if self.labels else 2 * size
            rows.append([str(level), f"{100 * held.mean():.1f}", number(float(mean))])
            said.append(f"{level} % asked, {100 * held.mean():.1f} % held")
        kind = "sets" if self.labels else "intervals"
        text = (
            f"Conformal {kind}, calibrated on the validation part: of rows like these, so many in "
            "a hundred hold. They stand in `predictions.csv`, and `zoo predict` writes them, too."
        )
        line = f"conformal {kind} on the test part: {'; '.join(said)}"
        return Section(f"Conformal {kind}", f"{text}\n\n{markdown(rows, texts=0)}", line)

    def save(self, folder) -> None:
        """Writes the calibration into the folder of a run."""
        content = {"radii": self.radii, "labels": self.labels}
        (folder.path / FILE).write_text(json.dumps(content, indent=2) + "\n")

    @classmethod
    def load(cls, folder) -> "Conformal | None":
        """The calibration of a run; `None` where it has none."""
        file = folder.path / FILE
        if not file.exists():
            return None
        with reading(file):
            content = json.loads(file.read_text())
            "".join(content["labels"])  # of texts
            return cls(content["radii"], content["labels"])

    def _sets(self, probabilities, size):
        """Which classes are in the set of each row: `(n, classes)`; never none."""
        found = 1 - probabilities <= size
        found[np.arange(len(found)), probabilities.argmax(axis=1)] = True
        return found
