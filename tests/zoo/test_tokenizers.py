"""From text to ids and back, inside a saved model."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from pydoc_data.topics import topics

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import zoo
from zoo.layers import (
    CharacterTokenizer,
    NoteTokenizer,
    SubwordTokenizer,
    TextTokenizer,
    WordTokenizer,
)

KINDS = {"bpe": 256, "wordpiece": 512, "unigram": 256}
TEXT = topics["assignment"][:6000]
# Any text, and what its words, bytes and special symbols could break.
ANY = st.text(max_size=30) | st.text("aĠ▁Ċ# \n\r\t\x00é🙂", max_size=30)


@pytest.fixture(scope="module", params=KINDS)
def subwords(request):
    return SubwordTokenizer.fit(TEXT, request.param, KINDS[request.param] + 90)


def test_ids_of_characters():
    layer = CharacterTokenizer("cab")
    np.testing.assert_array_equal(layer.encode("abc"), [1, 2, 0])
    assert layer.encode("abc").dtype == np.int32
    assert layer.decode([0, 1, 2]) == layer.decode(np.array([0, 1, 2], "int64")) == "cab"
    assert layer.encode("").shape == (0,)
    assert layer.decode([]) == layer.decode(layer.encode("")) == ""
    assert layer.vocabulary_size == 3


def test_fit_sorts_the_characters():
    layer = CharacterTokenizer.fit("Hello, World")
    assert layer.characters == " ,HWdelor"
    assert CharacterTokenizer.fit("Hello, World", lowercase=True).characters == " ,dehlorw"


@given(text=st.text(alphabet=st.characters(), min_size=1))  # lone surrogates, too
@example("\x00a\x00")
@example("\ud83d\ude42🙂")
def test_characters_are_inverse(text):
    layer = CharacterTokenizer.fit(text)
    ids = layer.encode(text)
    assert layer.decode(ids) == text
    assert set(ids) == set(range(layer.vocabulary_size))
    lower = CharacterTokenizer.fit(text, lowercase=True)
    assert lower.decode(lower.encode(text)) == text.lower()
    again = CharacterTokenizer.from_config(json.loads(json.dumps(layer.get_config())))
    np.testing.assert_array_equal(again.encode(text), ids)


@given(known=st.text(min_size=1), text=st.text())
def test_unknown_characters_have_the_last_id(known, text):
    layer = CharacterTokenizer.fit(known, unknown=True)
    ids = layer.encode(text)
    assert layer.vocabulary_size == len(set(known)) + 1
    assert layer.decode(ids) == "".join(c if c in known else "\ufffd" for c in text)
    others = np.array([c not in known for c in text], bool)
    np.testing.assert_array_equal(ids == len(set(known)), others)


def test_unknown_characters_are_named():
    layer = CharacterTokenizer("abc")
    with pytest.raises(ValueError, match=r"lacks the character 'B'\. Leave .* unknown=True"):
        layer.encode("aBcB")
    with pytest.raises(ValueError, match=r"characters '\\n', 'h', 'g', 'f', 'e' and 1 more\."):
        layer.encode("\nhgfed")
    assert CharacterTokenizer("abc", lowercase=True).encode("aBc").tolist() == [0, 1, 2]


def test_wrong_characters():
    with pytest.raises(ValueError, match=r"each once\. Received: characters=''"):
        CharacterTokenizer("")
    with pytest.raises(ValueError, match="characters='aba'"):
        CharacterTokenizer("aba")
    with pytest.raises(ValueError, match="in lower case"):
        CharacterTokenizer("aB", lowercase=True)


@pytest.mark.parametrize("layer", [CharacterTokenizer, SubwordTokenizer])
def test_wrong_text(layer):
    with pytest.raises(ValueError, match="Received: an empty one"):
        layer.fit("")
    with pytest.raises(ValueError, match=r"type str\. Received: bytes"):
        layer.fit(b"abc")
    with pytest.raises(ValueError, match=r"type str\. Received: list"):
        layer.fit("abc").encode(["abc"])


@pytest.mark.parametrize("layer", [CharacterTokenizer, SubwordTokenizer])
def test_wrong_ids(layer):
    layer = layer.fit("abc")
    size = layer.vocabulary_size
    for wrong in (size, -1):
        with pytest.raises(ValueError, match=rf"in \[0, {size}\)\. Received: {wrong}"):
            layer.decode([0, wrong])
    with pytest.raises(ValueError, match=r"one dimension\. Received: ids of shape \(1, 2\)"):
        layer.decode([[0, 1]])
    with pytest.raises(ValueError, match="type float64"):
        layer.decode([0.0, 1.0])


def test_subwords_are_inverse_on_any_text(subwords):
    @settings(max_examples=150, deadline=None)
    @given(text=ANY | st.builds(lambda text, times: text * times, ANY, st.integers(2, 300)))
    @example("##a ▁b [UNK] <unk> </s>\ufffd")
    @example("x" * 1000)
    @example(TEXT)
    def check(text):
        ids = subwords.encode(text)
        assert ids.dtype == np.int32
        assert ids.ndim == 1
        assert subwords.decode(ids) == text
        assert all(0 <= id < subwords.vocabulary_size for id in ids)

    check()


def test_subwords_of_two_texts_are_those_of_one_at_a_border_of_words(subwords):
    border = TEXT.index(" the ")
    parts = [subwords.encode(TEXT[:border]), subwords.encode(TEXT[border:])]
    np.testing.assert_array_equal(np.concatenate(parts), subwords.encode(TEXT))


def test_subwords_are_fewer_than_characters(subwords):
    assert len(subwords.encode(TEXT)) < 0.75 * len(TEXT)
    assert len(subwords.encode(" the")) < 4


def test_every_byte_has_an_id(subwords):
    """At the start of a word and inside of it; a byte alone may be no character."""
    for code in range(128):
        assert subwords.decode(subwords.encode(chr(code))) == chr(code)
        assert subwords.decode(subwords.encode("q" + chr(code))) == "q" + chr(code)
    ids = subwords.encode("🙂")
    assert len(ids) == 4
    assert set(subwords.decode(ids[:3])) == {"\ufffd"}


def test_byte_pairs_merge_the_most_frequent_pair():
    layer = SubwordTokenizer.fit("ab ab ab bc", "bpe", 257)
    assert [layer.decode([id]) for id in layer.encode("abc cab")] == ["ab", "c", " ", "c", "ab"]


def test_word_pieces_take_the_longest_start():
    layer = SubwordTokenizer.fit("lowest lowest low low low est", "wordpiece", 518)
    assert [layer.decode([id]) for id in layer.encode("low")] == ["low"]
    pieces = [layer.decode([id]) for id in layer.encode("lowlowest")]
    assert pieces[0] == "low"
    assert len(pieces) > 2  # "low" inside of a word is another token


def test_unigram_takes_the_most_probable_pieces():
    layer = SubwordTokenizer.fit(TEXT, "unigram", 300)
    scores = json.loads(layer.model_json)["model"]["vocab"]
    assert [score for _, score in scores] == sorted((s for _, s in scores), reverse=True)
    scores = dict(scores)

    def best(word):
        cuts = [[word]] if word in scores else []
        cuts += [[word[:i], *rest] for i in range(1, len(word)) if word[:i] in scores
                 for rest in best(word[i:])]  # fmt: skip
        return cuts

    for word in ("assignment", "reassigned", "lists"):
        expected = max(sum(scores[p] for p in cut) for cut in best(word))
        pieces = [layer.decode([id]) for id in layer.encode(word)]
        assert "".join(pieces) == word
        assert sum(scores[piece] for piece in pieces) == pytest.approx(expected, abs=1e-9)


SAME_TEXT = """
import sys
from zoo.layers import SubwordTokenizer
for kind, size in (("bpe", 306), ("wordpiece", 562), ("unigram", 306)):
    print(SubwordTokenizer.fit(sys.argv[1], kind, size).model_json.replace("\\n", " "))
"""


@pytest.mark.parametrize("fresh", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_same_text_gives_the_same_vocabulary(capfd, fresh):
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("abcdé "), 600))  # many ties
    models = []
    for kind, least in KINDS.items():
        several = {SubwordTokenizer.fit(text, kind, least + 50).model_json for _ in range(10)}
        assert len(several) == 1
        models += [several.pop().replace("\n", " ")]
    assert capfd.readouterr() == ("", "")
    if not fresh:
        return
    done = subprocess.run(
        [sys.executable, "-c", SAME_TEXT, text],
        cwd=Path(zoo.__file__).parents[1],
        env={**os.environ, "TOKENIZERS_PARALLELISM": "false"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == models, done.stderr


def test_a_short_text_has_fewer_subwords():
    for kind, least in KINDS.items():
        layer = SubwordTokenizer.fit("a", kind, 1000)
        assert layer.vocabulary_size == least
        assert layer.decode(layer.encode("Ü a")) == "Ü a"


def test_wrong_subwords():
    for kind, least in KINDS.items():
        with pytest.raises(ValueError, match=f"{kind} needs a vocabulary_size of at least {least}"):
            SubwordTokenizer.fit("abc", kind, least - 1)
    with pytest.raises(ValueError, match=r"bpe, wordpiece, unigram\. Received: kind='words'"):
        SubwordTokenizer.fit("abc", "words")
    with pytest.raises(ValueError, match=r"vocabulary_size must be a whole number"):
        SubwordTokenizer.fit("abc", vocabulary_size=300.0)
    with pytest.raises(ValueError, match="surrogates not allowed"):
        SubwordTokenizer.fit("abc").encode("\ud800")
    with pytest.raises(ValueError, match=r"tokenizers library.*model_json='\{\}'"):
        SubwordTokenizer("{}")
    panics = json.loads(SubwordTokenizer.fit("abc").model_json)
    gaps = {**panics["model"], "vocab": {**panics["model"]["vocab"], "gap": 999}}
    with pytest.raises(ValueError, match="ids have gaps"):
        SubwordTokenizer(json.dumps({**panics, "model": gaps}))
    pieces = json.loads(SubwordTokenizer.fit("abc", "wordpiece", 600).model_json)
    pieces["added_tokens"].clear()
    del pieces["model"]["vocab"]["Ã"]
    with pytest.raises(ValueError, match="UNK"):
        SubwordTokenizer(json.dumps(pieces))
    for lost, cause in (("Ģ", "lack bytes"), ("▁Ģ", "UNK"), (None, "UNK")):
        pieces = json.loads(SubwordTokenizer.fit("abc", "wordpiece", 600).model_json)
        pieces["added_tokens"].clear()
        number = pieces["model"]["vocab"].pop(lost, None)
        if lost:  # a byte that begins no character, but a word that is cut off after 100 bytes
            pieces["model"]["vocab"]["gap"] = number
        else:
            pieces["model"]["max_input_chars_per_word"] = 99
        with pytest.raises(ValueError, match=cause):
            SubwordTokenizer(json.dumps(pieces))
        pieces["model"]["vocab"]["[UNK]"] = len(pieces["model"]["vocab"])
        assert SubwordTokenizer(json.dumps(pieces)).encode("x" * 500).size
    panics["pre_tokenizer"] = {"type": "FixedLength", "length": 0}
    with pytest.raises(ValueError, match="tokenizers library"):
        SubwordTokenizer(json.dumps(panics))


def language_model(layer):
    inputs = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(layer.vocabulary_size, 4)(layer(inputs))
    return keras.Model(inputs, keras.layers.Dense(layer.vocabulary_size)(x))


@pytest.mark.parametrize(
    "make",
    [
        lambda: CharacterTokenizer.fit("Is At\t\x00\ud800é🙂", lowercase=True, unknown=True),
        lambda: CharacterTokenizer.fit(TEXT),
        *(lambda kind=kind: SubwordTokenizer.fit(TEXT, kind, 550) for kind in KINDS),
    ],
)
def test_the_vocabulary_travels_with_the_model(make, tmp_path):
    layer = make()
    model = language_model(layer)
    model.save(tmp_path / "model.keras")
    loaded = zoo.load(tmp_path)
    found = zoo.tokenizer(loaded)
    assert found is not layer
    assert (type(found), found.get_config()) == (type(layer), layer.get_config())
    ids = found.encode("is at")
    np.testing.assert_array_equal(ids, layer.encode(found.decode(ids)))
    np.testing.assert_array_equal(loaded(ids[None]), model(ids[None]))


def test_in_the_graph_ids_stay_as_they_are():
    for layer in (CharacterTokenizer("abc"), SubwordTokenizer.fit("abc")):
        ids = np.array([[0, 2, 1]], "int32")
        outputs = layer(ids)
        assert keras.backend.standardize_dtype(outputs.dtype) == "int32"
        np.testing.assert_array_equal(outputs, ids)
        symbolic = layer(keras.Input((None,), dtype="int32"))
        assert (symbolic.shape, symbolic.dtype) == ((None, None), "int32")
        assert layer.weights == []


def test_subwords_in_lower_case():
    layer = SubwordTokenizer.fit("To be, OR not to BE", vocabulary_size=265, lowercase=True)
    same = SubwordTokenizer.fit("to be, or not to be", vocabulary_size=265)
    assert layer.model_json == same.model_json
    np.testing.assert_array_equal(layer.encode("NOT TO"), same.encode("not to"))
    assert layer.normalize("NOT TO") == layer.decode(layer.encode("Not To")) == "not to"
    again = SubwordTokenizer.from_config(layer.get_config())
    np.testing.assert_array_equal(again.encode("NOT TO"), same.encode("not to"))


def test_what_a_vocabulary_lacks():
    known = CharacterTokenizer("abc", lowercase=True)
    assert known.unknown_characters("Bad cab, dad!") == ["d", " ", ",", "!"]
    assert (known.unknown_id, CharacterTokenizer("abc", unknown=True).unknown_id) == (None, 3)
    subwords = SubwordTokenizer.fit("abc")
    assert (subwords.unknown_characters("d"), subwords.unknown_id) == ([], None)
    assert known.padding_id is known.start_id is known.end_id is None


def test_the_tokenizer_is_found_in_nested_models():
    layer = CharacterTokenizer("abc", name="letters")
    inputs = keras.Input((None,), dtype="int32")
    outer = keras.Model(inputs, keras.layers.Dense(2)(language_model(layer)(inputs)))
    assert zoo.tokenizer(outer) is zoo.tokenizer(outer, "letters") is layer
    with pytest.raises(ValueError, match=r"one of 'letters'\. Received: 'source'"):
        zoo.tokenizer(outer, "source")
    plain = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)], name="plain")
    with pytest.raises(ValueError, match=r"'plain', which has none"):
        zoo.tokenizer(plain)


def translator(source, target):
    inputs = {n: keras.Input((None,), dtype="int32", name=n) for n in ("source", "target")}
    embedding = keras.layers.Embedding(300, 2)
    outputs = embedding(source(inputs["source"])), embedding(target(inputs["target"]))
    return keras.Model(inputs, outputs)


def test_of_two_tokenizers_one_is_named():
    layers = [CharacterTokenizer("abc", name=f"{name}_tokenizer") for name in ("source", "target")]
    model = translator(*layers)
    assert [zoo.tokenizer(model, name) for name in ("source", "target")] == layers
    for name in (None, "sauce"):
        with pytest.raises(ValueError, match=rf"one of 'source', 'target'\. Received: {name!r}"):
            zoo.tokenizer(model, name)


# Format 1: other names, layers without the special ids of translations, and no "lowercase".


def save_as_format_1(model, path, *dropped):
    """Saves a model, and rewrites its file as if format 1 had."""
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    text = members["config.json"].decode()
    for new, old in OLD_NAMES.items():
        text = text.replace(f'"class_name": "{new}"', f'"class_name": "{old}"')
        text = text.replace(f'"registered_name": "zoo>{new}"', f'"registered_name": "zoo>{old}"')
    config = json.loads(text.replace('"tokenizer": {', '"tokens": {'), object_hook=without(dropped))
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, json.dumps(config) if name == "config.json" else content)


OLD_NAMES = {
    "CharacterTokenizer": "CharacterTokens",
    "NoteTokenizer": "NoteTokens",
    "SubwordTokenizer": "SubwordTokens",
    "TextTokenizer": "TextIds",
    "WordTokenizer": "WordTokens",
}


def without(names):
    return lambda item: {name: value for name, value in item.items() if name not in names}


@pytest.mark.parametrize("lowercase", [True, False])
def test_language_models_of_format_1_are_read(lowercase, tmp_path):
    layer = CharacterTokenizer.fit(TEXT, lowercase, unknown=True)
    save_as_format_1(language_model(layer), tmp_path / "model.keras")
    found = zoo.tokenizer(zoo.load(tmp_path))
    assert type(found) is CharacterTokenizer
    np.testing.assert_array_equal(found.encode("The {Q}"), layer.encode("The {Q}"))
    layer = NoteTokenizer(voices=2)
    save_as_format_1(language_model(layer), tmp_path / "model.keras")
    np.testing.assert_array_equal(zoo.tokenizer(zoo.load(tmp_path)).encode([[60, 36]]), [25, 1])


def test_text_classifiers_of_format_1_are_read(tmp_path):
    layer = TextTokenizer(WordTokenizer(["good", "film"]), 3, "tail", lowercase=True, name="ids")
    save_as_format_1(language_model(layer), tmp_path / "model.keras", "special", "add_ends")
    found = zoo.tokenizer(zoo.load(tmp_path))
    assert (type(found), type(found.tokenizer)) == (TextTokenizer, WordTokenizer)
    assert found.encode(["A good, <b>Good</b> film", ""]).tolist() == [[2, 2, 3], [1, 0, 0]]


@pytest.mark.parametrize(
    "make",
    [
        lambda name: CharacterTokenizer("abc ", name=name),
        lambda name: WordTokenizer(["cab", "a"], name=name),
        lambda name: SubwordTokenizer.fit("abc", vocabulary_size=256, name=name),
    ],
    ids=["characters", "words", "bpe"],
)
def test_translators_of_format_1_have_their_special_ids(make, tmp_path):
    layers = make("source_tokens"), make("target_tokens")
    words = isinstance(layers[0], WordTokenizer)
    save_as_format_1(translator(*layers), tmp_path / "model.keras", *["lowercase"] * (not words))
    model = zoo.load(tmp_path)
    source, target = zoo.tokenizer(model, "source"), zoo.tokenizer(model, "target")
    ids = layers[0].encode("a cab") + 3
    np.testing.assert_array_equal(source.encode("a cab"), ids)
    np.testing.assert_array_equal(target.encode("a cab"), [1, *ids, 2])
    assert target.decode([1, *ids, 2, 4, 0]) == "a cab"
    assert [layer.name for layer in model.layers[2:4]] == ["source_tokenizer", "target_tokenizer"]
    assert source.vocabulary_size == 3 + layers[0].vocabulary_size
    assert (target.start_id, target.end_id, target.padding_id) == (1, 2, 0)
    with pytest.raises(ValueError, match=r"one of 'source', 'target'\. Received: None"):
        zoo.tokenizer(model)


def test_byte_pairs_with_a_prefix_are_refused():
    """Cut off from the middle of a letter, it aborts the process in Rust."""
    content = json.loads(SubwordTokenizer.fit("naïve " * 9, "bpe", 258).model_json)
    content["model"]["continuing_subword_prefix"] = "x"
    with pytest.raises(ValueError, match="Byte pairs have a prefix"):
        SubwordTokenizer(json.dumps(content))
