"""What the benchmark of growing costs makes of its turns, and that its families run."""

import sys

import numpy as np
import pytest

from scripts.benchmarks import cost, cost_families, cost_worker
from scripts.benchmarks.cost_families import FAMILIES, Axis, Family


@pytest.mark.parametrize("k", [0.5, 1, 2, 3])
def test_the_fixed_cost_is_no_growth(k):
    sizes = [10, 20, 40, 80, 160]
    found, fixed = cost.fitted(sizes, [7 + 0.01 * n**k for n in sizes])
    assert found == pytest.approx(k, abs=0.011)
    assert fixed == pytest.approx(7 / (7 + 0.01 * 160**k), abs=0.02)
    line = np.polyfit(np.log(sizes), np.log([7 + 0.01 * n**k for n in sizes]), 1)[0]
    assert line < k - 0.1  # what a straight line takes it for


def turns(costs):
    """Turns of sizes 1, 2, 4, ... that cost so much, give or take a hundredth."""
    return {
        "sizes": [2**power for power in range(len(costs))],
        "seconds": [[0.99 * each, each, 1.01 * each] for each in costs],
        "megabytes": [100 * each for each in costs],
    }


def test_what_grows_faster_than_its_order_is_named():
    squares = turns([1.0, 4.0, 16.0, 64.0])
    line, bad = cost._row("length", Axis((), order=1, memory=2), squares)
    assert bad == ["time"]
    assert line[:2] == ["length", "1 to 8"]
    assert line[2:] == ["64.0", "2.00 ± 0.00", "2.00", "1", "2.00", "2"]
    assert cost._row("length", Axis((), order=2, memory=1), squares)[1] == ["memory"]
    # Less than some megabytes, or a system that does not tell, say nothing.
    for megabytes in ([0.0, 0.1, 0.2, 1.0], [None] * 4):
        line, bad = cost._row("length", Axis((), order=2), squares | {"megabytes": megabytes})
        assert line[-2:] == ["", ""]
        assert not bad
    # Caches that fill up bend the curve once: it is at its order again in the end.
    assert not cost._row("length", Axis((), memory=2), turns([1.0, 2.0, 8.0, 16.0]))[1]


def test_the_table_and_the_picture(tmp_path, monkeypatch):
    families = {
        name: Family(f"{name}, a step", None, {}, {"length": Axis(()), "batch": Axis((), order=2)})
        for name in ("line", "square")
    }
    monkeypatch.setattr(cost_families, "FAMILIES", families)
    grown = {"line": [1.0, 2.0, 4.0], "square": [1.0, 4.0, 16.0]}
    found = {name: dict.fromkeys(("length", "batch"), turns(each)) for name, each in grown.items()}
    monkeypatch.setattr(cost, "_in_process", found.__getitem__)
    ((title, text),) = cost.measure([""], 3, tmp_path / "cost", False).items()
    assert title == "How cost grows with a size"
    assert "| **line, a step** |" in text
    assert "| length | 1 to 4 | 4.0 | 1.00 ± 0.00 | 1.00 | 1 | 1.00 | 1 |" in text
    worse = "square, a step: time by length; square, a step: memory by length; square, a step: "
    assert f"Worse than their order: {worse}memory by batch (by more" in text
    assert (tmp_path / "cost/cost.png").stat().st_size > 1000
    assert "square" not in cost.measure(["line"], 3, tmp_path / "cost", False)[title]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the rest does not tell its memory")
def test_memory_is_what_the_work_takes_at_its_peak():
    megabytes = [cost_worker.growth(lambda n=n: np.ones(n << 18, "float32").sum()) for n in (8, 64)]
    assert megabytes == pytest.approx([8, 64], abs=4)


#: A value of each size that takes little time.
TINY = {
    "length": 8, "batch": 2, "units": 4, "filters": 3, "channels": 8, "source": 8, "beams": 2,
    "context": 4, "steps": 3, "window": 4, "rows": 64, "questions": 5, "features": 3,
    "pictures": 2, "side": 8, "megabytes": 1,
}  # fmt: skip


def tiny(name):
    family = FAMILIES[name]
    axes = {axis: Axis((TINY[axis], 2 * TINY[axis])) for axis in family.axes}
    return Family(name, family.make, {size: TINY[size] for size in family.sizes}, axes)


def test_sizes_take_turns(monkeypatch):
    monkeypatch.setattr(cost_worker, "LEAST", 0)
    done = []
    family = Family("", lambda n: lambda: done.append(n), {"n": 1}, {"n": Axis((1, 2))})
    found = cost_worker.measured(family, turns=2)
    assert done[-4:] == [1, 2, 1, 2]
    assert [len(each) for each in found["n"]["seconds"]] == [2, 2]


@pytest.mark.slow  # what is made of their turns is tested every day
@pytest.mark.parametrize("name", FAMILIES)
def test_families_run(name, monkeypatch):
    monkeypatch.setattr(cost_worker, "LEAST", 0)
    family = tiny(name)
    found = cost_worker.measured(family, turns=1)
    assert [*found] == [*family.axes]
    assert all(len(each["seconds"]) == 2 for each in found.values())
    assert all(axis in family.sizes for axis in found)  # each size that grows has a value at rest
