"""Pictures of pictures."""

import keras
import numpy as np
from matplotlib.figure import Figure

from callbacks.drawing import shortened

COLUMNS, ROWS = 6, 4
#: Pictures of each kind whose classes are located.
LOCATED = 6


def most_wrong(part, probabilities) -> Figure | None:
    """The most confident errors of `Pictures` that were predicted; `None` without any."""
    taken, sure, right = _verdicts(part, probabilities)
    chosen = _surest(sure, ~right)[: COLUMNS * ROWS]
    return _grid(part, probabilities, chosen, taken) if len(chosen) else None


def where_seen(model, part, probabilities) -> Figure | None:
    """Right and wrong pictures, and in bright where the predicted class is seen in them."""
    taken, sure, right = _verdicts(part, probabilities)
    chosen = np.concatenate([_surest(sure, kind)[:LOCATED] for kind in (right, ~right)])
    maps = class_maps(model, part.images[chosen], taken[chosen])
    return None if maps is None else _grid(part, probabilities, chosen, taken, maps)


def seen(model, image, label) -> Figure | None:
    """A picture, and in bright where a class, its number, is seen in it; `None` as `class_maps`."""
    maps = class_maps(model, image[None], np.array([label]))
    if maps is None:
        return None
    figure = Figure(figsize=(3, 3))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.axis("off")
    _draw(axis, image, maps[0])
    return figure


def class_maps(model, images, classes) -> np.ndarray | None:
    """How much each place of some pictures speaks for a class: `(n, map_height, map_width)`.

    Where the pooled maps of a network are summed up by its head, Grad-CAM's weights are those of
    the head, and no gradient is needed. `None` for other networks.

    Reference: Selvaraju et al., *Grad-CAM*, 2017, section 3.1; Zhou et al., 2016.
    """
    core = next((layer for layer in model.layers if isinstance(layer, keras.Model)), None)
    if core is None or "pool" not in {layer.name for layer in core.layers}:
        return None
    features = keras.Model(core.input, core.get_layer("pool").input)
    maps = features(model.get_layer("scaling")(np.asarray(images, np.float32)))
    maps = keras.ops.convert_to_numpy(keras.ops.cast(maps, "float32"))
    kernel = keras.ops.convert_to_numpy(core.get_layer("head").kernel)
    return np.einsum("nhwc,cn->nhw", maps, kernel[:, classes])


def _verdicts(part, probabilities):
    """The class by which each picture is judged, how sure that is, and whether it is right.

    Of several labels, it is the one that is most wrong, or the most probable one if none is.
    """
    taken, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    if part.head == "multiclass":
        return taken, sure, taken == part.labels
    error = np.abs(part.labels - probabilities)
    worst, size = error.argmax(axis=1), error.max(axis=1)
    right = size < 0.5
    return np.where(right, taken, worst), np.where(right, sure, size), right


def _surest(sure, kind):
    positions = np.flatnonzero(kind)
    return positions[np.argsort(-sure[positions], kind="stable")]


def _grid(part, probabilities, chosen, taken, maps=None):
    """Pictures with what they are and what they were taken for; behind it, where that is seen."""
    names = part.names
    rows = -(-len(chosen) // COLUMNS)
    figure = Figure(figsize=(1.7 * COLUMNS, 2.15 * rows), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for place, (axis, index) in enumerate(zip(axes, chosen, strict=False)):
        _draw(axis, part.images[index], None if maps is None else maps[place])
        name, other = names[index] or "no label", part.classes[taken[index]]
        sure = f"{100 * probabilities[index, taken[index]]:.0f} %"
        axis.set_title(f"{shortened(name, 14)}\nas {shortened(other, 14)} ({sure})", fontsize=8)
    return figure


def _draw(axis, picture, places=None):
    axis.imshow(picture, cmap="gray", vmin=0, vmax=255)
    if places is not None:
        box = (-0.5, picture.shape[1] - 0.5, picture.shape[0] - 0.5, -0.5)
        bright = np.maximum(places, 0) / max(places.max(), 1e-9)
        axis.imshow(bright, cmap="inferno", alpha=0.45, extent=box, interpolation="bilinear")


def first_filters(model) -> Figure | None:
    """The filters of the first convolution, `None` where there is none."""
    core = next((layer for layer in model.layers if isinstance(layer, keras.Model)), None)
    found = [each for each in getattr(core, "layers", ()) if isinstance(each, keras.layers.Conv2D)]
    if not found or found[0].kernel.shape[2] not in (1, 3):
        return None
    kernel = keras.ops.convert_to_numpy(found[0].kernel)
    kernel = (kernel - kernel.min()) / max(np.ptp(kernel), 1e-9)
    rows = -(-kernel.shape[-1] // 8)
    figure = Figure(figsize=(6, 0.8 * rows), layout="constrained")
    for axis in figure.subplots(rows, 8, squeeze=False).ravel():
        axis.axis("off")
    for axis, one in zip(figure.axes, np.moveaxis(kernel, -1, 0), strict=False):
        axis.imshow(one.squeeze(), cmap="gray", vmin=0, vmax=1)
    return figure
