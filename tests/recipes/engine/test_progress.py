"""The bar counts steps, and says what it waits for."""

import io
import re

import pytest
from rich.console import Console

from recipes.engine.progress import Progress


@pytest.fixture
def bar():
    def make(terminal):
        progress = Progress("val_last_step_mae", unit=" (scaled)")
        text = io.StringIO()
        progress.console = Console(
            file=text, force_terminal=terminal, width=80, color_system=None, legacy_windows=False
        )
        progress.set_params({"epochs": 20, "steps": 100})
        progress.on_train_begin()
        return progress, text

    return make


def shown(progress, text):
    """The line that the bar is now."""
    progress._bar.refresh()
    plain = re.sub(r"\x1b\[[0-9;?]*\w", "", text.getvalue()).rstrip()
    line = re.split(r"[\r\n]", plain)[-1]
    assert len(line) <= 80
    return line


def test_a_bar_counts_steps(bar):
    progress, text = bar(terminal=True)
    progress.on_epoch_begin(0)
    line = shown(progress, text)
    assert line.startswith("step 0/2,000 ")
    assert line.endswith(" compiling")
    assert progress.first_step is None
    progress.on_train_batch_end(31)
    line = shown(progress, text)
    assert line.startswith("step 32/2,000 ")
    assert "compiling" not in line
    first = progress.first_step
    progress.on_train_batch_end(63)
    assert progress.first_step == first > 0
    progress.on_train_batch_end(99)
    progress.on_epoch_end(0, {"loss": 1.5, "val_last_step_mae": 12345.678})
    progress.on_epoch_begin(1)
    line = shown(progress, text)
    assert line.startswith("step 100/2,000 ")
    assert line.endswith(" loss 1.5  best val_last_step_mae 1.235e+04 (scaled)")
    progress.on_train_end()


def test_a_resumed_bar_goes_on_where_it_was(bar):
    progress, text = bar(terminal=True)
    progress.on_epoch_begin(7)
    assert shown(progress, text).startswith("step 700/2,000 ")
    progress.on_train_end()


def test_a_pipe_gets_plain_lines(bar):
    progress, text = bar(terminal=False)
    for epoch in range(20):
        progress.on_epoch_begin(epoch)
        progress.on_train_batch_end(99)
        progress.on_epoch_end(epoch, {"loss": 1.5, "val_last_step_mae": 20 - epoch})
    progress.on_train_end()
    lines = text.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0] == "epoch 2/20  loss 1.5  best val_last_step_mae 19 (scaled)"
    assert lines[-1] == "epoch 20/20  loss 1.5  best val_last_step_mae 1 (scaled)"
