"""`--model auto`: several models in a given time, compared and averaged by what validation says."""

import contextlib
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

import zoo
from recipes.data.writing import write_text
from recipes.engine.config import seconds_of
from recipes.engine.fitting import Fitted, best_epoch, fit, start_afresh
from recipes.engine.folder import RunFolder
from recipes.engine.recipe import Recipe
from recipes.engine.selection import mean, select
from recipes.engine.tables import markdown, number
from recipes.engine.task import Built, Candidate, Section
from recipes.engine.time_limit import TimeLimit
from recipes.errors import MISSHAPEN, RunError, UserError


@dataclass(frozen=True)
class Member:
    """A row of the leaderboard, by what it says about the validation part; less `score` is better.

    `built` and `fitted` are `None` for a baseline, `fitted` also where nothing was trained.
    """

    name: str
    predictor: Any
    predictions: Any = None
    score: float = float("inf")
    seconds: float = 0.0
    built: Built | None = None
    fitted: Fitted | None = None
    candidate: Candidate | None = None


def candidates(recipe: Recipe, task: Any) -> list[Candidate]:
    """What `--model auto` tries; a `UserError` where the recipe or the flags do not allow it."""
    if recipe.candidates is None:
        raise UserError(f"--model auto is not for {recipe.name}: name one of `zoo list`.")
    if task.folds():
        raise UserError("Folds and backtests train one model again and again: name it, not auto.")
    return recipe.candidates(task.config, task)  # what the flags left open is decided there


def train(
    recipe: Recipe,
    tried: list[Candidate],
    config,
    task: Any,
    folder: RunFolder,
    baselines: Mapping[str, Any],
    say,
) -> tuple[Built, Fitted, list]:
    """Trains candidates in turn, until the time is over, and averages the best.

    Each has a folder below that of the run; one that is complete is read. Returned are the combined
    model, how the network with the largest weight was trained, and all that it consists of, for
    `refit`. A `RunError` if the time was too short for the first of them.
    """
    scores = task.score(task.predict(next(iter(baselines.values())), "validation"), "validation")
    metric = next(name for name in recipe.combined_by if name in scores)
    sign = -1 if recipe.higher_is_better(metric) else 1

    def score(predictions):
        return sign * task.score(predictions, "validation")[metric]

    members = []
    for member in _trained(tried, config, task, folder, say):
        found = task.predict(member.predictor, "validation")
        members.append(replace(member, predictions=found, score=score(found)))
        say(f"{member.name}: {metric} {number(sign * members[-1].score)}, {member.seconds:.0f} s")
    usable = {member.name: member.predictions for member in members}
    for name, baseline in baselines.items():
        if name in usable:  # it has been made a model
            continue
        found = task.predict(baseline, "validation")
        members.append(Member(name, baseline, found, score(found)))
        if name in recipe.lasting_baselines:
            usable[name] = found

    def surprise(found):  # the others are log-likelihoods, or shares of right answers
        error = np.log(found + 1e-9) if metric in ("rmse", "mase") else found
        return len(members[0].predictions) * error

    weights = select(usable, score, surprise)
    together = score(mean([(weight, usable[name]) for name, weight in weights.items()]))
    return _combined(members, weights, _leaderboard(members, weights, metric, sign, together))


def _trained(candidates, config, task, folder, say):
    """A `Member` for each candidate that there was time for."""
    limit = seconds_of(config.time_limit) * (0.6 if config.refits else 1)
    spent, done = 0.0, 0
    for index, candidate in enumerate(candidates):
        left = limit - spent
        share = 2 * left / (len(candidates) - index) if done else left
        inside = RunFolder(folder.path / "members" / f"{index + 1}-{candidate.name}")
        own = task if candidate.config == task.config else replace(task, config=candidate.config)
        member = _read_member(candidate, own, inside)
        if member is None and left > 0:
            member = _train_member(candidate, own, inside, min(left, share), say)
        if member is None:
            say(f"{candidate.name}: left out, the time is over")
            continue
        spent += member.seconds
        if member.built is not None:
            done += 1
            yield member
        elif not done:
            raise RunError(
                f"--time_limit {config.time_limit} is too short for one model: the first epoch of "
                f"{candidate.name} takes longer. Give it more time."
            )


def _train_member(candidate, task, folder, seconds, say):
    """Trains one candidate; without a model where no epoch was done in that time, or it failed."""
    began, config = time.perf_counter(), candidate.config
    say(f"{candidate.name}: training for at most {seconds:.0f} s")
    asked = config.epochs if config.schedule != "constant" else 0
    for planned in (asked, 0):  # how many epochs fit, a schedule must know: that is asked once
        start_afresh(config)
        built = candidate.build(config, task)
        if built.training_model is None:
            fitted = Fitted({}, 0.0)
            break
        folder.create(overwrite=True)  # one that a run was killed in is begun again
        limit = TimeLimit(seconds - (time.perf_counter() - began), planned)
        try:
            fitted = fit(built, task, config, folder, unseen=[limit])
        except RunError as error:
            say(f"{candidate.name}: left out. {error}")
            return Member(candidate.name, None, seconds=time.perf_counter() - began)
        if limit.epochs is None:
            break
        config = replace(config, epochs=limit.epochs)
    spent = time.perf_counter() - began
    if built.training_model is not None and limit.cut_short:
        return Member(candidate.name, None, seconds=spent)
    folder.path.mkdir(parents=True, exist_ok=True)
    built.model.save(folder.model)
    kept = {"seconds": spent, "epochs": config.epochs, "history": fitted.history}
    kept |= {"monitor": built.monitor, "mode": built.mode, "scaled": built.scaled}
    kept["finished"] = fitted.finished
    write_text(folder.path / "member.json", json.dumps(kept))
    return _read_member(candidate, task, folder)


def _read_member(candidate, task, folder):
    """A member that is complete; `None` where there is none, or it is damaged."""
    with contextlib.suppress(*MISSHAPEN):
        kept = json.loads((folder.path / "member.json").read_text())
        model = zoo.load(folder.model)
        built = Built(model, None, None, None, kept["monitor"], kept["mode"], scaled=kept["scaled"])
        fitted = Fitted(dict(kept["history"]), float(kept["seconds"]), kept["finished"])
        candidate = replace(candidate, config=replace(candidate.config, epochs=int(kept["epochs"])))
        return Member(
            candidate.name, task.predictor(model), seconds=fitted.seconds, built=built,
            fitted=fitted, candidate=candidate,
        )  # fmt: skip
    return None


def _combined(members, weights, board):
    """The mean of the chosen networks as one model; the baselines chosen stay beside it."""
    found = {member.name: member for member in members}
    networks = [found[name] for name in weights if found[name].built is not None]
    shares = [weights[member.name] for member in networks]
    if not networks:  # the run still has a model
        networks = [min((m for m in members if m.built is not None), key=lambda m: m.score)]
        shares = [1.0]
    partners = {name: share for name, share in weights.items() if found[name].built is None}
    trained = [m for m in members if m.fitted is not None and m.fitted.history]
    shown = next((m for m in networks if m.fitted.history), trained[0])
    model = combine([member.built.model for member in networks], shares)
    built = replace(shown.built, model=model, partners=partners, sections=(board,))
    parts = [
        (share, member.candidate, member.fitted, member.built)
        for share, member in zip(shares, networks, strict=True)
    ]
    return built, Fitted(shown.fitted.history, sum(member.seconds for member in members)), parts


def refit(task: Any, parts, folder: RunFolder) -> None:
    """Trains what a run consists of once more, on all data, and saves it beside the run's model.

    Each network is trained for as many epochs as were best for it; one that training did not make
    better than its beginning is not. `parts` are `(weight, candidate, fitted, built)` of each.
    """
    models = []
    inside = RunFolder(folder.path / "refit")
    for _, candidate, fitted, before in parts:
        epochs, history = 0, fitted.history
        if history and fitted.finished.get("trained", 1):
            epochs = best_epoch(history, before.monitor, before.mode, candidate.config.first_kept)
        whole = replace(task, config=candidate.config).everything()
        config = replace(whole.config, epochs=max(1, epochs), patience=0)
        own = replace(whole, config=config)
        start_afresh(config)
        built = candidate.build(config, own)
        if built.training_model is not None and epochs:
            inside.create(overwrite=True)
            fit(built, own, config, inside)
        models.append(built.model)
    combine(models, [weight for weight, *_ in parts]).save(folder.refit)
    shutil.rmtree(inside.path, ignore_errors=True)


def combine(models, weights) -> keras.Model:
    """One model that gives the weighted mean of several with the same inputs and outputs."""
    if len(models) == 1:
        return models[0]
    inputs = keras.tree.map_structure(
        lambda tensor: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name),
        models[0].input,
    )
    outputs = []
    for place, model in enumerate(models, start=1):
        outputs.append(keras.Model(model.input, model.output, name=f"member_{place}")(inputs))
    layer = zoo.layers.WeightedSum(name="mean")
    model = keras.Model(inputs, layer(outputs), name="auto")
    layer.set_weights([np.array(weights) / sum(weights)])
    return model


def _leaderboard(members, weights, metric, sign, together):
    rows = [["", f"validation {metric}", "weight", "epochs", "seconds", "parameters"]]
    rows.append(["the weighted mean", number(sign * together), "", "", "", ""])
    for member in sorted(members, key=lambda member: member.score):
        built, epochs = member.built, member.fitted and len(member.fitted.history.get("loss", ()))
        weight = f"{weights[member.name]:.2f}" if member.name in weights else ""
        costs = [f"{member.seconds:.0f}", f"{built.model.count_params():,}"] if built else ["", ""]
        rows.append([member.name, number(sign * member.score), weight, str(epochs or ""), *costs])
    text = "Chosen on the validation part, whose scores therefore flatter."
    shares = ", ".join(f"{name} {share:.2f}" for name, share in weights.items())
    line = f"auto: {metric} {number(sign * together)} on validation, the mean of {shares}"
    return Section("Leaderboard", f"{text}\n\n{markdown(rows)}", line)


def tidy(folder: RunFolder) -> None:
    """Removes what only a resume would have read; the curves of all members stay."""
    for member in (folder.path / "members").glob("*"):
        shutil.rmtree(member / "checkpoints", ignore_errors=True)
        (member / "model.keras").unlink(missing_ok=True)
