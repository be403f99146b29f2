"""A Keras 3 model zoo: the architectures of *Hands-On Machine Learning*, as factory functions.

>>> import zoo
>>> model = zoo.wavenet(input_shape=(50, 1), horizon=10)
>>> model.output_shape  # (batch, time, horizon, targets)
(None, 50, 10, 1)

Everything is imported when first used: `import zoo` itself loads neither Keras nor a backend, so
the backend can still be chosen (`KERAS_BACKEND`) after it; the zoo's classes are registered when
Keras is imported. An argument that is not what its docstring asks for raises a `ValueError`,
which names it.
"""

import difflib
import importlib

from zoo import after_keras
from zoo.catalog import CATALOG
from zoo.registry import create_model, list_models, register_model

_MODULES = {info.name: f"zoo.models.{info.module}" for info in CATALOG} | {
    "receptive_field": "zoo.models.wavenet", "output_stride": "zoo.models.heads",
    "normalize_windows": "zoo.models.heads", "windows": "zoo.windowing", "load": "zoo.saving",
    "Predictor": "zoo.predictor", "tokenizer": "zoo.tokenizers", "monte_carlo": "zoo.uncertainty",
    "Adversarial": "zoo.training", "Denoising": "zoo.training",
    "generate_images": "zoo.generating_images", "to_stateful": "zoo.stateful",
    "to_stateless": "zoo.stateful", "reset_state": "zoo.stateful", "layers": "zoo.layers",
    "decoding": "zoo.decoding", "losses": "zoo.losses", "metrics": "zoo.metrics",
    "regularizers": "zoo.regularizers", "objective": "zoo.objectives", "transfer": "zoo.transfer",
}  # fmt: skip

__version__ = "0.1.0"
__all__ = ["create_model", "list_models", "register_model", *_MODULES]


def __getattr__(name: str):
    if name not in _MODULES:
        near = difflib.get_close_matches(name, __all__, n=1)
        hint = f". Did you mean {near[0]!r}?" if near else ""
        raise AttributeError(f"module 'zoo' has no attribute {name!r}{hint}")
    module = importlib.import_module(_MODULES[name])
    return module if module.__name__ == f"zoo.{name}" else getattr(module, name)


def __dir__():
    return sorted(__all__)


after_keras.register()
