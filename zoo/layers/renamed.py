"""Layers that files of format 1 name otherwise.

Keras finds the weights of a layer in a file by the name of its class: layers that own some are
known by their old names as classes of their own.
"""

import keras

from zoo.layers.character_tokenizer import CharacterTokenizer
from zoo.layers.ensemble import EnsembleMean
from zoo.layers.note_tokenizer import NoteTokenizer
from zoo.layers.stateful import StatefulConv1D, StatefulRNN
from zoo.layers.subword_tokenizer import SubwordTokenizer
from zoo.layers.text_tokenizer import TextTokenizer
from zoo.layers.units import Denormalization
from zoo.layers.word_tokenizer import WordTokenizer


class _Tokens:
    """Reads tokens of format 1, where translators had their special ids outside of the model."""

    def __init__(self, kind):
        self.kind = kind

    def from_config(self, config):
        layer = self.kind.from_config(config)
        if layer.name not in ("source_tokens", "target_tokens"):
            return layer
        return TextTokenizer(
            layer, strip_html=False, special=("padding", "start", "end"),
            add_ends=layer.name == "target_tokens", name=layer.name.replace("tokens", "tokenizer"),
        )  # fmt: skip


#: Old name: what reads it.
RENAMED = {
    "CharacterTokens": _Tokens(CharacterTokenizer), "MembersMean": EnsembleMean,
    "NoteTokens": NoteTokenizer, "SubwordTokens": _Tokens(SubwordTokenizer),
    "TargetUnits": Denormalization, "TextIds": TextTokenizer, "WordTokens": _Tokens(WordTokenizer),
}  # fmt: skip

keras.saving.get_custom_objects().update({f"zoo>{old}": new for old, new in RENAMED.items()})
for _old, _kind in {"CarriedInputs": StatefulConv1D, "CarriedState": StatefulRNN}.items():
    keras.saving.register_keras_serializable("zoo", _old)(type(_old, (_kind,), {}))
