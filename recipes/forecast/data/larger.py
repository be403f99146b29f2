"""Series that are larger than memory: all are sorted into files, where training reads windows.

A second pass over all rows, see `recipes.data.larger`, writes those of a series into one of so many
temporary files that each fits into memory. There its series are read as those of any file.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from recipes.data.dates import refuse_time
from recipes.data.larger import Rows, temporary
from recipes.data.stored import StoredArray
from recipes.data.table_file import TableFile, check_columns
from recipes.errors import UserError
from recipes.forecast.data.series import TimeSeries
from recipes.forecast.data.table import join_time, names_of

#: Rows in memory where no flag says how many; files at most that the others are sorted into.
ROWS, FILES = 1_000_000, 128


def keys_of(config, file: TableFile) -> np.ndarray:
    """A number from 0 to 1 for each row, by the name of its series alone.

    A `UserError` if a column that the flags name is missing.
    """
    if config.wide:
        raise UserError(
            "--wide true reads one file, whole. Received: parts of a larger table. Write a row for "
            "each series and time (pandas' melt)."
        )
    _find(config, file)
    return np.zeros(len(file)) if config.series is None else _keys(names_of(file, config.series))


def _find(config, file):
    """Joins the columns of names and times that stand in several; refuses others that lack."""
    file.join(config.series)
    join_time(file, config.time)
    flags = {"--time": [config.time] * (config.time not in (None, "none"))}
    flags |= {"--target": config.target, "--past_covariates": config.past_covariates}
    check_columns(flags, file.names, file.source)


def _keys(names):
    codes, different = pd.factorize(names)
    found = pd.util.hash_array(np.asarray(different, object), categorize=False)
    return ((found >> 11) / 2**53)[codes]  # below 1


def _columns(config, file):
    """What a run reads of some rows: names of series, times and values."""
    _find(config, file)
    found = {config.series: pa.array(names_of(file, config.series), pa.string())}
    if config.time is not None and file.is_numeric(config.time):  # what it means, more rows tell
        found[config.time] = pa.array(file.numbers(config.time))
    elif config.time is not None:
        times = file.times(config.time)
        if times.kept < len(file):
            refuse_time(file.labels(config.time), times.kept, file.source, "--time")
        found[config.time] = pa.array(times.values)
    values = {name: file.numbers(name) for name in (*config.target, *config.past_covariates)}
    return pa.table(found | {name: pa.array(column) for name, column in values.items()})


class Larger:
    """All series of a run, of which it holds a sample: a `file` and the `series` in it.

    The configuration has the columns found; `read` reads the `TimeSeries` of a `TableFile`.
    """

    def __init__(self, rows: Rows, config, file: TableFile, series: TimeSeries, read: Callable):
        self.rows, self.config, self.decided, self.read = rows, config, file.decided, read
        self.stored: dict = {}  # what models of the run read, by what they hold back
        table = _columns(config, file)
        self.longest = series.ids[int(np.argmax(np.diff(series.offsets)))]
        self.beside = table.filter(pc.equal(table[config.series], self.longest))

    def parts(self) -> Iterator[tuple[TimeSeries, list[str]]]:
        """All series, some at a time, in an order that is not the files', and their names.

        The longest one of the sample stands beside those of each part: all must have its step.
        """
        count = min(FILES, 1 + self.rows.count // (self.config.in_memory or ROWS))
        with contextlib.ExitStack() as opened, temporary(self.rows.path):
            files = [opened.enter_context(tempfile.TemporaryFile()) for _ in range(count)]
            writers = [pa.ipc.new_stream(file, self.beside.schema) for file in files]
            for _, block in self.rows.blocks():
                self._sort(block, writers)
            for file, writer in zip(files, writers, strict=True):
                writer.close()
                file.seek(0)
                table = pa.ipc.open_stream(file).read_all()
                file.close()
                column = table[self.config.series]
                others = table.filter(pc.not_equal(column, self.longest))
                yield self._series(others), pc.unique(column).to_pylist()

    def _sort(self, block, writers):
        """Writes some rows into the files of their series."""
        table = _columns(self.config, block)
        if table.schema != self.beside.schema:
            then, now = (", ".join(map(str, each.schema)) for each in (self.beside, table))
            raise UserError(f"Expected {then} in {block.source}, as before. Received: {now}.")
        numbers = np.int64(_keys(names_of(block, self.config.series)) * len(writers))
        table = table.take(np.argsort(numbers, kind="stable"))
        sizes = np.bincount(numbers, minlength=len(writers))
        for writer, end, size in zip(writers, np.cumsum(sizes), sizes, strict=True):
            if size:
                writer.write_table(table.slice(end - size, size))

    def _series(self, others):
        table = pa.concat_tables([self.beside, others])
        columns = {
            name: cells if pa.types.is_string(cells.type) else cells.to_pandas()
            for name, cells in zip(table.column_names, table.columns, strict=True)
        }
        before = {"parts": True}
        return self.read(TableFile(self.rows.path, columns, self.config, self.decided, before))


class StoredSeries:
    """Series in temporary files, as `Windows` reads them; see `TimeSeries`.

    `found` has their `values`, `lengths` and perhaps `future` covariates, one behind the other;
    `like` are others of the same columns.
    """

    future = 0

    def __init__(self, found: Mapping[str, StoredArray], like: TimeSeries):
        self.values, self.targets = found["values"], like.targets
        self.future_covariates = found.get("future", like.future_covariates[:0])
        self.offsets = np.append(0, np.cumsum(found["lengths"][:]))
        self.num_series = len(self.offsets) - 1

    def each_row(self, values) -> StoredArray:
        """What is said of each series, for each of its rows."""
        return StoredArray(values, self)

    def __len__(self):
        return int(self.offsets[-1])

    def __getitem__(self, rows):
        """The index of the series of each of some rows."""
        return np.searchsorted(self.offsets, rows, side="right") - 1
