"""How fast translation models train and decode: what is measured, and how to say it."""

import zoo
from recipes.engine.tables import markdown
from scripts.benchmarks.addons import compare_beam_search
from scripts.benchmarks.decoding_speed import greedy_speed
from scripts.benchmarks.padded_loop import epoch_speed
from scripts.benchmarks.translation_scores import BEAM, questions, yes

#: An epoch takes at most this fraction of the notebook's; greedy decoding is so many times faster.
SHARE, FASTER = 0.25, 10
#: Milliseconds for two dates (book, chapter 16, 2nd edition cells 191 and 192).
BOOK_LOOP, BOOK_COMPILED = 199, 18.3
#: Dates that are decoded greedily, without their end ids, and sentences of a beam search.
DATES, STEPS, SENTENCES = 2, 10, 64


def epoch(preset) -> dict:
    """See `scripts.benchmarks.padded_loop`."""
    return {"preset": preset, **epoch_speed(preset)}


def epoch_text(result) -> str:
    """What `epoch` found, in words."""
    lines = [["way", "parameters", "ms a step", "steps an epoch", "recipe's epoch to this"]]
    for way, seconds in result["seconds"].items():
        ratio = "1"
        if way in result["ratio"]:
            ratio = f"{result['ratio'][way]:.3f} ± {result['interval'][way]:.3f}"
        steps = f"{result['epoch'][way]:,}"
        lines.append([way, f"{result['parameters'][way]:,}", f"{1e3 * seconds:.0f}", steps, ratio])
    fastest = result["fastest"]
    reached = yes(result["ratio"][fastest] <= SHARE)
    return (
        f"{markdown(lines)}\n\nSizes of `{result['preset']}`; {result['steps']} steps of each way, "
        "taken in turn, compilation not counted (mean and 95 % interval). padded: the recipe's "
        f"network in the notebook's loop. At most {SHARE:g} of the notebook's epoch, here of the "
        f"faster one ({fastest}): {reached}."
    )


def greedy(*runs) -> dict:
    """Greedy decoding of two dates with the models of these runs, compiled and by `predict`."""
    found = {}
    for run in runs:
        model, source, _ = _model_and_source(run, DATES)
        found[run.name.partition("-seed-")[0]] = greedy_speed(model, source, STEPS)
    return found


def greedy_text(result) -> str:
    """What `greedy` found, in words."""
    lines = [["greedy", "compiled, ms", "loop, ms", "ratio", "bar", "same ids", "reached"]]
    for name, found in result.items():
        reached = found["ratio"] >= FASTER and found["same"] == 1
        times = f"{1e3 * found['zoo']:.1f}", f"{1e3 * found['loop']:.0f}"
        ratio = f"{found['ratio']:.0f} ± {found['interval']:.0f}"
        lines.append([name, *times, ratio, str(FASTER), f"{found['same']:.0%}", yes(reached)])
    return (
        f"{markdown(lines)}\n\n{DATES} dates, {STEPS} ids each: `zoo.decoding.decode` and a loop "
        f"of `predict` on the same model, in turn (95 % interval). The book's: {BOOK_LOOP} ms with "
        f"`predict`, {BOOK_COMPILED} ms with TF-Addons, {BOOK_LOOP / BOOK_COMPILED:.0f} times as "
        "long."
    )


def beam(run) -> dict:
    """Beam search with the model of a run, this project's and TF-Addons'.

    Raises:
        UserError: If the extra `addons` is not installed.
    """
    model, source, config = _model_and_source(run, SENTENCES)
    target = zoo.tokenizer(model, "target")
    ends = target.start_id, target.end_id
    found = compare_beam_search(model, source, *ends, config.max_length, BEAM)
    return {"name": run.name.partition("-seed-")[0], "sentences": len(source), **found}


def beam_text(result) -> str:
    """What `beam` found, in words."""
    ratio = result["addons"] / result["zoo"]
    return (
        f"Beam {BEAM}, {result['name']}, {result['sentences']} sentences at once: "
        f"{1e3 * result['zoo']:.0f} ms with `zoo.decoding.beam_search`, "
        f"{1e3 * result['addons']:.0f} ms with TF-Addons' `BeamSearchDecoder` on the same weights "
        f"and batch, {ratio:.1f} times as long (faster: {yes(ratio > 1)}). The best sequences of "
        f"{result['same']:.1%} of the sentences are the same."
    )


def _model_and_source(run, count):
    """The model of a run, ids of some test sentences, and the run's settings."""
    config, sources, _ = questions(run)
    model = zoo.load(run)
    return model, zoo.tokenizer(model, "source").encode(sources[:count]), config
