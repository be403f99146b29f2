"""Continuations of a prompt, by a saved language model."""

import numpy as np

import zoo
from recipes.data.texts import check_known, given_text
from recipes.data.writing import opened
from recipes.errors import UserError

#: What decodes to it is no whole character yet.
_UNFINISHED = "\ufffd"
_UNKNOWN = "which the text that it was trained on does not have. Leave them out of the prompt."


def predict(folder, config, metadata, source, output, **flags) -> None:
    """Writes a prompt and what the model makes of it; on standard output as it appears.

    See `stream`.
    """
    pieces = stream(folder, config, metadata, source, **flags)
    with opened(output) as file:
        for piece in pieces:
            file.write(piece)
            file.flush()


def stream(
    folder, config, metadata, source, text=None, encoding=None, length=500, temperature=0.8,
    top_k=None, top_p=None, min_p=None, samples=1, seed=None, tempo=None,
):  # fmt: skip
    """The parts of a prompt and its continuation, as they appear.

    The prompt is a text file, `source`, without the newline at its end, or `text`; the other flags
    are as the recipe's `RECIPE` says. A `UserError` if one is wrong, or the prompt cannot be read.
    """
    if tempo is not None:
        raise UserError("--tempo is for chorales: leave it out for texts.")
    sampler = make_sampler(temperature, top_k, top_p, min_p)
    prompt = given_text(text, source, encoding)
    prompt = prompt if source is None else prompt.removesuffix("\n")
    if not prompt:
        raise UserError("The prompt is empty. Give it at least one character.")
    if config.lowercase:
        prompt = prompt.lower()
    model, tokenizer = model_of(folder, top_k)
    check_known(tokenizer, [prompt], _UNKNOWN)
    ids = tokenizer.encode(prompt)
    seed = config.seed if seed is None else seed
    return _pieces(model, tokenizer, prompt, ids, length, sampler, samples, seed)


def make_sampler(temperature, top_k=None, top_p=None, min_p=None):
    """The sampler that the flags describe.

    A `UserError` if one is out of range, or two exclude each other.

    >>> type(make_sampler(1.0, top_k=5)).__name__
    'TopK'
    """
    if not 0 < temperature < float("inf"):
        raise UserError(
            f"--temperature must be above 0. Received: {temperature:g}. For the likeliest token at "
            "each step, use --top_k 1."
        )
    given = {"top_k": top_k, "top_p": top_p, "min_p": min_p}
    given = {name: value for name, value in given.items() if value is not None}
    if len(given) > 1:
        raise UserError(f"Give one of {', '.join(f'--{name}' for name in given)}.")
    for name in ("top_p", "min_p"):
        if name in given and not 0 < given[name] <= 1:
            raise UserError(f"--{name} must be above 0 and at most 1. Received: {given[name]:g}")
    kinds = {"top_k": "TopK", "top_p": "TopP", "min_p": "MinP"}
    for name, value in given.items():
        return getattr(zoo.decoding, kinds[name])(value, temperature)
    return zoo.decoding.Temperature(temperature)


def model_of(folder, top_k):
    """The model of a run and its tokenizer; a `UserError` if that has fewer than `top_k` tokens."""
    model = folder.load()
    tokenizer = zoo.tokenizer(model)
    if top_k is not None and top_k > tokenizer.vocabulary_size:
        raise UserError(
            f"--top_k {top_k} is more than the {tokenizer.vocabulary_size} tokens that the model "
            "knows. Leave it out to draw from all of them."
        )
    return model, tokenizer


def _pieces(model, tokenizer, prompt, ids, length, sampler, samples, seed):
    """The output, part after part."""
    if samples == 1:
        yield prompt
        yield from texts(tokenizer, zoo.decoding.stream(model, ids, length, sampler, seed))
        yield "\n"
        return
    rows = zoo.decoding.generate(model, np.tile(ids, (samples, 1)), length, sampler, seed)
    for number, row in enumerate(rows, start=1):
        yield f"== {number} of {samples} ==\n{prompt}{tokenizer.decode(row)}\n"


def texts(tokenizer, chunks):
    """Yields the text of ids that come in chunks, as soon as its characters are complete."""
    ids, text, shown = [], "", 0
    for chunk in chunks:
        ids.extend(np.asarray(chunk).tolist())
        text = tokenizer.decode(ids)
        done = len(text.rstrip(_UNFINISHED))
        if done > shown:
            yield text[shown:done]
            shown = done
    yield text[shown:]
