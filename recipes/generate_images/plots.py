"""Grids of pictures."""

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from sklearn.manifold import TSNE
from sklearn.metrics import pairwise_distances_argmin


def grid(images, columns=8) -> np.ndarray:
    """Pictures, uint8, side by side in one, with a line between them."""
    height, width, *channels = images.shape[1:]
    rows = -(-len(images) // columns)
    sheet = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1, *channels), 128, np.uint8)
    for number, image in enumerate(images):
        top, left = (number // columns) * (height + 1) + 1, number % columns * (width + 1) + 1
        sheet[top : top + height, left : left + width] = image
    return sheet


def drawing(images) -> Figure:
    """The same as a figure."""
    sheet = grid(images)
    figure = Figure(figsize=(6, 6 * sheet.shape[0] / sheet.shape[1]), layout="constrained")
    axis = figure.subplots()
    axis.axis("off")
    axis.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    return figure


def nearest(images, training) -> np.ndarray:
    """For each of some pictures, the training picture whose pixels differ least."""
    training = np.asarray(training)
    rows = [part.reshape(len(part), -1).astype(np.float32) for part in (images, training)]
    return training[pairwise_distances_argmin(*rows)]


def beside(upper, lower, columns=8) -> np.ndarray:
    """Rows of pictures, each with a row of others below it."""
    gap = [(0, -len(upper) % columns), *[(0, 0)] * (upper.ndim - 1)]
    upper, lower = (np.pad(part, gap, constant_values=128) for part in (upper, lower))
    starts = range(0, len(upper), columns)
    pairs = [part[start : start + columns] for start in starts for part in (upper, lower)]
    return np.concatenate(pairs)


def code_map(codes, images, labels, seed) -> Figure:
    """Codes on a plane, near ones near (t-SNE), by class, and pictures where there is room."""
    places = TSNE(perplexity=min(30, (len(codes) - 1) / 3), random_state=seed).fit_transform(codes)
    places = (places - places.min(axis=0)) / np.maximum(np.ptp(places, axis=0), 1e-9)
    figure = Figure(figsize=(7, 6), layout="constrained")
    axis = figure.subplots()
    axis.axis("off")
    classes = np.unique(labels)
    for number, label in enumerate(classes):
        axis.scatter(*places[labels == label].T, s=12, color=f"C{number % 10}", label=str(label))
    if 1 < len(classes) <= 10:
        figure.legend(loc="outside right upper", title="class", frameon=False)
    shown = np.full((1, 2), 2.0)
    for place, image in zip(places, images, strict=True):
        if np.square(shown - place).sum(axis=1).min() > 0.01:
            shown = np.vstack([shown, place])
            box = OffsetImage(
                image, zoom=28 / max(image.shape[:2]), cmap="gray", norm=Normalize(0, 255)
            )
            axis.add_artist(AnnotationBbox(box, place, pad=0.1))
    return figure
