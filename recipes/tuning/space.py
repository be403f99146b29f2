"""Which settings a search may change, and what its choice makes of a configuration."""

from dataclasses import fields, replace

import keras_tuner

from recipes.engine.checking import parameters_of
from recipes.errors import UserError

#: Settings that act only together with another one: `{setting: (other, its values)}`.
_ONLY_WITH = {
    "weight_decay": ("optimizer", ("adamw", "lion", "muon")),
    "momentum": ("optimizer", ("sgd",)),
    "warmup": ("schedule", ("cosine",)),
}

#: Random points at which it is tried out which setting a hyperparameter changes.
_PROBES = 8


class Space:
    """The part of a recipe's search space that is open for a configuration.

    Settings given as flags are fixed, and so is what the model has no argument for, or what has no
    effect beside the other settings. `search_space` may ask for the model with
    `hp.Fixed("model", ...)`: it is told the configuration's. `given` are names of settings, see
    `recipes.tuning.plan.given_flags`. A `UserError` if the model does not exist, or nothing is left
    to be searched.

    `searched` are names of settings, model arguments as `model.units`, and `fixed` those that the
    user fixed; those `left_out` play no part, for a reason.
    """

    def __init__(self, search_space, config, given, tuner):
        self.config = config
        self._search_space = search_space
        arguments = parameters_of(config.model).values()
        self._defaults = {p.name: None if p.default is p.empty else p.default for p in arguments}
        everything, changes = self._probe()
        settings = list(dict.fromkeys(name for names in changes.values() for name in names))
        whole = "model_arguments" in given
        self.fixed = tuple(n for n in settings if n in given or (whole and n.startswith("model.")))
        self.left_out = self._without_effect(settings, tuner)
        self.searched = [n for n in settings if n not in (*self.fixed, *self.left_out)]
        self.hyperparameters = keras_tuner.HyperParameters()
        playing = [hp for hp in everything if set(changes[hp.name]) & set(self.searched)]
        self.hyperparameters.merge(playing)
        if not self.searched:
            flags = ", ".join(f"--{name}" for name in self.fixed)
            why = f"you fixed {flags}" if flags else "the recipe searches nothing that plays a part"
            raise UserError(
                f"Nothing is left to be searched: {why}. Leave a flag out, or use zoo train."
            )

    def config_of(self, hyperparameters):
        """The configuration of a trial."""
        hp = hyperparameters.copy()
        # Six digits: readable, and the same before and after a file.
        hp.values = {
            k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in hp.values.items()
        }
        found = self._evaluate(hp)
        return _with(self.config, {name: found[name] for name in self.searched if name in found})

    def config_for(self, trial):
        """The configuration of a trial: the first one's is that of the defaults."""
        return self.start if int(trial.number) == 0 else self.config_of(trial.hyperparameters)

    @property
    def start(self):
        """The configuration to start from, with what the model's factory fills in spelled out."""
        present = self.settings(self.config)
        open_ones = [n for n in self.searched if n.startswith("model.") and present[n] is None]
        found = {name: self._defaults[name.removeprefix("model.")] for name in open_ones}
        return _with(self.config, {k: v for k, v in found.items() if v is not None})

    @property
    def start_values(self) -> dict:
        """The point of the search space nearest to the starting configuration."""
        settings = self.settings(self.start)
        return {
            hp.name: nearest(hp, settings.get(hp.name, settings.get(f"model.{hp.name}")))
            for hp in self.hyperparameters.space
        }

    def settings(self, config) -> dict:
        """The searched settings of a configuration, by name."""
        return {
            name: config.model_arguments.get(name.removeprefix("model."))
            if name.startswith("model.")
            else getattr(config, name)
            for name in self.searched
        }

    def describe(self) -> list[str]:
        """What is searched and what is not, a line each."""
        domains = [f"{hp.name} {domain(hp)}" for hp in self.hyperparameters.space]
        lines = [f"searched: {'; '.join(domains)}"]
        if self.fixed:
            lines.append(f"fixed by you: {', '.join(self.fixed)}")
        if self.left_out:
            left_out = [f"{name} ({why})" for name, why in self.left_out.items()]
            lines.append(f"left out: {', '.join(left_out)}")
        return lines

    def _evaluate(self, hp):
        """What the recipe makes of some hyperparameters, model arguments as `model.units`."""
        hp = hp.copy()
        hp.Fixed("model", self.config.model)
        found = dict(self._search_space(hp))
        arguments = found.pop("model_arguments", {})
        if unknown := sorted(set(found) - {item.name for item in fields(self.config)}):
            raise ValueError(f"search_space names a setting that does not exist: {unknown[0]!r}")
        return found | {f"model.{name}": value for name, value in arguments.items()}

    def _probe(self):
        """All hyperparameters, and the settings that each of them changes."""
        known = keras_tuner.HyperParameters()
        for probe in range(_PROBES):  # a choice may bring up further ones
            hp = _sample(known, probe)
            hp.Fixed("model", self.config.model)
            self._search_space(hp)
            known.merge([x for x in hp.space if x.name != "model"], overwrite=False)
        changes = {hp.name: {} for hp in known.space}
        for probe in range(_PROBES):
            base = _sample(known, probe)
            before = self._evaluate(base)
            for hp in known.space:
                other = base.copy()
                samples = (hp.random_sample(1000 * probe + draw) for draw in range(1, 30))
                now = base.values.get(hp.name)
                other.values[hp.name] = next((v for v in samples if v != now), now)
                after = self._evaluate(other)
                for name in {**before, **after}:
                    if before.get(name) != after.get(name):
                        changes[hp.name][name] = True
        return known.space, {name: tuple(found) for name, found in changes.items()}

    def _without_effect(self, settings, tuner):
        reasons = {}
        for name in settings:
            if name in self.fixed:
                continue
            other, values = _ONLY_WITH.get(name, (None, ()))
            if name.startswith("model.") and name.removeprefix("model.") not in self._defaults:
                reasons[name] = f"{self.config.model} has no such argument"
            elif other and other not in settings and getattr(self.config, other) not in values:
                reasons[name] = f"acts only with --{other} {' or '.join(values)}"
            elif name == "epochs" and tuner == "hyperband":
                reasons[name] = "Hyperband chooses them itself"
        return reasons


def nearest(hp, value):
    """The value of a keras-tuner hyperparameter that comes closest to another one, or its default.

    >>> space = keras_tuner.HyperParameters()
    >>> _ = space.Float("rate", 1e-4, 1e-1, sampling="log"), space.Choice("batch", [16, 64])
    >>> [nearest(hp, value) for hp, value in zip(space.space, (0.0, 50))]
    [0.0001, 64]
    """
    kind = type(hp).__name__
    if kind == "Boolean":
        return value if isinstance(value, bool) else hp.default
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value if kind == "Choice" and value in hp.values else hp.default
    if kind == "Choice" and all(isinstance(choice, int | float) for choice in hp.values):
        return min(hp.values, key=lambda choice: abs(choice - value))
    if kind in ("Float", "Int"):
        value = min(max(value, hp.min_value), hp.max_value)
        return round(value) if kind == "Int" else float(value)
    return hp.default


def domain(hp) -> str:
    """The values of a keras-tuner hyperparameter in words.

    >>> space = keras_tuner.HyperParameters()
    >>> _ = space.Float("rate", 1e-4, 1e-1, sampling="log"), space.Choice("batch", [16, 64])
    >>> [domain(hp) for hp in space.space]
    ['0.0001 to 0.1 (log scale)', '16 or 64']
    """
    kind = type(hp).__name__
    if kind == "Boolean":
        return "yes or no"
    if kind == "Choice":
        *first, last = map(str, hp.values)
        return f"{', '.join(first)} or {last}" if first else last
    if kind == "Fixed":
        return str(hp.value)
    scale = " (log scale)" if hp.sampling == "log" else ""
    return f"{hp.min_value:g} to {hp.max_value:g}{scale}"


def _with(config, settings):
    """The configuration with other settings."""
    arguments = {k.removeprefix("model."): v for k, v in settings.items() if "." in k}
    others = {k: v for k, v in settings.items() if "." not in k}
    return replace(config, model_arguments={**config.model_arguments, **arguments}, **others)


def _sample(space, seed):
    """Random values for all of a space; at seed 0 the defaults."""
    found = space.copy()
    for number, hp in enumerate(space.space):
        found.values[hp.name] = hp.random_sample(97 * seed + number) if seed else hp.default
    return found
