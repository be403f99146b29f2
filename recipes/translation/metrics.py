"""Scores of translations: of tokens given the right ones before them, and of whole sentences."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Answers:
    """What a model or a baseline makes of some sources.

    Of a model, `forced` are `log_probs` and `right` of given targets, see `token_scores`; by beam
    search, there are translations where it was asked for.
    """

    translations: Sequence[str]
    forced: tuple[np.ndarray, np.ndarray] | None = None
    beam: Sequence[str] | None = None
    scores: dict[str, float] = field(default_factory=dict)


def scores_of(answers: Answers, references) -> dict[str, float]:
    """All scores of some answers: those of `token_scores` and `sentence_scores`.

    Those for beam search are under names with `beam_`.

    >>> scores = scores_of(Answers(["yes"], beam=["no"]), [["yes"]])
    >>> scores["exact_match"], scores["beam_exact_match"]
    (1.0, 0.0)
    """
    found = token_scores(*answers.forced) if answers.forced else {}
    found |= sentence_scores(answers.translations, references)
    if answers.beam is not None:
        of_beam = sentence_scores(answers.beam, references)
        found |= {f"beam_{name}": value for name, value in of_beam.items()}
    return found | answers.scores


def token_scores(log_probs, right) -> dict[str, float]:
    """`nll`, in nats for each real token, and `token_accuracy`, under teacher forcing.

    From the natural logarithms of the right tokens' probabilities, and whether each was likeliest.

    >>> token_scores([-1.0, -3.0], [True, False])
    {'nll': 2.0, 'token_accuracy': 0.5}
    """
    return {"nll": -float(np.mean(log_probs)), "token_accuracy": float(np.mean(right))}


def sentence_scores(outputs, references) -> dict[str, float]:
    """Scores of translations as texts, one for each source, by one reference or more of each.

    `exact_match`, the fraction of translations that are equal to a reference; `bleu` and `chrf` of
    the whole, 0 to 100, as sacreBLEU computes them by default, with all references.

    >>> sentence_scores(["a cat sat down", "no"], [["a cat sat down"], ["yes", "no"]])
    {'exact_match': 1.0, 'bleu': 100.0, 'chrf': 100.0}

    Reference: Papineni et al., *BLEU*, 2002; Popović, *chrF*, 2015; Post, *A call for clarity in
    reporting BLEU scores*, 2018.
    """
    import sacrebleu  # slow to import

    exact = np.mean([output in right for output, right in zip(outputs, references, strict=True)])
    most = max(map(len, references))
    streams = [[right[i] if i < len(right) else None for right in references] for i in range(most)]
    bleu = sacrebleu.corpus_bleu(outputs, streams, force=True)  # `force`: no advice on periods
    chrf = sacrebleu.corpus_chrf(outputs, streams)
    bleu, chrf = round(bleu.score, 4), round(chrf.score, 4)
    return {"exact_match": float(exact), "bleu": bleu, "chrf": chrf}
