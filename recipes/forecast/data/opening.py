"""Opens a file of series and finds its columns. Needs no Keras: mistakes are found at once."""

from dataclasses import replace

from recipes.data.files import open_table
from recipes.forecast.data.future_covariates import check_datetime_features
from recipes.forecast.data.guess import guess_columns
from recipes.forecast.data.table import read_table
from recipes.forecast.data.wide import VALUE, unfold


def check(config) -> None:
    """Raises a `UserError` if the file of a run, or a column that its flags name, is not there."""
    config, file = open_file(config, config.data)
    check_datetime_features(config.datetime_features, config.time)
    read_table(file, config.time, config.target, config.series, config.past_covariates)
    if config.future_covariates:
        open_table(config.future_covariates, config)


def open_file(config, path, before=None, guess=True):
    """A file of series, opened, and the configuration with the columns that it leaves open.

    `before` is what was found out about the file that the run was trained on; with `guess=False`
    columns are not looked for: they are known.
    """
    file = open_table(path, config, before)
    if config.wide:
        file, series, time = unfold(file, config.series)
        return replace(config, series=series, time=time, target=[VALUE]), file
    if guess:
        taken = {config.series, *config.past_covariates} - {None}
        time, targets = guess_columns(file, config.time, config.target, taken, config.series)
        config = replace(config, time=time, target=targets)
    return config, file
