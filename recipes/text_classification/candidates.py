"""The classifiers of texts that `--model auto` tries."""

from dataclasses import replace

from recipes.engine.task import Candidate

#: Encoders that read texts in order, without a wide path; the quicker one first.
_ENCODERS = ("conv", "bigru")


def candidates(config, task, default_config, build_model) -> list[Candidate]:
    """The default model, and encoders that err on other texts than it does.

    They share their tokenizer and lengths.
    """
    own = default_config(config.dataset, config.data is not None, "text_classifier")
    learned = ("batch_size", "learning_rate", "patience", "model_arguments", "wide")
    first = replace(config, **{name: getattr(own, name) for name in learned})
    first = replace(first, model="text_classifier", epochs=min(config.epochs, own.epochs))
    found = [Candidate("wide_and_deep", first, build_model)]
    for encoder in _ENCODERS:
        arguments = {"encoder": encoder, "units": 64, "dropout": 0.3}
        other = replace(config, model="text_classifier", model_arguments=arguments, wide=0)
        found.append(Candidate(encoder, other, build_model))
    return found
