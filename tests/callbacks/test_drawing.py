"""Names of any kind are legible in figures, and draw no warning."""

import io

import pytest

from callbacks import summaries
from callbacks.drawing import ISOLATE, POP, drawable, isolated, label
from recipes.classification import plots

NAMES = ("cost $5_ or $6^", "two\nlines", "中文", "very " * 40 + "long", "_private", "שלום")
LABELS = (
    "cost $5_ or $6^", "two lines", "□□", "very very very very very v…ery very long",
    "_private", f"{ISOLATE}שלום{POP}",
)  # fmt: skip


def pixels(figure):
    figure.savefig(io.BytesIO(), dpi=20)  # warnings are errors
    return figure


def test_names_at_the_axes_of_a_confusion_matrix():
    figure = pixels(summaries.confusion_matrix(range(6), range(6), NAMES))
    for texts in (figure.axes[0].get_xticklabels(), figure.axes[0].get_yticklabels()):
        assert tuple(text.get_text() for text in texts) == LABELS
        assert not any(text.get_parse_math() for text in texts)


@pytest.mark.parametrize("draw", [plots.roc, plots.precision_recall])
def test_every_name_is_in_the_legend(draw):
    found = [[1.0 if row == column else 0.0 for column in range(6)] for row in range(6)]
    legend = pixels(draw(range(6), found, NAMES)).axes[0].get_legend()
    assert tuple(text.get_text() for text in legend.get_texts()) == tuple(
        f"{name} (1.000)" for name in LABELS
    )
    assert not any(text.get_parse_math() for text in legend.get_texts())


def test_a_second_font_knows_what_the_first_lacks():
    assert drawable("שa", "monospace") == "□a"
    assert drawable("שa", ("monospace", "sans-serif")) == "שa"


def test_only_what_runs_to_the_left_is_isolated():
    assert isolated("a中1") == "a中1"
    assert isolated("a م") == f"{ISOLATE}a م{POP}"


def test_labels_are_no_longer_than_they_may_be():
    assert [len(label("x" * n, longest=10)) for n in (9, 10, 11, 1000)] == [9, 10, 10, 10]
