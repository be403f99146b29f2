"""Pictures of what a translation looked at."""

from matplotlib.figure import Figure

from callbacks.drawing import drawable

#: Tokens of a side that a picture has room for.
_ROOM = 40


def attention(examples) -> Figure:
    """Up to four translations, and the weights of the attention to their sources.

    `examples` are `(source pieces, target pieces, weights (target, source))` of each.
    """
    columns = min(2, len(examples))
    rows = -(-len(examples) // columns)
    heights = max(min(len(target), _ROOM) for _, target, _ in examples)
    figure = Figure(figsize=(5.5 * columns, rows * (1.5 + 0.17 * heights)), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (source, target, weights) in zip(axes, examples, strict=False):
        source, target = source[:_ROOM], target[:_ROOM]
        weights = weights[: len(target), : len(source)]
        shown = axis.imshow(weights, cmap="Greys", vmin=0, vmax=1, aspect="auto")
        characters = all(len(piece) <= 1 for piece in source)  # these are read upright
        _label(axis.xaxis, source, rotation=0 if characters else 90)
        _label(axis.yaxis, target)
    for axis in axes[len(examples) :]:
        axis.set_axis_off()
    figure.supxlabel("source", fontsize=9)
    figure.supylabel("translation", fontsize=9)
    figure.colorbar(shown, ax=axes.tolist(), label="attention weight", shrink=0.8)
    return figure


def _label(axis, pieces, **style):
    axis.set_ticks(range(len(pieces)))
    names = [drawable(piece.replace(" ", "\u00b7")) for piece in pieces]
    # A dollar sign is a dollar sign.
    axis.set_ticklabels(names, fontsize=8, parse_math=False, **style)
