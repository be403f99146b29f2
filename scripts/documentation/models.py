"""A page a model, made from the model: signature, picture, layers, the book's cells, scores."""

import warnings

import keras

import zoo
from recipes import RECIPES
from scripts.documentation import drawing, presets
from scripts.documentation.text import table
from zoo.catalog import CATALOG, REFERENCE_ARGUMENTS, ModelInfo

#: Builds of the models that need weights or a module: without them, what can be drawn.
_WITHOUT_DOWNLOAD = {"pretrained": {"input_shape": (160, 160, 3), "weights": "random"}}
#: Recipes that train a model of another task, too.
_ALSO = {"autoencoder": "generate_images", "pretrained": "images"}
#: What shows a model at work that no recipe trains, in a checkout.
_AT_WORK = {"captioner": "python -m scripts.benchmarks.captions captions.png"}


def page(info: ModelInfo, readmes: dict[str, str], short: bool = False) -> str:
    """The Markdown of a model's page.

    Args:
        info: Its row of the catalogue.
        readmes: The recipes' READMEs, which hold the scores.
        short: Whether to leave out what needs the model built.
    """
    own = [each for each in presets.all_presets() if each.model == info.name]
    trained_by = info.task if info.task in RECIPES else _ALSO.get(info.name, "")
    facts = [f"chapter {info.chapter}", f"{info.parameters:,} parameters in its reference build"]
    if trained_by:
        facts.append(f"trained by [{trained_by}](../recipes/{trained_by}.md)")
    parts = [
        f"# {info.name}",
        f"*{info.summary[0].upper()}{info.summary[1:]}.*",
        f"{'; '.join(facts)}."[0].upper() + f"{'; '.join(facts)}."[1:],
        f"```{{eval-rst}}\n.. autofunction:: zoo.{info.name}\n```",
    ]
    if trained_by:
        line = f"zoo train {trained_by} --model {info.name}"
        parts.append(f"## Train it\n\n```bash\n{line}\n```")
    elif info.name in _AT_WORK:
        say = "On pictures and captions that are generated; in a checkout:"
        parts.append(f"## Train it\n\n{say}\n\n```bash\n{_AT_WORK[info.name]}\n```")
    if not short:
        parts += _picture(info)
    if any(each.cell for each in own):
        rows = [_cell(each) for each in own if each.cell]
        heads = ["cell", "what it trains", "the book prints", "run it"]
        parts += ["## In the book", table(heads, rows)]
    names = {each.name for each in own}
    scores = [found for name, text in readmes.items()
              for found in presets.measured(text, info.name, names)]  # fmt: skip
    if scores:
        parts += ["## Measured", "From the recipe's README, which holds the conditions and the "
                  "command that measures them anew."]  # fmt: skip
        for heading, head, rows in scores:
            parts += [f"**{heading}**", table(head, rows, set(head) - {"row", "model"})]
    return "\n\n".join(parts) + "\n"


def _cell(preset):
    edition, chapter, cell = preset.cell
    where = f"{presets.EDITIONS[edition]} edition, chapter {chapter}, cell {cell}"
    return [where, preset.what, preset.book, f"`{preset.command}`"]


def build(info: ModelInfo) -> keras.Model | None:
    """The model's reference build; None where it needs a download."""
    arguments = _WITHOUT_DOWNLOAD.get(info.name) or REFERENCE_ARGUMENTS.get(info.task)
    if arguments is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of windows longer than it sees
        return getattr(zoo, info.name)(**arguments)


def _picture(info):
    model = build(info)
    if model is None:
        return ["It needs a module of TF-Hub, so there is no picture of it here."]
    arguments = _WITHOUT_DOWNLOAD.get(info.name) or REFERENCE_ARGUMENTS[info.task]
    written = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    layers = drawing.layers_of(model)
    rows = [_row(model, each) for each in layers]
    body = table(["layer", "kind", "output", "parameters", "reads"], rows, ["parameters"])
    if len(rows) > 12:
        body = f":::{{dropdown}} All {len(rows)} layers\n{body}\n:::"
    built = f"`zoo.{info.name}({written})`, {model.count_params():,} parameters"
    if info.name == "pretrained":
        built += ". The backbone is drawn as Keras has it"
    picture = f"```{{raw}} html\n<figure>{drawing.drawing(model)}</figure>\n```"
    keras.utils.clear_session(free_memory=False)
    return ["## The model", f"Drawn from {built}. Shapes are those of one example.", picture, body]


def _row(model, layer):
    """A row of the table of layers; a layer called again has its parameters in the first call."""
    owner, name = drawing.owner_of(model, layer.name)
    found = [] if ".call_" in layer.name else [e for e in owner.layers if e.name == name]
    count = sum(each.count_params() for each in found)  # an operation is no layer: none
    reads = ", ".join(f"`{name}`" for name in layer.inputs)
    return [f"`{layer.name}`", layer.kind, f"`{layer.shape}`" if layer.shape else "",
            f"{count:,}" if count else "", reads]  # fmt: skip


def index(short: bool = False) -> str:
    """The Markdown of the list of models, by chapter."""
    infos = CATALOG
    parts = [
        "# Models",
        "Every factory returns an uncompiled functional `keras.Model`. `zoo list models` prints "
        "this table, and `zoo.create_model(name, ...)` builds one by name. Parameters are those of "
        "a reference build of the book's own task sizes.",
    ]
    rows = [[f"[{each.name}]({each.name}.md)", each.chapter, f"{each.parameters:,}", each.summary]
            for each in infos]  # fmt: skip
    parts.append(table(["model", "chapter", "parameters", "what it is"], rows, ["parameters"]))
    names = "\n".join(each.name for each in infos)
    parts.append(f"```{{toctree}}\n:hidden:\n\n{names}\n```")
    return "\n\n".join(parts) + "\n"
