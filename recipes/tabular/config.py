"""Settings of the recipe tabular, and its datasets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from recipes.classification.settings import RowsConfig
from recipes.engine.config import at_least, below_one, common
from recipes.errors import UserError


@dataclass
class TabularConfig(RowsConfig):
    """Settings of a run on a table.

    Args:
        batch_size: Examples in a training step. Defaults to what the rows suggest.
        weight_decay: Decoupled weight decay of adamw, lion and muon. Defaults to what the rows
            suggest.
        patience: Stop after so many epochs without progress. Defaults to what the rows suggest; 0
            never stops early. The best epoch's weights are kept either way.
        average: Average the network with the baselines, boosted trees and a linear model, in one
            saved model; how much they count is decided on validation. Defaults to doing so beside
            the default model.
        neighbors: Give the model what the nearest training rows had for a target. Defaults to doing
            so with wide_and_deep from 2,000 training rows on.
        target: Column to predict.
        task: Predict a number or one of several classes. By default the target decides: texts,
            booleans, and whole numbers with at most 10 different values are classes.
        categorical: Columns that hold categories whatever they look like, separated by commas. By
            default: texts, codes with leading zeros, booleans, and whole numbers with at most 5
            different values.
        numeric: Columns that are numeric whatever they look like.
        drop: Columns to leave out.
        validation_fraction: Fraction of the rows to choose the epoch by.
        test_fraction: Fraction of the rows to be scored once at the end.
        normalization: How numbers are scaled inside the model: by median and inter-quartile range
            with a smooth clip, to a normal distribution by their quantiles, or by mean and
            standard deviation.
        target_normalization: Whether the target of a regression is standardised for training;
            predictions come out in its own units either way.
        missing: What is known of a missing number: a column of its own says that it is missing
            (flag), or it only gets a learned value (fill).
        bins: Bins of each number with --model.numeric_embedding piecewise.
        auxiliary_weight: Weight of the second output's loss, with --model.auxiliary true.
    """

    DATASETS: ClassVar[Mapping[str, str]] = {
        "diabetes": "442 patients, ten measurements and a disease's progress, inside scikit-learn",
        "housing": "20,640 block groups of California, ten columns, in dollars (book, chapter 2)",
        "housing_book": "the same with the eight features and the split of the book's chapter 10",
        "titanic": "891 passengers, numbers and categories, who survived (book, chapter 3)",
    }
    COMMON = common(data=("target", "task", "categorical", "drop"), model=("conformal",))
    RENAMED: ClassVar[dict[str, str]] = {"boosting": "average"}
    OWN_DATA: ClassVar[str] = "a file of your own, use --data FILE --target COLUMN"

    epochs: int | None = None
    batch_size: int | None = None
    weight_decay: float | None = None
    patience: int | None = None
    average: bool | None = None
    neighbors: bool | None = None
    target: str | None = None
    task: Literal["auto", "regression", "classification"] = "auto"
    categorical: list[str] = field(default_factory=list)
    numeric: list[str] = field(default_factory=list)
    drop: list[str] = field(default_factory=list)
    validation_fraction: float = 0.15
    test_fraction: float = 0.2
    normalization: Literal["robust", "quantile", "standard"] = "robust"
    target_normalization: Literal["standard", "none"] = "standard"
    missing: Literal["flag", "fill"] = "flag"
    bins: int = 24
    auxiliary_weight: float = 0.1

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        at_least(self, 1, "bins")
        below_one(self, "validation_fraction", "test_fraction", "auxiliary_weight")
        if self.validation_fraction + self.test_fraction > 0.9:
            raise UserError(
                "--validation_fraction and --test_fraction must leave a tenth of the rows for "
                f"training. Received: {self.validation_fraction} and {self.test_fraction}"
            )
