"""Tables in several files, and those larger than memory: all rows are read, each of them once."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from recipes.data import larger
from recipes.data.batches import Passes
from recipes.data.larger import open_rows, store
from recipes.data.memory import shards
from recipes.errors import UserError
from recipes.tabular.config import TabularConfig

COUNT = 2000


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(larger, "BLOCK", 1 << 12)
    monkeypatch.setattr(larger, "BLOCK_ROWS", 100)


@pytest.fixture
def frame():
    """Whole numbers, decimals, codes and texts; some texts go over two lines, with a quote."""
    generator = np.random.default_rng(0)
    texts = np.array(['a "b", c', "two\nlines", "plain", ""], object)
    return pd.DataFrame({
        "n": np.arange(COUNT), "x": generator.normal(size=COUNT).round(3),
        "code": [f"{n % 700:04}" for n in range(COUNT)], "text": generator.choice(texts, COUNT),
    })  # fmt: skip


def csv(frame, path, **kind):
    frame.to_csv(path, index=False, **kind)


def parquet(frame, path):
    frame.to_parquet(path, row_group_size=333)


def json_lines(frame, path):
    frame.to_json(path, orient="records", lines=True)


def gzipped(frame, path):
    path.write_bytes(gzip.compress(frame.to_csv(index=False, sep=";", decimal=",").encode()))


def written(path, kind, frame, files=1):
    for number, part in enumerate(np.array_split(np.arange(len(frame)), files)):
        kind(frame.iloc[part], path / f"part-{number}.data")
    return path if files > 1 else path / "part-0.data"


def rows_of(path, most=200, **dialect):
    config = TabularConfig(model="mlp", in_memory=most, **dialect)
    return open_rows(path, config)


def values(table):
    return pd.DataFrame({
        "n": table.numbers("n"), "x": table.numbers("x"), "code": table.labels("code"),
        "text": table.texts("text").fillna(""),
    })  # fmt: skip


@pytest.mark.parametrize("kind", [csv, gzipped, parquet, json_lines])
@pytest.mark.parametrize("files", [1, 3])
def test_samples_and_blocks_hold_the_files_rows(tmp_path, kind, files, frame):
    sample, rows = rows_of(written(tmp_path, kind, frame, files))
    expected = frame.astype({"n": float, "code": object, "text": object})
    assert (len(sample), rows.count) == (200, COUNT)
    assert (np.diff(rows.chosen) > 0).all()
    pd.testing.assert_frame_equal(values(sample), expected.iloc[rows.chosen].reset_index(drop=True))
    found = list(rows.blocks())
    assert len(found) > 3
    everything = pd.concat([values(table) for _, table in found], ignore_index=True)
    pd.testing.assert_frame_equal(everything, expected)
    assert [first for first, _ in found] == [0, *np.cumsum([len(t) for _, t in found])[:-1]]


def test_the_sample_does_not_depend_on_how_the_rows_are_stored(tmp_path, frame, monkeypatch):
    one = rows_of(written(tmp_path, csv, frame))[1].chosen
    monkeypatch.setattr(larger, "BLOCK", 1 << 14)
    assert np.array_equal(one, rows_of(tmp_path / "part-0.data")[1].chosen)
    (tmp_path / "more").mkdir()
    assert np.array_equal(one, rows_of(written(tmp_path / "more", parquet, frame, 4))[1].chosen)


def test_every_row_is_as_likely(tmp_path, frame):
    path = written(tmp_path, parquet, frame)
    found = np.bincount(rows_of(path, most=1000)[1].chosen // 500, minlength=4)
    assert (abs(found - 250) < 4 * np.sqrt(250 / 2)).all()


def test_few_rows_in_several_files_are_held_in_memory(tmp_path, frame):
    table, rows = rows_of(written(tmp_path, csv, frame, 3), most=COUNT)
    assert rows is None
    assert len(table) == COUNT
    assert table.notes[-1].endswith("2,000 rows in 3 files")


def test_all_but_the_rows_held_out_are_stored(tmp_path, frame):
    _, rows = rows_of(written(tmp_path, csv, frame, 3))
    held_out = np.array([1999, 0, 1000])

    def read(table, kept):
        n = table.numbers("n")[kept]
        return {"n": n, "pairs": np.stack([n, -n], axis=1).astype(np.float32)}

    found = store(rows, held_out, read)
    expected = np.delete(np.arange(COUNT), held_out)
    assert np.array_equal(found["n"][:], expected)
    assert found["pairs"].shape == (1997, 2)
    chosen = np.array([5, 1, 5])
    assert np.array_equal(np.take(found["pairs"], chosen, axis=0)[:, 1], -expected[chosen])


@pytest.mark.parametrize("count", [1, 1024, 5000, 300_000])
def test_a_pass_holds_each_example_once(count):
    size = max(1, count // 3)
    passes, whole = Passes(count, size), -(-3 * count // size)
    order = np.concatenate([passes.order(7, epoch) for epoch in range(whole)])
    for turn in range(3):
        assert np.array_equal(np.sort(order[turn * count : (turn + 1) * count]), np.arange(count))
    assert count == 1 or not np.array_equal(order[:count], order[count : 2 * count])
    assert np.array_equal(passes.order(7, 2), order[2 * size : 3 * size])


def _read_twice(path, **kind):
    _, rows = rows_of(path, **kind)
    list(rows.blocks())


def refused(path, **kind):
    with pytest.raises(UserError) as caught:
        _read_twice(path, **kind)
    return str(caught.value)


def test_files_of_other_columns_are_named(tmp_path, frame):
    written(tmp_path, csv, frame, 3)
    csv(frame.rename(columns={"x": "y"}), tmp_path / "part-1.data")
    assert "part-1.data: n, y, code, text" in refused(tmp_path)
    for number in range(3):
        parquet(
            frame.astype({"n": float}) if number == 2 else frame, tmp_path / f"part-{number}.data"
        )
    assert "part-2.data: n (double)" in refused(tmp_path)


def test_files_of_several_kinds(tmp_path, frame):
    written(tmp_path, json_lines, frame, 3)
    for kind in (csv, parquet):
        kind(frame, tmp_path / "part-1.data")
        assert "those of JSON objects. Received in" in refused(tmp_path)


def test_a_folder_or_a_pattern_without_files(tmp_path):
    (tmp_path / "_SUCCESS").touch()
    for path in (tmp_path, tmp_path / "part-*.csv"):
        assert f"Received: {path}, which has none" in refused(path)
    assert shards(tmp_path / "no.csv") == [tmp_path / "no.csv"]


@pytest.mark.parametrize("content", [b"", b"n,x\n"])
def test_an_empty_file_among_others(tmp_path, frame, content):
    written(tmp_path, csv, frame[["n", "x"]], 3)
    (tmp_path / "part-1.data").write_bytes(content)
    if content:
        assert rows_of(tmp_path)[1].count == COUNT - 667
    else:
        assert "part-1.data. Received: nothing" in refused(tmp_path)


def test_rows_that_change_between_the_passes(tmp_path, frame):
    _, rows = rows_of(written(tmp_path, csv, frame, 3))
    csv(frame.iloc[:5], tmp_path / "part-1.data")
    with pytest.raises(UserError, match="has changed: 2,000 rows then, 1,338 now"):
        list(rows.blocks())
    (tmp_path / "part-1.data").unlink()
    with pytest.raises(UserError, match=r"part-1\.data cannot be read"):
        list(rows.blocks())


def test_what_cannot_be_read_in_parts(tmp_path, frame):
    path = tmp_path / "t.csv"
    csv(frame, path, encoding="utf-16")
    assert "in parts, being utf-16" in refused(path)
    path.write_text(json.dumps(frame.to_dict("records")))
    assert "in parts, being one list" in refused(path)
    text = frame[["n", "x"]].to_csv(index=False).replace("\n", "\n,cm\n", 1)
    path.write_text(text)
    assert "Leave titles, units, sources" in refused(path, most=1999)
    for first in ('"b, c"', "b"):
        path.write_text(f"n,x\n1,{first}\n" + "5,6\n" * 2000 + '"7 t,4\n' + "5,6\n" * 2000)
        assert "never closes" in refused(path)


@pytest.mark.parametrize("content", [b"PK\x03\x04" + b"x" * 99, b"PAR1" + b"x" * 99, b"PAR1"])
def test_a_damaged_archive_is_one_message(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UserError, match="cannot be read"):
        open_rows(tmp_path / "t.csv")
