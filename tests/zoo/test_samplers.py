"""Choosing ids from logits, against NumPy and against what must always hold."""

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from zoo.decoding import Greedy, MinP, Temperature, TopK, TopP

SAMPLERS = [
    Greedy(),
    Temperature(),
    Temperature(0.3),
    Temperature(5.0),
    TopK(1),
    TopK(3),
    TopK(4, temperature=0.5),
    TopK(99),
    TopP(0.05),
    TopP(0.6),
    TopP(0.9, temperature=2.0),
    TopP(1.0),
    MinP(0.01),
    MinP(0.3, temperature=1.5),
    MinP(1.0),
]
# Of each kind one; the others, which differ in their numbers only, are drawn with the slow tests.
each_kind = pytest.mark.parametrize(
    "sampler",
    [
        each
        if each in (Greedy(), Temperature(0.3), TopK(3), TopP(0.6), MinP(0.3, temperature=1.5))
        else pytest.param(each, marks=pytest.mark.slow)
        for each in SAMPLERS
    ],
)
# Whole numbers have many ties, hundredths few; differences that rounding swallows are no use here.
ROW = st.lists(st.integers(-4, 4), min_size=8, max_size=8) | st.lists(
    st.integers(-3000, 3000).map(lambda n: n / 100), min_size=8, max_size=8
)
BATCH = st.lists(ROW, min_size=1, max_size=4).map(lambda rows: np.array(rows, "float32"))
UNIFORM = st.integers(0, 2**24 - 1).map(lambda n: n / 2**24)  # what float32 generators return


def sample(sampler, logits, uniform):
    ids = keras.ops.convert_to_numpy(sampler.sample(logits, uniform))
    assert ids.dtype == np.int32
    assert ids.shape == logits.shape[:1]
    return ids


def kept(sampler, logits):
    """The probabilities of one row, computed another way: sort, cut, normalise."""
    logits = np.asarray(logits, "float64")
    order = np.argsort(-logits, kind="stable")
    if isinstance(sampler, Greedy):
        return np.eye(len(logits))[order[0]]
    scaled = (logits - logits.max()) / sampler.temperature
    p = np.exp(scaled) / np.exp(scaled).sum()
    keep = order
    if isinstance(sampler, TopK):
        keep = order[: sampler.k]
    elif isinstance(sampler, TopP):
        keep = order[: 1 + np.sum(np.cumsum(p[order])[:-1] < sampler.p)]
    elif isinstance(sampler, MinP):
        keep = np.flatnonzero(p >= sampler.p * p.max())
    mask = np.isin(np.arange(len(p)), keep)
    return np.where(mask, p, 0) / p[mask].sum()


def well_apart(sampler, logits):
    """Logits that rounding cannot push over the edge of a filter."""
    if isinstance(sampler, TopP | MinP):
        p = kept(Temperature(sampler.temperature), logits)
        edges = np.cumsum(np.sort(p)[::-1]) if isinstance(sampler, TopP) else p / p.max()
        return np.abs(edges - sampler.p).min() > 1e-5 and len(set(p)) == len(p)
    return True


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_id_gets_its_part_of_the_numbers_from_0_to_1(sampler):
    logits = np.array([0.3, -1.0, 1.9, 0.31, 1.2, -3.0, 0.9, 1.85], "float32")
    uniform = (np.arange(4096) + 0.5) / 4096
    assert well_apart(sampler, logits) or sampler in (TopP(1.0), MinP(1.0))
    ids = sample(sampler, np.tile(logits, (4096, 1)), uniform)
    assert (np.diff(ids) >= 0).all()  # in the order of ids
    counts = np.bincount(ids, minlength=8)
    np.testing.assert_allclose(counts, 4096 * kept(sampler, logits), atol=1.01)
    assert (counts[kept(sampler, logits) == 0] == 0).all()


@pytest.mark.parametrize("sampler", [s for s in SAMPLERS if np.sum(kept(s, np.arange(8)) > 0) > 1])
def test_frequencies_are_the_probabilities(sampler):
    rng = np.random.default_rng(42)
    logits = rng.normal(size=8).astype("float32")
    ids = sample(sampler, np.tile(logits, (20_000, 1)), rng.random(20_000, "float32"))
    expected = 20_000 * kept(sampler, logits)
    counts = np.bincount(ids, minlength=8)
    possible = expected > 0
    assert counts[~possible].sum() == 0
    assert stats.chisquare(counts[possible], expected[possible]).pvalue > 0.01


@each_kind
def test_against_numpy(sampler):
    @settings(max_examples=30, deadline=None)
    @given(logits=BATCH, uniform=UNIFORM)
    @example(np.zeros((2, 8), "float32"), 0.999)
    @example(np.full((1, 8), -np.inf, "float32") + np.eye(8)[[3]].cumsum(), 0.5)
    def check(logits, uniform):
        ids = sample(sampler, logits, np.full(len(logits), uniform))
        for row, id in zip(logits, ids, strict=True):
            assert 0 <= id < 8
            if np.isfinite(row).all() and well_apart(sampler, row):
                p = kept(sampler, row)
                before = p[:id].sum()
                assert p[id] > 0 or before == 0
                assert before - 1e-5 <= uniform <= before + p[id] + 1e-5

    check()


@each_kind
def test_never_an_id_that_is_left_out(sampler):
    @settings(max_examples=30, deadline=None)
    @given(logits=BATCH, uniform=UNIFORM | st.just(1 - 2**-24) | st.just(0.0))
    def check(logits, uniform):
        logits = np.where(logits == logits.min(), -np.inf, logits) if np.ptp(logits) else logits
        logits[np.isinf(logits).all(axis=1), 0] = 0.0
        ids = sample(sampler, logits, np.full(len(logits), uniform))
        chosen = np.take_along_axis(logits, ids[:, None], axis=1)[:, 0].astype("float64")
        assert np.isfinite(chosen).all()
        above = (logits > chosen[:, None]).sum(axis=1)
        if isinstance(sampler, TopK):
            assert (above < sampler.k).all()
        if isinstance(sampler, TopP):
            for row, value in zip(logits, chosen, strict=True):
                p = kept(Temperature(sampler.temperature), row)
                assert p[row > value].sum() < sampler.p + 1e-5
        if isinstance(sampler, MinP):
            ratio = np.exp((chosen - logits.max(axis=1)) / sampler.temperature)
            assert (ratio >= sampler.p - 1e-5).all()

    check()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_row_does_not_depend_on_the_others(sampler):
    rng = np.random.default_rng(1)
    logits, uniform = rng.normal(size=(6, 8)).astype("float32"), rng.random(6, "float32")
    together = sample(sampler, logits, uniform)
    alone = [sample(sampler, logits[i : i + 1], uniform[i : i + 1]) for i in range(6)]
    np.testing.assert_array_equal(together, np.concatenate(alone))
    order = rng.permutation(6)
    np.testing.assert_array_equal(sample(sampler, logits[order], uniform[order]), together[order])


@given(logits=BATCH, uniform=UNIFORM)
@settings(max_examples=30, deadline=None)
def test_limits(logits, uniform):
    uniform = np.full(len(logits), uniform)
    greedy = sample(Greedy(), logits, uniform)
    np.testing.assert_array_equal(greedy, logits.argmax(axis=1))
    np.testing.assert_array_equal(sample(TopK(1), logits, uniform), greedy)
    np.testing.assert_array_equal(sample(TopP(1e-9), logits, uniform), greedy)
    first = logits.max(axis=1, keepdims=True)
    for sampler in (Temperature(1e-10), Temperature(1e-300), MinP(1.0), TopK(8, 1e-10)):
        ids = sample(sampler, logits, uniform)
        # Ties stay ties, and so do, in float32, ids that are all but as probable.
        assert (np.take_along_axis(logits, ids[:, None], 1) >= first - 1e-6).all()
    anything = sample(Temperature(), logits, uniform)
    np.testing.assert_array_equal(sample(TopK(8), logits, uniform), anything)
    np.testing.assert_array_equal(sample(TopK(1000), logits, uniform), anything)
    np.testing.assert_array_equal(sample(MinP(1e-30), logits, uniform), anything)


def test_of_equal_ids_the_first_are_kept():
    logits = np.tile(np.float32([1, 2, 2, 0, 2, 2]), (1000, 1))
    uniform = np.arange(1000) / 1000
    assert set(sample(TopK(2), logits, uniform)) == {1, 2}
    assert set(sample(TopK(5), logits, uniform)) == {0, 1, 2, 4, 5}
    assert set(sample(TopP(0.4), logits, uniform)) == {1, 2}
    assert set(sample(MinP(1.0), logits, uniform)) == {1, 2, 4, 5}
    assert set(sample(Greedy(), logits, uniform)) == {1}


def test_more_ids_than_fit_into_one_vector():
    rng = np.random.default_rng(3)
    logits = np.tile(rng.normal(size=1003).astype("float32"), (500, 1))
    uniform = (np.arange(500) + 0.5) / 500
    for sampler in (Temperature(0.7), TopK(40), TopP(0.8), MinP(0.05)):
        p = kept(sampler, logits[0])
        ids = sample(sampler, logits, uniform)
        end = np.cumsum(p)[ids]
        assert (p[ids] > 0).all()
        assert (np.abs(end - p[ids] / 2 - uniform) <= p[ids] / 2 + 1e-5).all()


def test_half_precision_logits():
    logits = keras.ops.cast(np.log([[0.25, 0.5, 0.25]]), "float16")
    for u, expected in ((0.2, 0), (0.3, 1), (0.74, 1), (0.76, 2)):
        assert sample(Temperature(), logits, np.array([u])) == [expected]


def test_samplers_are_values():
    assert TopK(3) == TopK(3, 1.0) != TopK(4)
    assert len({Temperature(0.5), Temperature(0.5), Temperature(0.6), MinP(0.5), TopP(0.5)}) == 4
    assert repr(TopP(0.9)) == "TopP(p=0.9, temperature=1.0)"


@pytest.mark.parametrize("value", [0, 0.0, -1.0, float("nan"), float("inf"), "1", None, True])
@pytest.mark.parametrize(
    "make",
    [Temperature, lambda t: TopK(2, t), lambda t: TopP(0.5, t), lambda t: MinP(0.5, t)],
)
def test_wrong_temperatures(make, value):
    with pytest.raises(ValueError, match=r"temperature above 0 .* temperature="):
        make(value)


@pytest.mark.parametrize("value", [0, -0.1, 1.1, 2, float("nan"), "0.5", None, True])
@pytest.mark.parametrize("sampler", [TopP, MinP])
def test_wrong_probabilities(sampler, value):
    with pytest.raises(ValueError, match=r"number in \(0, 1\]\. Received: p="):
        sampler(value)


@pytest.mark.parametrize("value", [0, -1, 1.5, "2", None, True])
def test_wrong_k(value):
    with pytest.raises(ValueError, match=r"whole number of at least 1\. Received: k="):
        TopK(value)
