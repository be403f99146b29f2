"""The task of predicting the next note of a chorale."""

import hashlib
import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

import zoo
from recipes.engine.tables import markdown
from recipes.engine.task import Figure, Section, Trained
from recipes.errors import UserError
from recipes.language_model.audio import synthesize, to_midi, write_wav
from recipes.language_model.baselines import SameVoice
from recipes.language_model.chorale_flags import OPENING, STRIDE, VOICES, WINDOW
from recipes.language_model.data.chorales import chorales
from recipes.language_model.data.streams import SlidingWindowBatches
from recipes.language_model.music import Copies
from recipes.language_model.piano_roll import piano_roll
from recipes.language_model.scores import Reader, language_scores
from recipes.language_model.task import LanguageTask

#: Semitones to move music by, so that every key comes once.
KEYS = range(-5, 7)
_NOTE = (
    "scores are over whole pieces, each note predicted from all the notes before it in its piece; "
    "accuracy_windows is over the windows of 33 chords that the book scores"
)


def load(config) -> "ChoraleTask":
    """The chorales of a run as ids, in a `ChoraleTask`."""
    tokenizer = zoo.layers.NoteTokenizer(name="tokenizer")
    parts = chorales()
    pieces = {part: list(found.values()) for part, found in parts.items()}
    ids = [tokenizer.encode(piece) for found in pieces.values() for piece in found]
    bounds = list(itertools.pairwise(np.cumsum([0, *map(len, ids)]).tolist()))
    segments = {}
    for part, found in pieces.items():
        segments[part], bounds = bounds[: len(found)], bounds[len(found) :]
        longest = max(end - start for start, end in segments[part])
        if longest <= config.window and part != "test":
            raise UserError(
                f"--window {config.window} is longer than the pieces of {part}, which have at most "
                f"{longest:,} notes. Give a smaller one, such as {WINDOW}."
            )
    short = sum(end - start <= config.window for start, end in segments["train"])
    notes = (_NOTE,)
    if short:
        notes += (
            f"{short} of {len(segments['train'])} training pieces are left out: they are shorter "
            f"than --window {config.window}",
        )
    name, piece = next(iter(parts["test"].items()))
    ids = np.concatenate(ids)
    return ChoraleTask(config, ids, segments, tokenizer, piece[:OPENING], notes, name)


@dataclass(frozen=True)
class ChoraleTask(LanguageTask):
    """What `load_data` of the recipe language_model returns for chorales; see `LanguageTask`.

    Samples go on from the first chords of the test piece of this name.
    """

    name: str = ""

    suggestions = "more --epochs, another --learning_rate, --model.units 512, --model.dropout 0.5"

    @property
    def description(self) -> str:
        """The data in one line."""
        counts = ", ".join(
            f"{len(self.segments[part])} {part} ({self._count(part):,} notes)"
            for part in self.segments
        )
        return f"chorales for four voices, {self.tokenizer.vocabulary_size} notes: {counts}"

    @cached_property
    def sha256(self) -> str:
        """Hash of the notes that the run was trained on."""
        return hashlib.sha256(np.ascontiguousarray(self.ids, "<i4").data).hexdigest()

    def batches(self, split, built, seed=None):
        """Windows of chords: in keys drawn anew in training, as they are without a seed."""
        config = self.config
        windows = self.ids, self.segments[split], config.window, config.batch_size
        if seed is None or not config.transpose:
            return SlidingWindowBatches(*windows, seed, stride=config.stride)
        size = self.tokenizer.vocabulary_size
        return KeyBatches(*windows, seed, config.stride, vocabulary_size=size)

    def predictor(self, model):
        """A function of segments: the model reads each of them as a whole."""
        return Reader(model, self.ids, block=len(self.ids), warm_up=0)

    def predict(self, predictor, split):
        """What `predictor(segments)` says about the pieces of a split, and the book's windows."""
        starts = [np.arange(a, b - WINDOW, STRIDE) for a, b in self._scored(split)]
        windows = np.concatenate(starts)[:, None] + [0, WINDOW + 1]
        return super().predict(predictor, split), predictor(windows)

    def score(self, predictions, split) -> dict[str, float]:
        """Scores of what `predict` returned for a split."""
        pieces, windows = predictions
        scores = language_scores(*pieces)
        scores.pop("bits_per_character")
        return {**scores, "accuracy_windows": float(np.mean(windows[1]))}

    def baselines(self) -> dict:
        """n-gram models of the notes, and the voice's own note before."""
        train, size = self.segments["train"], self.tokenizer.vocabulary_size
        return {**super().baselines(), "same voice": SameVoice(self.ids, train, size)}

    def figures(self, model):
        """A function of the epoch that draws samples, for TensorBoard."""
        return lambda epoch: {"samples": self._draw(self.samples(model))}

    def write_outputs(self, trained: Trained, folder) -> list[Figure | Section]:
        """Writes samples as sound and MIDI; returns what the report shows."""
        found = self.samples(trained.model)
        music = folder.path / "music"
        music.mkdir(exist_ok=True)
        for name, chords in self._pieces(found).items():
            file = name.replace(" ", "-")
            write_wav(music / f"{file}.wav", synthesize(chords))
            to_midi(chords).write(str(music / f"{file}.mid"))
        return [
            Section("Generated music", self._section(found)),
            Figure("Continuations of the opening", "piano_rolls", self._draw(found)),
        ]

    @cached_property
    def _truth(self):
        """How the piece goes on in fact, for as long as a sample."""
        start, end = self.segments["test"][0]
        chords = self.config.sample_length // VOICES
        return self.tokenizer.decode(self.ids[start:end])[OPENING : OPENING + chords]

    def _pieces(self, found):
        """The opening and what follows it, by name."""
        rest = {f"temperature {temperature:g}": chords for temperature, chords in found.items()}
        rest = {"Bach": self._truth, **rest}
        return {name: np.concatenate([self.prompt, chords]) for name, chords in rest.items()}

    def _draw(self, found):
        return piano_roll(self._pieces(found), OPENING)

    def _section(self, found):
        copies = Copies([self.tokenizer.decode(self.ids[a:b]) for a, b in self.segments["train"]])
        rows = [["continuation", "chords", "longest copy", "longest copy in any key"]]
        for name, piece in self._pieces(found).items():
            chords = piece[OPENING:]
            runs = copies.longest(chords), copies.longest(chords, transposed=True)
            rows.append([name, *map(str, (len(chords), *runs))])
        return (
            f"Each goes on from the first {OPENING} chords of the test piece {self.name}; the "
            "folder `music` holds them as sound (`.wav`) and MIDI. A copy is a run of chords, four "
            "to a beat, that also stands in a training piece. Bach's own continuation shows how "
            f"much chorales have in common.\n\n{markdown(rows)}"
        )


class KeyBatches(SlidingWindowBatches):
    """Windows of note ids, each moved up or down by some semitones, if its notes stay in range.

    The move, one of `KEYS`, is drawn by window and epoch, from the seed and the epoch alone, out of
    those that leave every note of the window an id. Silence, the id 0, stays silence.

    >>> batches = KeyBatches(np.array([1, 0, 2, 1]), [(0, 4)], 3, 1, 7, 4, vocabulary_size=4)
    >>> found = set()
    >>> for batches.epoch in range(20):  # 2 semitones up, and the 2 would have no id
    ...     found.add(tuple(batches.assemble(batches.order())[0][0].tolist()))
    >>> sorted(found)
    [(1, 0, 2), (2, 0, 3)]
    """

    def __init__(self, ids, segments, window, batch_size, seed, stride, vocabulary_size):
        super().__init__(ids, segments, window, batch_size, seed, stride)
        semitones, last = np.array(KEYS), vocabulary_size - 1
        notes = self.ids[self.examples[:, None] + np.arange(window + 1)]
        highest = notes.max(axis=1, keepdims=True)
        lowest = np.where(notes > 0, notes, last).min(axis=1, keepdims=True)
        self.fits = (highest == 0) | ((lowest + semitones >= 1) & (highest + semitones <= last))
        self.length = len(self.ids)
        # The ids of all keys, one after the other: a window is a position, whatever its key.
        moved = [np.where(self.ids > 0, self.ids + step, 0) for step in semitones]
        self.ids = np.concatenate(moved).astype(np.int32)

    def order(self) -> np.ndarray:
        """First positions of the windows of this epoch, among the ids of all keys."""
        starts = super().order()
        fits = self.fits[np.searchsorted(self.examples, starts)].cumsum(axis=1)
        drawn = np.random.default_rng([self.seed, self.epoch, 1]).random((len(starts), 1))
        keys = (fits > drawn * fits[:, -1:]).argmax(axis=1)
        return keys * self.length + starts
