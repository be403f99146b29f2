"""Every encoder can be chosen by its name alone."""

import pytest

from recipes import text_classification as recipe
from recipes.engine.arguments import parse
from zoo.models.text_classifier import ENCODERS


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_encoder_needs_no_other_argument(tmp_path, encoder):
    rows = [f"a {kind} film {number},{kind}" for kind in ("good", "bad") for number in range(40)]
    (tmp_path / "texts.csv").write_text("\n".join(["text,label", *rows]))
    where = ["--data", str(tmp_path / "texts.csv"), "--text", "text", "--target", "label"]
    config = parse("text_classification", [*where, "--model.encoder", encoder])
    assert ("ngrams" in config.model_arguments) == (encoder == "mean")
    model = recipe.build_model(config, recipe.load_data(config)).training_model
    names = {layer.name for layer in model.layers}
    assert ("ngrams" in names) == (encoder == "mean")
    assert model.output_shape == (None, 1)


def test_what_a_flag_says_stays():
    flags = ["--dataset", "imdb", "--model.encoder=bigru", "--model.embedding_dim", "9"]
    assert parse("text_classification", flags).model_arguments == {
        "encoder": "bigru", "embedding_dim": 9,
    }  # fmt: skip
    flags = ["--dataset", "imdb", "--model.encoder", "mean", "--model.ngrams", "1"]
    arguments = parse("text_classification", flags).model_arguments
    assert arguments["ngrams"] == 1
    reber = parse("text_classification", ["--model.encoder", "gru"]).model_arguments
    assert (reber["encoder"], reber["pooling"], reber["embedding_dim"]) == ("gru", "max", 16)
