"""A saved classifier of texts, to be trained further on other texts."""

from dataclasses import replace
from functools import partial

import keras
import numpy as np

import zoo
from recipes.classification.task import objective
from recipes.data.target import Target
from recipes.engine.continuing import before
from recipes.engine.task import Built
from recipes.text_classification.explaining import deep_path
from zoo.tokenizers import all_layers


def continue_from(config, task, model):
    """The task as a saved model sees it, and that model, as a `TextTask` and a `Built`."""
    classes = tuple(zoo.Predictor(model).labels)
    source = task.labelled.source
    readers = [each for each in all_layers(model) if isinstance(each, zoo.layers.TextTokenizer)]
    reader, parts, unread = readers[0] if readers else task.reader, {}, ""
    for name, part in task.parts.items():
        target = Target(task.labelled.columns[1], part.labels, part.classes)
        target = target.among(classes, source)
        inputs = reader.encode_list(list(part.texts))
        parts[name] = replace(part, labels=target.values, classes=classes, inputs=inputs)
    notes = task.notes
    if readers:
        unread = (np.concatenate(parts["train"].inputs) == reader.unknown_id).mean()
        notes += (f"{100 * unread:.1f} % of what the texts hold is not in the run's vocabulary",)
    task = replace(task, parts=parts, reader=reader, notes=notes)
    core = deep_path(model)
    return task, Built(
        model,
        keras.Model(model.input, before(model, "probabilities"), name=core.name),
        **objective(task.head, config.label_smoothing, config.monitor == "loss"),
        finish=partial(task.finish, model, core) if config.calibrate else None,
    )
