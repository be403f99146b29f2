"""What TensorBoard shows beside curves: texts, images, PR curves, histograms, hyperparameters.

Each function returns a summary for `callbacks.events.EventFile`, or a figure to be made into one;
none needs TensorFlow.
"""

import math
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from tensorboardX import summary
from tensorboardX.proto.api_pb2 import Status
from tensorboardX.proto.plugin_hparams_pb2 import (
    HParamsPluginData,
    SessionEndInfo,
    SessionStartInfo,
)
from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

from callbacks.drawing import label
from callbacks.events import EventFile

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def to_summary(tag: str, value: Any) -> Any:
    """Makes a `tensorboardX` summary out of what a recipe has to show.

    Args:
        tag: Name in TensorBoard.
        value: A Matplotlib figure, a text in Markdown, an image `(height, width, channels)` of
            uint8 in [0, 255] or float in [0, 1], or a summary of this module, which is renamed.

    Raises:
        TypeError: If it is none of these.

    >>> callbacks.summaries.to_summary("sample", "**To be**").value[0].tag
    'sample/text_summary'
    """
    if isinstance(value, str):
        return summary.text(tag, value)
    if isinstance(value, Summary):
        renamed = Summary()
        renamed.CopyFrom(value)
        for item in renamed.value:
            item.tag = tag
        return renamed
    if hasattr(value, "savefig"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas = FigureCanvasAgg(value)
        canvas.draw()
        value = np.asarray(canvas.buffer_rgba())[..., :3]
    if not isinstance(value, np.ndarray) or value.ndim != 3:
        raise TypeError(
            "Expected a Matplotlib figure, a text, an image (height, width, channels) or a "
            f"summary for {tag!r}. Received: {type(value).__name__}"
        )
    return summary.image(tag, value, dataformats="HWC")


def histogram(tag: str, values: ArrayLike, bins: int = 30) -> Any:
    """A histogram of the finite values in an array; None where there are none.

    It has `bins` of equal width, by default 30, all that TensorBoard draws.
    """
    found = np.asarray(values, "float64").ravel()
    found = found[np.isfinite(found)]
    return summary.histogram(tag, found, bins) if len(found) else None


def pr_curve(
    labels: ArrayLike, scores: ArrayLike, tag: str = "pr_curve", num_thresholds: int = 127
) -> Any:
    """A precision-recall curve for TensorBoard's tab of them.

    Args:
        labels: Whether each example is positive, `(n,)`.
        scores: Predicted probability of that, in [0, 1], `(n,)`.
        tag: Name in TensorBoard.
        num_thresholds: Points of the curve, at most 127.

    Raises:
        ValueError: If the shapes differ, there is nothing, or a score is not in [0, 1].

    >>> curve = callbacks.summaries.pr_curve([0, 1, 1], [0.2, 0.6, 0.9], num_thresholds=3)
    >>> [round(value, 2) for value in curve.value[0].tensor.float_val[-3:]]  # the recall
    [1.0, 1.0, 0.0]
    """
    labels, scores = np.asarray(labels).ravel(), np.asarray(scores, "float64").ravel()
    if labels.shape != scores.shape or not len(labels):
        raise ValueError(
            "Expected a label and a score for each example, at least one. Received: "
            f"{len(labels)} labels and {len(scores)} scores"
        )
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError(
            "Expected scores in [0, 1], such as the output of a sigmoid. Received: scores from "
            f"{scores.min():g} to {scores.max():g}"
        )
    return summary.pr_curve(tag, labels.astype(bool), scores, num_thresholds)


def confusion_matrix(
    labels: ArrayLike, predictions: ArrayLike, class_names: Sequence[str]
) -> "Figure":
    """A figure of how often each class was taken for each other one.

    Colours are fractions of the true class, numbers are counts; classes are integers `(n,)`.

    >>> figure = callbacks.summaries.confusion_matrix([0, 1, 1], [0, 1, 0], ["cat", "dog"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '0', '1', '1']
    """
    from matplotlib.figure import Figure

    count = len(class_names)
    matrix = np.zeros((count, count), int)
    np.add.at(matrix, (np.asarray(labels, int).ravel(), np.asarray(predictions, int).ravel()), 1)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = 2.5 + 0.45 * count
    figure = Figure(figsize=(side + 0.9, side), layout="constrained")
    axis = figure.subplots()
    shown = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(shown, label="fraction of the true class", shrink=0.7)
    names = [label(name) for name in class_names]
    # A dollar sign is a dollar sign.
    axis.set_xticks(range(count), names, parse_math=False)
    if max(map(len, names)) > 3:
        axis.tick_params(axis="x", rotation=90)
    axis.set_yticks(range(count), names, parse_math=False)
    axis.set(xlabel="predicted", ylabel="true")
    if count <= 20:
        for (row, column), number in np.ndenumerate(matrix):
            color = "white" if shares[row, column] > 0.5 else "black"
            axis.text(
                column, row, str(number), ha="center", va="center", color=color, fontsize="small"
            )
    return figure


def layout(scores: Collection[str]) -> Any:
    """By this summary, the Custom Scalars tab draws `loss` and `val_loss`, and so on, together."""
    both = [name for name in scores if f"val_{name}" in scores]
    charts = {name: ["Multiline", [f"epoch/{name}", f"epoch/val_{name}"]] for name in both}
    return summary.custom_scalars({"training and validation": charts})


def session_start(hparams: Mapping[str, Any]) -> Any:
    """The summary by which the HParams tab knows a run and its settings.

    Lists are shown as text; None and what is empty is left out.
    """
    info = SessionStartInfo(start_time_secs=time.time())
    for name, value in hparams.items():
        if isinstance(value, bool | np.bool_):
            info.hparams[name].bool_value = bool(value)
        elif isinstance(value, int | float | np.number):
            info.hparams[name].number_value = float(value)
        elif isinstance(value, list | tuple) and value:
            info.hparams[name].string_value = ", ".join(map(str, value))
        elif value not in (None, "", {}, [], ()):
            info.hparams[name].string_value = str(value)
    return _hparams("session_start_info", HParamsPluginData(session_start_info=info))


def session_end(succeeded: bool = True) -> Any:
    """The summary that tells the HParams tab that a run is over."""
    status = Status.Value("STATUS_SUCCESS" if succeeded else "STATUS_FAILURE")
    info = SessionEndInfo(status=status, end_time_secs=time.time())
    return _hparams("session_end_info", HParamsPluginData(session_end_info=info))


def _hparams(tag, data):
    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=data.SerializeToString())
    metadata = SummaryMetadata(plugin_data=plugin)
    return Summary(value=[Summary.Value(tag=f"_hparams_/{tag}", metadata=metadata)])


def write_scores(log_dir: str | Path, scores: Mapping[str, float], step: int = 0) -> None:
    """Writes the final scores of a run beside its curves, where the HParams tab finds them.

    Scores written before are replaced, so a run that is finished twice has them once.

    Args:
        log_dir: Folder of the run, the `log_dir` of its `TensorBoard`.
        scores: Numbers by name, such as `validation/mae`; those that are not finite are left out.
        step: Where on the axis to put them. Defaults to 0.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     callbacks.write_scores(folder, {"validation/mae": 0.5})
    ...     callbacks.write_scores(folder, {"validation/mae": 0.4})
    ...     len(callbacks.events.event_files(folder))
    1
    """
    for old in Path(log_dir).glob("events.out.tfevents.*.scores"):
        old.unlink()
    file = EventFile(log_dir, suffix=".scores")
    for name, value in scores.items():
        if math.isfinite(value):
            file.add(summary.scalar(name, float(value)), step)
    file.close()
