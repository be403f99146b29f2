"""Settings of the recipe forecast, and its datasets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from recipes.data.dialect import Dialect
from recipes.engine.config import AUTO, TrainConfig, at_least, check_levels, common
from recipes.errors import UserError


@dataclass
class ForecastConfig(Dialect, TrainConfig):
    """Settings of a forecasting run.

    Args:
        time: Column of dates or step numbers in --data. Defaults to the first column of dates, if
            there is one; none takes the rows as equal steps.
        target: Columns to forecast, separated by commas. Defaults to the only numeric column.
        series: Column, or columns A,B,..., that name the series of a row, where a file holds
            several; one model learns from all of them.
        wide: Whether --data has one row a series and one column a step, or a row a year and a
            column a month.
        past_covariates: Columns that are known up to the forecast's origin only.
        future_covariates: A second file of future covariates, with the same time column.
        datetime_features: Features made from the dates, known in advance (dayofweek, dayofyear,
            month, hour, weekend; day_type for ridership).
        missing: What fills a missing value (forward repeats the last known one); error refuses.
        resample: A pandas frequency such as D, to bring irregular times to equal steps.
        resample_rule: How the rows in one step are combined.
        partial: Whether steps at the ends that rows cover in part only are left out or kept.
        split: Whether the parts are cut at times that all series share (common), or each series at
            its own end (each). Defaults to each where times are step numbers.
        window: Input steps. Defaults, for --data, to three horizons and two seasons. It is of whole
            seasons, and a third of the rows of a series at most.
        horizon: Steps to forecast.
        validation_fraction: Fraction of the rows, before the test part, to choose the epoch by; a
            horizon of rows at least.
        test_fraction: Fraction of the rows, the last ones, to be scored once at the end; a horizon
            of rows at least.
        period: Length of the season in steps, for the seasonal naive baseline and MASE. Defaults
            to the one that is detected.
        difference: Model the change over so many steps (1, or the period) instead of the level; 0
            turns it off. Defaults, for --data, to what makes the changes clearly smaller than the
            level's deviation.
        normalization: Whether inputs and targets are standardised inside the model.
        window_normalization: What each window is seen from, inside the model: its own mean and
            deviation (standard), its last value (last), or nothing of its own (none). With auto,
            the one by which a linear forecast of the validation part errs least; so for the level
            or changes, where --difference is left open.
        loss_steps: How many of the last outputs the training loss looks at, for models that
            forecast at every input step; the first ones have seen too little. 0 looks at all.
        strategy: Forecast all steps at once (direct), or train for one step and feed forecasts back
            (recursive).
        head: A single number for each step, quantiles, or the mean and deviation of a Gaussian.
        quantiles: Probabilities of a quantile head.
        mc_samples: Monte-Carlo dropout samples for intervals around point forecasts (give the
            model some dropout).
        statistics_seconds: Time that Theta, AutoETS and AutoARIMA may take as baselines, where the
            extra statistics is installed. By estimate, so that a run is the same on any machine:
            what does not fit is fitted to fewer rows or left out. 0 leaves all out.
        average: Forecast by the mean of the model and of Theta, AutoETS and AutoARIMA, weighted by
            what validation says; of point forecasts of all steps at once. Defaults to true for
            --data, where no --model is named.
        conformal: Intervals that hold in so many percent of cases (80,95). They are calibrated on
            the validation part, and from then on by each outcome.
        refit: Train once more, on all rows, for as many epochs as were best; this model then
            forecasts what follows the end, while all scores are those of the other one. Defaults to
            true for --model auto.
        overlap: Write the forecasts of all test windows, not only of those that do not overlap.
        backtest: Rolling-origin backtest; so many earlier origins, each with a model of its own.
        backtest_refit: Whether it has; else one model, trained before the earliest, forecasts all.
        in_memory: Hold so many rows in memory, whole series drawn at random, and decide everything
            by them; training reads the others from the disk. Defaults to all, or to 1,000,000 of a
            file that is larger than memory, of a folder, or of a pattern such as part-*.parquet.
    """

    DATASETS: ClassVar[Mapping[str, str]] = {
        "book_series": "10,000 generated series of two sine waves and noise (book, 2nd edition)",
        "ridership": "daily boardings of Chicago's trains and buses (book, 3rd edition)",
    }
    COMMON = common(data=("time", "target", "series", "horizon", "window"), model=("conformal",))
    RENAMED: ClassVar[dict[str, str]] = {
        "covariates": "past_covariates",
        "known": "future_covariates",
        "calendar": "datetime_features",
        "strategy=iterated": "recursive",
    }

    time: str | None = None
    target: list[str] = field(default_factory=list)
    series: str | None = None
    wide: bool = False
    past_covariates: list[str] = field(default_factory=list)
    future_covariates: str | None = None
    datetime_features: list[str] = field(default_factory=list)
    missing: Literal["forward", "zero", "error"] = "forward"
    resample: str | None = None
    resample_rule: Literal["mean", "sum", "last"] = "mean"
    partial: Literal["drop", "keep"] = "drop"
    split: Literal["auto", "each", "common"] = "auto"
    window: int | None = 50
    horizon: int = 10
    validation_fraction: float = 0.15
    test_fraction: float = 0.15
    period: int | None = None
    difference: int | None = None
    normalization: Literal["standard", "none"] = "standard"
    window_normalization: Literal["auto", "none", "last", "standard"] = "none"
    loss_steps: int = 0
    strategy: Literal["direct", "recursive"] = "direct"
    head: Literal["point", "quantile", "gaussian"] = "point"
    quantiles: list[float] = field(default_factory=lambda: [0.1, 0.5, 0.9])
    mc_samples: int = 0
    statistics_seconds: float = 30.0
    average: bool = False
    conformal: list[int] = field(default_factory=list)
    refit: bool | None = None
    overlap: bool = False
    backtest: int = 0
    backtest_refit: bool = True
    in_memory: int | None = None

    @property
    def refits(self) -> bool:
        """Whether a second model is trained on all rows."""
        return self.model == AUTO if self.refit is None else self.refit

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        self.check()
        check_levels(self)
        at_least(self, 1, "horizon", "window", "period")
        at_least(self, 100, "in_memory")
        at_least(self, 0, "difference", "loss_steps", "mc_samples", "backtest")
        at_least(self, 0, "statistics_seconds")
        if self.strategy == "recursive" and self.past_covariates:
            raise UserError(
                "A recursive forecast would need future values of --past_covariates. Use "
                "--strategy direct, or give future covariates (--future_covariates, "
                "--datetime_features)."
            )
        if self.head != "point" and (self.strategy == "recursive" or self.mc_samples):
            other = "--strategy recursive" if self.strategy == "recursive" else "--mc_samples"
            raise UserError(f"--head {self.head} and {other} exclude each other: drop one.")
        if self.strategy == "recursive" and self.mc_samples:
            raise UserError("--strategy recursive and --mc_samples exclude each other: drop one.")
        if self.wide and (self.time or self.target or self.past_covariates):
            raise UserError(
                "--wide says which columns are steps and values: leave --time, --target and "
                "--past_covariates out."
            )
        if self.backtest and self.dataset == "book_series":
            raise UserError("--backtest needs a series that goes on; book_series are short ones.")
