"""Memory that is given back, and files that are read without a second copy."""

import gc
import gzip
import sys
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest

from recipes.data.memory import give_back, read_bytes


@pytest.mark.skipif(sys.platform != "linux", reason="the rest does not tell its memory")
def test_memory_that_columns_took_is_given_back(monkeypatch):
    monkeypatch.setattr("recipes.data.memory.gc", gc)

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    give_back()
    before = resident()
    columns = [pa.array(np.arange(100_000.0) + place, pa.float64()) for place in range(100)]
    columns = [column.cast(pa.string()) for column in columns]
    assert resident() - before > 100e6
    del columns
    give_back()
    assert resident() - before < 30e6


def test_a_file_is_read_once(tmp_path):
    content = np.random.default_rng(0).bytes(20_000_000)
    (tmp_path / "plain").write_bytes(content)
    (tmp_path / "packed").write_bytes(gzip.compress(content[:3_000_000], 1))
    assert read_bytes(tmp_path / "packed") == content[:3_000_000]
    tracemalloc.start()
    try:
        assert read_bytes(tmp_path / "plain") == content
        assert tracemalloc.get_traced_memory()[1] < 1.5 * len(content)
    finally:
        tracemalloc.stop()
