"""Every encoder can be chosen by its name alone."""

from dataclasses import replace

import pytest

from recipes import text_classification as recipe
from zoo.models.text_classifier import ENCODERS


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_encoder_needs_no_other_argument(tmp_path, encoder):
    rows = [f"a {kind} film {number},{kind}" for kind in ("good", "bad") for number in range(40)]
    (tmp_path / "texts.csv").write_text("\n".join(["text,label", *rows]))
    config = recipe.default_config(own_data=True)
    config = replace(config, data=str(tmp_path / "texts.csv"), text="text", target="label")
    data = recipe.load_data(config)
    chosen = replace(config, model_arguments={**config.model_arguments, "encoder": encoder})
    model = recipe.build_model(chosen, data).training_model
    names = {layer.name for layer in model.layers}
    assert ("ngrams" in names) == (encoder == "mean")
    assert model.output_shape == (None, 1)
