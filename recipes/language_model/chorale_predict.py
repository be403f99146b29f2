"""Continuations of a piece of music, by a saved run on chorales."""

from pathlib import Path

import numpy as np

import zoo
from recipes.errors import UserError
from recipes.language_model.chorale_flags import LENGTH, OPENING
from recipes.language_model.data.chorales import chorales, read_chords
from recipes.language_model.music import TEMPO
from recipes.language_model.music_files import check_ending, write_music
from recipes.language_model.predict import make_sampler, model_of


def predict(
    folder, config, metadata, source, output, length=LENGTH, temperature=0.8, top_k=None,
    top_p=None, min_p=None, seed=None, tempo=TEMPO, **others,
) -> None:  # fmt: skip
    """Writes an opening and what the model makes of it.

    The opening is a CSV file of chords, see `data.chorales.read_chords`; `None` is that of a test
    piece. The output is for `music_files.write_music`, and the length in chords, of which four make
    a beat; the other flags are as the recipe's `RECIPE` says, and `others` are not for music.
    """
    if others:
        raise UserError(f"--{min(others)} is not for chorales: leave it out.")
    if not 0 < tempo < float("inf"):
        raise UserError(f"--tempo must be above 0. Received: {tempo:g}")
    check_ending(output)
    sampler = make_sampler(temperature, top_k, top_p, min_p)
    opening = read_chords(source) if source else next(iter(chorales()["test"].values()))[:OPENING]
    model, tokenizer = model_of(folder, top_k)
    seed = config.seed if seed is None else seed
    notes = length * tokenizer.voices
    found = zoo.decoding.generate(model, tokenizer.encode(opening), notes, sampler, seed)
    chords = np.concatenate([opening, tokenizer.decode(found)])
    title = f"{Path(source).stem if source else 'opening'}, temperature {temperature:g}"
    write_music(output, chords, len(opening), tempo, title)
