"""The wide path against scikit-learn, and what becomes of it in a run."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

import zoo
from recipes.classification.splits import folds
from recipes.text_classification import naive_bayes, semantics, wide
from recipes.text_classification.classifier import TextClassifier
from recipes.text_classification.coding import Part
from recipes.text_classification.importances import ngram_importances
from recipes.text_classification.presets import PRESETS
from recipes.text_classification.recipe import default_config
from recipes.text_classification.task import TextTask

SYLLABLES = ("ba", "ri", "to", "mu", "ka", "le")


def part_of(texts, labels, reader):
    classes = tuple("abcd"[: max(labels) + 1])
    texts = np.array(texts, object)
    return Part(texts, np.array(labels), classes, np.arange(len(texts)), reader.encode_list(texts))


def texts(classes, count=90, seed=3):
    """Words of syllables, of which each class prefers one; the words repeat, within texts, too."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    chances = np.full((classes, 6), 1.0) + 4 * np.eye(classes, 6)
    chances /= chances.sum(axis=1, keepdims=True)
    written = [
        " ".join(
            "".join(generator.choice(SYLLABLES, 2, p=chances[k]))
            for _ in range(generator.integers(3, 12))
        )
        for k in labels
    ]
    return written, labels


def ratio(features, own):
    inside, outside = (1 + (features[rows] > 0).sum(axis=0) for rows in (own, ~own))
    return np.log(inside / inside.sum() / (outside / outside.sum()))


def reference(train, labels, new, classes, added, more):
    """The logits of new texts, from scikit-learn's counts and its primal solver."""
    counter = CountVectorizer(ngram_range=(1, 3), binary=True, token_pattern=r"\S+")
    blocks = [[found.toarray() for found in (counter.fit_transform(train), counter.transform(new))]]
    words = sorted({word for text in [*train, *more] for word in text.split()})
    presence = CountVectorizer(vocabulary=words, binary=True, token_pattern=r"\S+")
    found = [presence.transform(part).toarray() for part in (train, new)]
    lengths = [np.sqrt(block.sum(axis=1, keepdims=True)) for block in blocks[0]]
    if more:
        known = set(counter.get_feature_names_out())
        new_words = np.array([word not in known for word in words])
        lengths = [
            np.sqrt(length**2 + part[:, new_words].sum(axis=1, keepdims=True))
            for length, part in zip(lengths, found, strict=True)
        ]
    if "spelling" in added:
        runs = CountVectorizer(analyzer="char_wb", ngram_range=(2, 5), binary=True)
        table = runs.fit_transform(words).toarray()
        table = table[:, table.sum(axis=0) >= 2]
        blocks.append([part @ table * wide.SPELLING for part in found])
    dense = []
    if "meaning" in added:
        everything = [*train, *more]
        rows = [part / length for part, length in zip(found, lengths, strict=True)]
        numbers, centre = semantics.directions(presence.transform(everything), rows[0])
        dense = [part @ numbers - centre for part in rows]
    columns = []
    for k in [1] if classes == 2 else range(classes):
        own, sides = labels == k, ([], [])
        for block in blocks:
            weights = ratio(block[0], own)
            for side, part, length in zip(sides, block, lengths, strict=True):
                side.append(part / length * weights)
        for side, part in zip(sides, dense, strict=False):
            side.append(part)
        model = LogisticRegression(
            C=naive_bayes.STRENGTH, solver="liblinear", tol=1e-8, max_iter=1000
        )
        model.fit(np.hstack(sides[0]), own)
        columns.append(model.decision_function(np.hstack(sides[1])))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("added", ["", "spelling", "spelling meaning more"])
@pytest.mark.parametrize("classes", [2, 3])
def test_it_is_logistic_regression_on_weighted_ngrams(classes, added, monkeypatch):
    monkeypatch.setattr(naive_bayes, "TOLERANCE", 1e-7)
    monkeypatch.setattr(naive_bayes, "ENOUGH", 0)
    monkeypatch.setattr(naive_bayes, "ENOUGH_OF_A_CLASS", 0)
    monkeypatch.setattr(wide, "MOST_ADDED", 10**8 if added else -1)

    train, labels = texts(classes)
    new, _ = texts(classes, 12, seed=4)
    more = texts(classes, 60, seed=5)[0] if "more" in added else []
    reader = zoo.layers.TextTokenizer.fit([*train, *more])
    outputs = 1 if classes == 2 else classes
    unlabelled = reader.encode_list(more)
    part = part_of(train, labels, reader)
    parts = [part.take(np.arange(7)), part.take(np.arange(7, len(part)))]
    model, _ = wide.fit(parts, reader, 3, outputs, unlabelled=unlabelled)
    found = TextClassifier(model).outputs(reader.encode_list(new))
    expected = reference(train, labels, new, classes, added, more)
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.fixture(scope="module")
def three():
    train, labels = texts(3)
    reader = zoo.layers.TextTokenizer.fit(train)
    part = part_of(train, labels, reader)
    return part, reader, wide.fit([part], reader, 2, 3)[0]


@pytest.mark.parametrize("ending", [0, 3])
def test_what_tokens_say_sums_to_the_logits(three, ending, monkeypatch):
    part, reader, model = three
    if ending:
        monkeypatch.setattr(wide, "ENDING", ending)
        monkeypatch.setattr(wide, "LONG", 1)
        model, _ = wide.fit([part], reader, 2, 3)
    layer = model.get_layer("wide")
    assert layer.ending == ending
    ids, classes = part.inputs[:5], [0, 1, 2, 1, 0]
    logits = TextClassifier(model).outputs(ids) - np.array(layer.bias)
    for values, row, logit, k in zip(
        ngram_importances(layer, ids, classes, "multiclass"), ids, logits, classes, strict=True
    ):
        assert values.shape == row.shape
        assert values.sum() == pytest.approx(logit[k], abs=1e-5)


def test_rare_ngrams_are_left_out_of_too_many(three, monkeypatch):
    part, reader, model = three
    everything = model.get_layer("wide").size
    monkeypatch.setattr(wide, "MOST_WEIGHTS", 3 * (everything // 2))
    layer = wide.fit([part], reader, 2, 3)[0].get_layer("wide")
    assert 0 < layer.size <= everything // 2
    hashes, rows = layer.hashes(part.inputs, 2)
    kept = np.isin(hashes, np.array(layer.known))
    counts = {h: len(set(rows[hashes == h])) for h in set(hashes.tolist())}
    most_left_out = max(counts[h] for h in hashes[~kept].tolist())
    assert min(counts[h] for h in hashes[kept].tolist()) > most_left_out


@pytest.mark.parametrize(("classes", "more"), [(2, True), (3, False)])
def test_fifths_are_predicted_by_the_other_texts_alone(classes, more, monkeypatch):
    monkeypatch.setattr(naive_bayes, "TOLERANCE", 1e-7)
    seen = {}

    def kept(labels, found, shares):
        seen.update(labels=labels, found=found, shares=shares)
        return 0.5

    monkeypatch.setattr(wide, "fit_prior_shift", kept)
    monkeypatch.setattr(wide, "fit_temperature", lambda labels, found: 4.0)
    train, labels = texts(classes, 60)
    labels[-1] = classes  # the only text of its class
    unlabelled = texts(classes, 60, seed=5)[0] if more else []
    reader = zoo.layers.TextTokenizer.fit([*train, *unlabelled])
    part = part_of(train, labels, reader)
    given = (reader, 2, classes + 1, False, reader.encode_list(unlabelled))
    model, (moves, temperature) = wide.fit([part], *given)
    plain, _ = wide.fit([part], *given, (0.0, 1.0))
    assert temperature == 4
    np.testing.assert_allclose(moves, 0.5 * np.log(seen["shares"]))
    logits, before = (TextClassifier(each).outputs(part.inputs) for each in (model, plain))
    np.testing.assert_allclose(logits, (before + moves) / 4, atol=1e-5)
    expected = np.zeros((len(part), classes + 1))
    for fold in folds(labels, wide.FOLDS, 0.0).values():
        others = np.delete(np.arange(len(part)), fold["test"])
        alone, _ = wide.fit([part.take(others)], *given, (0.0, 1.0))
        outputs = TextClassifier(alone).outputs(part.take(fold["test"]).inputs)
        expected[fold["test"]] = naive_bayes.probabilities(outputs)
    assert len(seen["labels"]) == len(part) - 1
    # Which letters words share, and in which directions texts differ, all texts say together.
    error = np.abs(seen["found"] - expected[:-1])
    assert error.mean() < 0.002


@pytest.mark.parametrize("balanced", [False, True])
def test_labels_that_texts_say_nothing_of(balanced):
    train, labels = texts(2, 300)
    labels = np.random.default_rng(0).permutation(np.minimum(np.arange(300) // 100, 1))
    reader = zoo.layers.TextTokenizer.fit(train)
    part, new = part_of(train, labels, reader), reader.encode_list(texts(2, 100, seed=4)[0])
    models = [wide.fit([part], reader, 3, 1, balanced, (), how)[0] for how in (None, (0.0, 1.0))]
    calm, sure = (TextClassifier(model).of_inputs(new)[:, 1] for model in models)
    expected = 0.5 if balanced else 2 / 3
    assert np.abs(calm - expected).mean() < np.abs(sure - expected).mean() / 2


def test_words_that_share_no_letters_have_no_spelling():
    texts, labels = ["我喜欢茶", "我喜欢面", "茶太咸", "面太咸"] * 3, [1, 1, 0, 0] * 3
    reader = zoo.layers.TextTokenizer.fit(texts)
    model, _ = wide.fit([part_of(texts, labels, reader)], reader, 3, 1)
    found = TextClassifier(model).outputs(reader.encode_list(["喜欢", "太咸"]))
    assert found[0] > 0 > found[1]


def test_a_class_without_texts_is_never_said():
    rows = sparse.csr_matrix([[1, 0], [0, 1], [1, 0], [0, 1]])
    weights, bias = naive_bayes.fit([rows], [0, 2, 0, 2], 3)
    assert bias[1] == naive_bayes.NEVER
    assert (weights[:, 1] == 0).all()
    assert (rows @ weights + bias).argmax(axis=1).tolist() == [0, 2, 0, 2]


def test_ratios_of_few_texts_are_averaged_with_rarity(monkeypatch):
    found = np.random.default_rng(0).random((40, 6)) < 0.4
    rows = sparse.csr_matrix(found.astype("float32"))
    labels = np.repeat([0, 1, 2], [25, 10, 5])
    weighted = rows.multiply(naive_bayes.rarities(rows)).tocsr()
    assert np.mean(weighted.power(2).data) == pytest.approx(1, rel=1e-5)
    model = LogisticRegression(C=naive_bayes.STRENGTH, solver="liblinear", tol=1e-8)
    rare = model.fit(weighted, labels == 2).coef_[0] * naive_bayes.rarities(rows)
    ratios, _ = naive_bayes.fit([rows], labels, 3)  # as the baseline has them

    def weights(enough, of_a_class, labels=labels):
        monkeypatch.setattr(naive_bayes, "ENOUGH", enough)
        monkeypatch.setattr(naive_bayes, "ENOUGH_OF_A_CLASS", of_a_class)
        return naive_bayes.fit([rows], labels, labels.max() + 1, both=True)[0]

    np.testing.assert_array_equal(weights(40, 20), ratios)  # most texts are of the first class
    two = np.minimum(labels, 1)
    np.testing.assert_array_equal(weights(40, 99, two), naive_bayes.fit([rows], two, 2)[0])
    for enough, of_a_class in ((40, 26), (41, 0)):
        found = weights(enough, of_a_class)[:, 2]
        expected = (ratios[:, 2] + rare) / 2
        np.testing.assert_allclose(found, expected, atol=0.05 * np.abs(expected).max())


def test_classes_that_count_alike():
    rows = sparse.csr_matrix(np.ones((10, 1)))
    labels = [0] * 8 + [1] * 2
    plain, equal = (naive_bayes.fit([rows], labels, 2, balanced) for balanced in (False, True))
    assert (rows[:1] @ plain[0] + plain[1]).item() < -1
    assert (rows[:1] @ equal[0] + equal[1]).item() == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("words", "count", "sizes", "batch_size"),
    [
        # Short texts: 70 % of their words are kept; long ones: 50 words are.
        (10, 200, {"embedding_dim": 16, "buckets": 1_000, "word_dropout": 0.3}, 16),
        (250, 4_000, {"embedding_dim": 16, "buckets": 250_000, "word_dropout": 0.8}, 62),
        (5, 20_000, {"embedding_dim": 16, "buckets": 50_000, "word_dropout": 0.3}, 128),
    ],
)
def test_sizes_follow_from_number_and_length_of_the_texts(words, count, sizes, batch_size):
    ids = [np.ones(words, "int32")] * count
    part = Part(np.full(count, "a"), np.arange(count) % 2, ("a", "b"), np.arange(count), ids)
    config = default_config(own_data=True)
    task = TextTask(config, None, {"train": part}, None)
    assert (task.sizes, task.batch_size) == (sizes, batch_size)
    said = replace(config, model_arguments={"encoder": "mean", "buckets": 7})
    assert task.sized(said).model_arguments == {**sizes, "encoder": "mean", "buckets": 7}
    other = replace(config, model_arguments={"encoder": "gru"})
    assert task.sized(other) is other


def test_the_wide_path_is_for_ids_and_left_out_by_flag():
    config = default_config(own_data=True)
    assert wide.longest(config) == 3
    assert wide.longest(replace(config, tokenizer="characters")) == 5
    assert wide.longest(replace(config, wide=1)) == 1
    assert default_config("reber").wide == 0
    assert {preset["wide"] for preset in PRESETS.values()} == {0}


def test_ngrams_are_counted_by_the_texts_that_hold_them():
    generator = np.random.default_rng(0)
    ids = [np.int32(generator.integers(2, 12, length)) for length in generator.integers(1, 9, 60)]
    expected = Counter()
    for each in ids:
        expected.update(set(wide.WideNgrams.hashes([each], 3)[0].tolist()))
    known, texts = wide._counted(*wide.WideNgrams.hashes(ids, 3))
    assert known.tolist() == sorted(expected)
    assert texts.tolist() == [expected[each] for each in known.tolist()]
