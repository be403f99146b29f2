"""Draws a model from the model itself: a box a layer, or a box a block where there are many."""

import html
import re
from collections import Counter
from dataclasses import dataclass, field

import keras

from callbacks.graph import graph_def

MOST = 26  # boxes that still read as a picture
WIDTH, HEIGHT, GAP, ROW, LANE = 250, 44, 30, 72, 13
_KINDS = (
    ("input", "InputLayer"),
    ("recurrent", "RNN|GRU|LSTM|Decoder|Bidirectional"),
    ("attention", "Attention|Transformer"),
    ("conv", "Conv|Pool"),
    ("dense", "Dense|Embedding|Head|OneHot"),
    ("rule", "Dropout|Normalization|Activation|ReLU|Mask|Add|Concatenate|Reshape|Permute"),
)


@dataclass
class Layer:
    """A call of a layer, as `graph_def` tells it."""

    name: str
    kind: str
    inputs: list[str]
    shape: str
    settings: dict[str, str] = field(default_factory=dict)


def layers_of(model: keras.Model) -> list[Layer]:
    """The calls of a model's layers, in order; those of a nested model behind its name."""
    found = []
    for node in graph_def(model).node:
        shapes = node.attr["_output_shapes"].list.shape
        sizes = (
            [str(each.size) if each.size >= 0 else "…" for each in shapes[0].dim] if shapes else []
        )
        settings = {key: value.s.decode() for key, value in node.attr.items() if key[0] != "_"}
        shape = f"({', '.join(sizes[1:])})" if sizes else _output(model, node.name)
        found.append(Layer(node.name, node.op, list(node.input), shape, settings))
    return found


def _output(model, name):
    """The shape of what no other layer reads, which the graph does not tell."""
    owner, last = owner_of(model, name)
    found = [layer for layer in owner.layers if layer.name == last]
    tensor = found[0].output if found else None
    if not isinstance(tensor, keras.KerasTensor):
        return ""
    return f"({', '.join('…' if size is None else str(size) for size in tensor.shape[1:])})"


def owner_of(model: keras.Model, path: str) -> tuple[keras.Model, str]:
    """The model that holds a layer of the graph, and the layer's name there.

    >>> inner = keras.Sequential([keras.layers.Dense(1, name="last")], name="inner")
    >>> outer = keras.Sequential([keras.Input((2,)), inner])
    >>> owner_of(outer, "inner/last.call_1") == (inner, "last")
    True
    """
    *owners, name = path.split(".call_")[0].split("/")
    for owner in owners:
        model = model.get_layer(owner)
    return model, name


def drawing(model: keras.Model) -> str:
    """An SVG picture that takes its colours from the page, dark or light.

    >>> import zoo
    >>> drawing(zoo.linear_forecaster((50, 1))).count("<rect")
    4
    """
    boxes = _blocks(layers_of(model))
    ranks = _ranks(boxes)
    rows = [
        [name for name in boxes if ranks[name] == rank] for rank in range(max(ranks.values()) + 1)
    ]
    widest = max(map(len, rows))
    centre = (widest * (WIDTH + GAP)) / 2
    places = {}
    for rank, row in enumerate(rows):
        left = centre - (len(row) * (WIDTH + GAP)) / 2 + GAP / 2
        row.sort(key=lambda name: _before(boxes[name], places))
        for index, name in enumerate(row):
            places[name] = (left + index * (WIDTH + GAP), rank * ROW + 2)
    lanes = _lanes(boxes, ranks)
    right = widest * (WIDTH + GAP) - GAP / 2
    width = right + 12 + LANE * (max(lanes.values(), default=-1) + 1)
    parts = [_box(boxes[name], *place) for name, place in places.items()]
    parts += _edges(boxes, ranks, places, lanes, right)
    title = html.escape(f"The layers of {model.name}, from its inputs at the top to its outputs")
    size = f'viewBox="0 0 {width:.0f} {len(rows) * ROW - ROW + HEIGHT + 4}"'
    style = f'style="max-width: {min(width, 900):.0f}px"'
    return (
        f'<svg class="zoo-drawing" {size} {style} role="img" aria-label="{title}">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        f"{''.join(parts)}</svg>"
    )


def _blocks(layers):
    """Boxes by name: the layers, or ever larger blocks of those whose names begin alike."""
    for prefix in (r"^.*$", r"^.*\D_?\d+(?=_\D)", r"^.*?\d+(?=_|$)", r"^[^_/\d]+"):
        names = {each.name: _prefix(prefix, each.name) for each in layers}
        boxes = _joined(layers, names)
        if boxes is not None and len(boxes) <= MOST:
            break
    return boxes if boxes is not None else {each.name: each for each in layers}


def _prefix(pattern, name):
    found = re.match(pattern, name)
    return found[0] if found else name


def _joined(layers, names):
    """The layers of a name as one box each; None where such boxes would read each other."""
    boxes: dict[str, Layer] = {}
    kinds: dict[str, list[str]] = {}
    for each in layers:
        name = names[each.name]
        box = boxes.setdefault(name, Layer(name, each.kind, [], "", each.settings))
        kinds.setdefault(name, []).append(each.kind)
        box.shape = each.shape or box.shape
        read = [names[source] for source in each.inputs if names[source] != name]
        box.inputs += [source for source in read if source not in box.inputs]
    for name, found in kinds.items():
        if len(found) > 1:
            counted = Counter(found)
            boxes[name].kind = ", ".join(
                f"{number} {kind}" if number > 1 else kind for kind, number in counted.items()
            )
            boxes[name].settings = {}
    try:
        _ranks(boxes)
    except RecursionError:
        return None
    return boxes


def _ranks(boxes):
    """The row of each box: below all that it reads."""
    ranks: dict[str, int] = {}

    def rank(name, above=()):
        if name in above:
            raise RecursionError(name)
        if name not in ranks:
            read = [rank(source, (*above, name)) for source in boxes[name].inputs]
            ranks[name] = 1 + max(read, default=-1)
        return ranks[name]

    for name in boxes:
        rank(name)
    return ranks


def _before(box, places):
    known = [places[source][0] for source in box.inputs if source in places]
    return sum(known) / len(known) if known else 0


def _lanes(boxes, ranks):
    """For each reader over a distance, a lane beside the boxes; lanes that overlap differ."""
    taken: list[tuple[int, int, int]] = []
    lanes = {}
    for name, box in sorted(boxes.items(), key=lambda item: ranks[item[0]]):
        far = [ranks[source] for source in box.inputs if ranks[name] - ranks[source] > 1]
        if not far:
            continue
        first, last = min(far), ranks[name]
        lane = 0
        while any(lane == other and first < end and begin < last for other, begin, end in taken):
            lane += 1
        taken.append((lane, first, last))
        lanes[name] = lane
    return lanes


def _edges(boxes, ranks, places, lanes, right):
    """A line from each box to the boxes that read it; one over a distance goes by a lane."""
    lines = []
    for name, box in boxes.items():
        x, y = places[name]
        for source in box.inputs:
            from_x, from_y = places[source]
            if ranks[name] - ranks[source] == 1:
                begin, end = from_x + WIDTH / 2, x + WIDTH / 2
                below, above = from_y + HEIGHT, y - 2
                middle = (below + above) / 2
                path = f"M{begin} {below}C{begin} {middle} {end} {middle} {end} {above}"
            else:
                lane = right + 8 + LANE * lanes[name]
                begin, end = from_y + HEIGHT / 2 + 6, y + HEIGHT / 2 - 6
                leave, enter = f"M{from_x + WIDTH} {begin}", f"H{x + WIDTH + 2}"
                if _beside(source, ranks, places):  # below its row, not through its neighbour
                    leave = f"M{from_x + WIDTH - 40} {from_y + HEIGHT}v10"
                    begin = from_y + HEIGHT + 10
                if _beside(name, ranks, places):
                    end = y - 18
                    enter = f"H{x + WIDTH - 40}V{y - 2}"
                path = (
                    f"{leave}H{lane - 6}Q{lane} {begin} {lane} {begin + 6}"
                    f"V{end - 6}Q{lane} {end} {lane - 6} {end}{enter}"
                )
            lines.append(f'<path class="edge" d="{path}" marker-end="url(#tip)"/>')
    return lines


def _beside(name, ranks, places):
    """Whether another box stands between this one and the lanes."""
    return any(
        ranks[other] == ranks[name] and place[0] > places[name][0]
        for other, place in places.items()
    )


def _box(box, x, y):
    """A rectangle with two lines: the name, and what kind of layer gives what shape."""
    kind = next((kind for kind, words in _KINDS if re.search(words, box.kind)), "other")
    size = next((box.settings[key] for key in ("units", "filters") if key in box.settings), "")
    what = f"{box.kind.removesuffix('Layer')} {size}".strip()
    room = 36 - len(box.shape)
    what = what if len(what) <= room else f"{what[: room - 1]}…"
    second = f"{what}  {box.shape}".strip()
    name = box.name if len(box.name) <= 34 else f"…{box.name[-33:]}"
    middle = x + WIDTH / 2
    return (
        f'<g class="{kind}"><rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text class="name" x="{middle}" y="{y + 18}">{html.escape(name)}</text>'
        f'<text x="{middle}" y="{y + 35}">{html.escape(second)}</text></g>'
    )
