"""Does padding change what a model answers?"""

from collections import defaultdict

import numpy as np

import zoo
from zoo.decoding import decode
from zoo.layers.raw_texts import padded


def padding_check(model, texts, max_length, widths=(18, 24, 40)) -> dict:
    """Compares greedy answers to sentences alone and together, without padding and with.

    Args:
        model: A model that `recipes.translation` saved.
        texts: Sentences.
        max_length: Tokens of a sentence, and of an answer, at most.
        widths: Lengths to pad the sentences to.

    Returns:
        `same`: fraction of sentences with one answer in every case: decoded alone; decoded
        together, padded to each width; and called, without `decode`, on ids of one length that
        nothing pads,
        where each id of the answer is the likeliest after those before it. `difference`: largest
        difference of a logit between this call and one on ids padded to the largest width.
    """
    rows = zoo.tokenizer(model, "source").encode_list(texts)
    target = zoo.tokenizer(model, "target")
    limits = max_length, target.start_id, target.end_id
    widest = max(*widths, *map(len, rows))
    answers = np.concatenate([decode(model, row[None], *limits) for row in rows])
    same = np.ones(len(rows), bool)
    for width in widths:
        ids = padded(rows, max(width, *map(len, rows)))
        same &= (decode(model, ids, *limits) == answers).all(axis=1)
    difference = 0.0
    for group in _of_one_length(rows):
        answer = answers[group]
        read = np.pad(answer[:, :-1], ((0, 0), (1, 0)), constant_values=target.start_id)
        bare, wide = (
            np.asarray(model({"source": padded([rows[i] for i in group], width), "target": read}))
            for width in (None, widest)
        )
        real = answer != 0
        same[group] &= ((bare.argmax(axis=-1) == answer) | ~real).all(axis=1)
        difference = max(difference, float(np.abs(bare - wide)[real].max()))
    return {"same": float(same.mean()), "difference": difference, "sentences": len(rows)}


def _of_one_length(rows):
    groups = defaultdict(list)
    for index, row in enumerate(rows):
        groups[len(row)].append(index)
    return groups.values()
