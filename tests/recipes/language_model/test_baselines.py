"""n-gram baselines, and how language models are scored, against slow and simple ways."""

from collections import Counter, defaultdict

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from recipes.language_model.baselines import NGrams, _Table
from recipes.language_model.scores import Reader, at_most, blocks, is_recurrent, language_scores
from recipes.language_model.scores import reader_for as suitable_reader

segments = st.lists(st.integers(1, 60), min_size=1, max_size=5).map(
    lambda lengths: [
        (sum(lengths[:i]), sum(lengths[: i + 1])) for i in range(len(lengths))
    ]
)  # fmt: skip


class SlowNGrams:
    """The same formula with dictionaries, one id at a time."""

    def __init__(self, ids, segments, vocabulary_size, order):
        self.size, self.order = vocabulary_size, order
        self.counts = defaultdict(Counter)
        for start, end in segments:
            for position in range(start, end):
                for n in range(min(order - 1, position - start) + 1):
                    self.counts[tuple(ids[position - n : position])][ids[position]] += 1

    def probability(self, token, history):
        """Of a token after all that came before it in its segment."""
        found = 1 / self.size
        for n in range(min(self.order - 1, len(history)) + 1):
            followers = self.counts.get(tuple(history[len(history) - n :]), {})
            if followers:
                kinds, total = len(followers), sum(followers.values())
                found = (followers.get(token, 0) + kinds * found) / (total + kinds)
        return found


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_ngrams_are_those_of_a_dictionary(order):
    generator = np.random.default_rng(1)
    ids = np.concatenate([generator.integers(0, 3, 120), generator.integers(1, 6, 60)])
    train, other = [(0, 50), (50, 51), (51, 120)], [(120, 150), (150, 180)]
    fast = NGrams(ids, train, 7, order).models()[f"{order}-gram"]
    slow = SlowNGrams(ids.tolist(), train, 7, order)
    for part in (train, other):
        found, hits = fast(part)
        expected, right = [], []
        for start, end in part:
            for position in range(start + 1, end):
                history = ids[start:position].tolist()
                each = [slow.probability(token, history) for token in range(7)]
                assert sum(each) == pytest.approx(1)
                expected.append(np.log(each[ids[position]]))
                right.append(int(np.argmax(each)) == ids[position])
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        assert hits.tolist() == right


@settings(deadline=None, max_examples=50)
@given(segments, st.integers(1, 4), st.integers(0, 2**16))
def test_probabilities_sum_to_one(parts, size, seed):
    ids = np.random.default_rng(seed).integers(0, size, parts[-1][1])
    ngrams = NGrams(ids, parts[: (len(parts) + 1) // 2], size)
    if sum(end - start - 1 for start, end in parts) == 0:
        return
    for positions, found in ngrams.distributions(parts):
        assert found.shape == (5, len(positions), size)
        assert (found > 0).all()
        np.testing.assert_allclose(found.sum(axis=2), 1)


def test_each_order_is_a_baseline_of_its_own():
    ids = np.tile([0, 1, 2, 0, 2, 1], 50)
    models = NGrams(ids, [(0, 240)], 3).models()
    assert list(models) == ["1-gram", "2-gram", "3-gram", "4-gram", "5-gram"]
    nats = [-models[name]([(240, 300)])[0].mean() for name in models]
    assert nats == sorted(nats, reverse=True)
    assert nats[0] == pytest.approx(np.log(3), rel=1e-3)
    assert nats[2] < 0.1  # two ids tell the next one


def test_a_large_vocabulary_is_cut_into_blocks(monkeypatch):
    ids = np.random.default_rng(2).integers(0, 50, 400)
    whole = NGrams(ids, [(0, 300)], 50).models()["3-gram"]([(300, 400)])
    monkeypatch.setattr("recipes.language_model.baselines.BLOCK", 5 * 50 * 7)
    cut = NGrams(ids, [(0, 300)], 50).models()["3-gram"]([(300, 400)])
    for one, other in zip(whole, cut, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_nothing_followed_leaves_the_decision_to_the_shorter_context():
    table = _Table(np.array([0, 2]), np.array([1, 0]), 2)
    below = np.array([[0.25, 0.75]] * 4)
    found = table.distributions(np.array([0, 1, 2, -1]), below)
    np.testing.assert_allclose(found, [[0.125, 0.875], [0.25, 0.75], [0.625, 0.375], [0.25, 0.75]])


# How models are read


@settings(deadline=None)
@given(segments, st.integers(1, 20), st.integers(0, 20))
def test_every_target_is_counted_once(parts, block, warm_up):
    if max(end - start for start, end in parts) < 2:
        return
    plan, length = blocks(parts, block, warm_up)
    seen = []
    for at, first, last in plan:
        assert 0 <= first < last <= length
        (home,) = [(start, end) for start, end in parts if start <= at < end]
        assert first == (0 if at == home[0] else warm_up)
        seen += (at + 1 + np.arange(first, last)).tolist()
        assert at + last < home[1]  # the last target that counts is one of the segment
    assert sorted(seen) == [p for start, end in parts for p in range(start + 1, end)]


def test_a_segment_is_read_in_order():
    plan, length = blocks([(100, 3000)], 1000, 500)
    assert length == 1500
    assert plan.tolist() == [[100, 0, 1500], [1100, 500, 1500], [2100, 500, 899]]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    model = zoo.char_rnn(7, units=8, embedding_dim=4)
    model.set_weights([3 * weight for weight in model.get_weights()])
    return model


def by_hand(model, ids, start, end):
    """Log probabilities and hits in one pass over a segment."""
    logits = np.asarray(model(ids[None, start : end - 1]), np.float64)[0]
    targets = ids[start + 1 : end]
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return np.log(shares[np.arange(len(targets)), targets]), logits.argmax(axis=-1) == targets


def test_blocks_come_close_to_one_pass(model):
    ids = np.random.default_rng(4).integers(0, 7, 700).astype("int32")
    parts = [(10, 400), (400, 430), (430, 700)]
    expected = [np.concatenate(x) for x in zip(*(by_hand(model, ids, *p) for p in parts))]  # noqa: B905
    for block, warm_up, tolerance in ((1000, 500, 1e-5), (60, 60, 2e-3)):
        found, hits = Reader(model, ids, block, warm_up)(parts)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected[0], atol=tolerance)
        assert (hits == expected[1]).mean() > 0.995


def test_without_warm_up_the_context_is_missed(model):
    ids = np.random.default_rng(4).integers(0, 7, 300).astype("int32")
    whole, _ = by_hand(model, ids, 0, 300)
    found, _ = Reader(model, ids, 5, 0)([(0, 300)])
    assert np.abs(found - whole).max() > 0.1


def test_batches_of_blocks_make_no_difference(model, monkeypatch):
    ids = np.random.default_rng(5).integers(0, 7, 500).astype("int32")
    expected = Reader(model, ids, 40, 10)([(0, 500)])
    monkeypatch.setattr("recipes.language_model.scores.ROWS", 5)
    for one, other in zip(Reader(model, ids, 40, 10)([(0, 500)]), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_the_reader_suits_the_model(model):
    reader = suitable_reader(model, np.zeros(5), window=32)
    assert (reader.block, reader.warm_up) == (1000, 500)
    inputs = keras.Input((None,), dtype="int32")
    assert is_recurrent(keras.Model(inputs, model(inputs)))
    plain = keras.Sequential([keras.Input((None,)), keras.layers.Embedding(7, 7)])
    reader = suitable_reader(plain, np.zeros(5), window=33)
    assert (reader.block, reader.warm_up) == (16, 17)


def test_a_uniform_model_has_the_scores_of_its_vocabulary():
    model = keras.Sequential(
        [keras.Input((None,)), keras.layers.Embedding(8, 8, embeddings_initializer="zeros")]
    )
    ids = np.arange(80) % 8
    found = language_scores(*Reader(model, ids, 20, 5)([(0, 80)]))
    assert found == {
        "nats": pytest.approx(np.log(8)),
        "bits_per_character": pytest.approx(3),
        "perplexity": pytest.approx(8),
        "accuracy": pytest.approx(9 / 79),  # that of the first id, which wins ties
    }


def test_sub_words_are_scored_by_character_and_by_token():
    found = language_scores(np.log([0.25, 0.25]), np.array([True, True]), characters=8)
    assert found["bits_per_character"] == pytest.approx(0.5)
    assert found["nats_per_token"] == pytest.approx(np.log(4))
    assert found["perplexity"] == pytest.approx(4)
    assert list(found) == [
        "nats", "bits_per_character", "nats_per_token", "perplexity", "accuracy",
    ]  # fmt: skip


def test_a_hopeless_model_has_a_finite_perplexity():
    assert np.isfinite(language_scores(np.array([-1e5]), np.array([False]))["perplexity"])


@given(segments, st.integers(2, 100))
def test_at_most_cuts_the_end_off(parts, limit):
    found = at_most(parts, limit)
    positions = [p for start, end in found for p in range(start, end)]
    assert positions == list(range(parts[-1][1]))[: len(positions)]
    assert len(positions) in (min(limit, parts[-1][1]), limit - 1)
