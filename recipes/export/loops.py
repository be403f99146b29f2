"""Loops around a model that its SavedModel holds too: what `zoo predict` writes step by step."""

import numpy as np
from keras import ops

import zoo
from zoo.decoding.beam import BeamSearch
from zoo.decoding.generating import Generation
from zoo.decoding.recursive import Recursion
from zoo.decoding.sources import decoder_of


def loops(model, config, spec, inputs):
    """Yields endpoints of `spec["loop"]`: name, function of one row, rows, and their outputs."""
    some = {name: each[:8] for name, each in inputs.items()}
    if spec["loop"] == "translation":
        for name, width in (("translate", 1), ("beam_search", 4)):
            yield name, *_search(model, config.max_length, spec["texts"]["target"], some, width)
    elif spec["loop"] == "generation":
        yield "generate", *_generation(model, *some.items())
    elif spec["loop"] == "recursive":
        loop, series = Recursion(model, config.horizon, None, None), some["series"]
        known = series[:, -1:, model.output_shape[3] :].repeat(config.horizon, axis=1)
        found = zoo.decoding.forecast_recursively(model, series, config.horizon, known)
        one = lambda row: loop.call([row["series"][None], row["future"][None]])[0]  # noqa: E731
        yield "forecast", one, {"series": series, "future": known}, found


def _search(model, longest, text, some, width):
    limits = longest, text["special"].index("start"), text["special"].index("end")
    (decoder, room), encoder = decoder_of(model, *limits), model.get_layer("encoder")
    loop, source = BeamSearch(decoder, room, width, False, False), some["source"]

    def one(row):
        memory = encoder(row["source"][None, :longest], training=False)
        *_, ids = loop.call([np.int32(limits), np.float32([0, 0]), memory])
        return ids[:, :longest] * ops.cast(ops.any(row["source"] != 0), "int32")

    found = zoo.decoding.beam_search(model, source, width, *limits, n_best=width)
    return one, {"source": source}, found.ids * (source != 0).any(axis=1)[:, None, None]


def _generation(model, prompt):
    name, ids = prompt[0], prompt[1][:, :8]
    loop, steps = Generation(model, zoo.decoding.Temperature()), 32

    def one(row):
        ids, uniforms = row[name], row["uniforms"]
        known = ops.concatenate([ids[1:], ops.full_like(uniforms, -1, "int32")])[:, None]
        drawn = ops.concatenate([ops.zeros_like(ids[1:], "float32"), uniforms])[:, None]
        start = [ops.shape(known)[0], row["temperature"], ops.zeros((), "int32"), ids[0][None]]
        found, *_ = loop.call([*start, known, drawn, *loop.stepper.initial_state(1)])
        return found[-ops.shape(uniforms)[0] :, 0]

    uniforms = [np.random.default_rng([0, r]).random(steps, "float32") for r in range(len(ids))]
    more = {"uniforms": np.stack(uniforms), "temperature": np.full(len(ids), 0.8, "float32")}
    sampler = zoo.decoding.Temperature(0.8)
    return one, {name: ids} | more, zoo.decoding.generate(model, ids, steps, sampler)
