"""The API reference: a page a package, with all of its public names."""

import importlib
import inspect

import zoo
from scripts.documentation.text import table
from zoo.catalog import CATALOG

#: Pages: their module, title, and what to say first.
PAGES = {
    "zoo": ("zoo", "Its own functions; each model has [a page](../models/index.md)."),
    "zoo.layers": ("Layers", "Registered layers that Keras does not have."),
    "zoo.decoding": ("Decoding", "Generation, translation, beams and recursive forecasts; "
                     "[the guide](../guides/decoding.md) has examples."),
    "zoo.transfer": ("Transfer", "Copying, freezing and thawing layers."),
    "zoo.losses": ("Losses", "Registered losses that Keras does not have."),
    "zoo.metrics": ("Metrics", "Registered metrics that Keras does not have."),
    "callbacks": ("Callbacks", "Schedules, optimizers and callbacks; [the guide]"
                  "(../guides/schedules.md) draws their curves."),
    "callbacks.tuning": ("Tuning", "A resumable search of keras-tuner over any function."),
    "callbacks.oracles": ("Oracles", "How a search chooses settings."),
    "recipes.estimator": ("Estimators", "For scikit-learn's own tools."),
    "recipes.errors": ("Errors", "What recipes raise."),
}  # fmt: skip

#: Modules of the zoo that nothing is said about above: what they say themselves.
for _name in zoo.__all__:
    if inspect.ismodule(getattr(zoo, _name)) and f"zoo.{_name}" not in PAGES:
        _first = str(getattr(zoo, _name).__doc__).partition("\n")[0]
        PAGES[f"zoo.{_name}"] = (_name.capitalize(), _first)


def public_names(module: str) -> list[str]:
    """The public names of a module: its `__all__`, else what it defines without an underscore.

    >>> public_names("zoo.losses")[:2]
    ['GaussianNLL', 'MaskedCrossentropy']
    """
    found = importlib.import_module(module)
    models = {info.name for info in CATALOG}
    if module == "zoo":
        return [name for name in zoo.__all__ if name not in models and not _is_module(zoo, name)]
    if hasattr(found, "__all__"):
        return list(found.__all__)
    named = {name: value for name, value in vars(found).items() if name[0] != "_"}
    own = [n for n, v in named.items() if getattr(v, "__module__", "") == module]
    return sorted(own)


def _is_module(owner, name):
    return inspect.ismodule(getattr(owner, name))


def page(module: str) -> str:
    """The Markdown of a module's page."""
    title, first = PAGES[module]
    found = importlib.import_module(module)
    parts = [f"# {title}", first, f"```{{eval-rst}}\n.. py:module:: {module}\n```"]
    names = public_names(module)
    rows = []
    for name in names:
        text = (getattr(found, name).__doc__ or "").strip().partition("\n")[0]
        rows.append([f"[{name}](#{module}.{name})", text.replace("*args", r"\*args")])
    parts.append(table(["name", "what it is"], rows))
    for name in names:
        value = getattr(found, name)
        kind = "autofunction"
        options = ""
        if inspect.isclass(value):
            kind, options = "autoclass", "   :members:\n   :show-inheritance:\n"
            if module == "recipes.estimator":  # scikit-learn adds methods that route metadata
                options += "   :exclude-members: set_fit_request, set_score_request\n"
            if issubclass(value, BaseException):
                kind = "autoexception"
        parts.append(f"```{{eval-rst}}\n.. {kind}:: {module}.{name}\n{options}```")
    return "\n\n".join(parts) + "\n"


def index() -> str:
    """The Markdown of the reference's first page."""
    rows = [[f"[`{name}`]({name}.md)", title] for name, (title, _) in PAGES.items()]
    listed = "\n".join(PAGES)
    return (
        "# API reference\n\nEvery public name, with its docstring. The examples run as tests; they "
        "take `np`, `keras`, `zoo` and `callbacks` for imported.\n\n"
        f"{table(['module', 'what it holds'], rows)}\n\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n"
    )
