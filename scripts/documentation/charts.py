"""Line charts as SVG that takes its colours from the page, dark or light."""

import html
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 560, 220, 64, 40, 28


def lines(series: Mapping[str, Sequence[float]], x: Sequence[float], labels: tuple[str, str],
          title: str, step: bool = False) -> str:  # fmt: skip
    """Draws lines over a common axis.

    Args:
        series: The values of each line, by its name.
        x: Where they are.
        labels: What the two axes are.
        title: What the picture shows, for who does not see it.
        step: Whether values hold until the next one.

    >>> lines({"rate": [0, 1]}, [0, 10], ("step", "rate"), "A ramp").count("polyline")
    1
    """
    x = np.asarray(x, float)
    values = {name: np.asarray(found, float) for name, found in series.items()}
    top = max(found.max() for found in values.values()) * 1.05 or 1.0
    low = min(found.min() for found in values.values())
    low = 0 if low < top / 2 else low - (top - low) / 10  # far from 0, what varies fills the chart

    def place(along, up):
        across = LEFT + (along - x[0]) / (x[-1] - x[0]) * (WIDTH - LEFT - 20)
        return across, TOP + (1 - (up - low) / (top - low)) * (HEIGHT - TOP - BOTTOM)

    parts = []
    for tick in _ticks(low, top):
        _, y = place(x[0], tick)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - 20}"/>')
        parts.append(f'<text class="end" x="{LEFT - 6}" y="{y + 4:.1f}">{tick:g}</text>')
    for along in np.linspace(x[0], x[-1], 5):
        across, _ = place(along, low)
        parts.append(f'<text x="{across:.1f}" y="{HEIGHT - BOTTOM + 16}">{along:g}</text>')
    for index, (name, found) in enumerate(values.items()):
        points = [place(along, up) for along, up in zip(x, found, strict=True)]
        if step:
            pairs = list(itertools.pairwise(points))
            points = [point for (a, b) in pairs for point in (a, (b[0], a[1]))] + points[-1:]
        drawn = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline class="line line-{index}" points="{drawn}"/>')
        if len(values) > 1:
            at = LEFT + 8 + index * 150
            parts.append(f'<path class="line line-{index}" d="M{at} 14h20"/>')
            parts.append(f'<text class="start" x="{at + 26}" y="18">{html.escape(name)}</text>')
    middle = (LEFT + WIDTH) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 6}">{html.escape(labels[0])}</text>')
    turned = f'transform="rotate(-90 12 {HEIGHT / 2})"'
    parts.append(f'<text {turned} x="12" y="{HEIGHT / 2}">{html.escape(labels[1])}</text>')
    return (
        f'<svg class="zoo-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{html.escape(title)}">{"".join(parts)}</svg>'
    )


def _ticks(low, top):
    """Round numbers between two, at most six.

    >>> _ticks(0, 0.105).round(3).tolist(), _ticks(0.833, 0.9975).round(3).tolist()
    ([0.0, 0.025, 0.05, 0.075, 0.1], [0.85, 0.9, 0.95])
    """
    power = 10 ** np.floor(np.log10(top - low))
    sizes = (size * power for size in (0.2, 0.25, 0.5, 1, 2))
    size = next(size for size in sizes if (top - low) / size <= 5)
    return np.arange(np.ceil(low / size), np.ceil(top / size)) * size
