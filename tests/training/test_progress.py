"""The bar is on a terminal only, and the last word is in a log too."""

from __future__ import annotations

import io

import pytest

import pullback.training.progress as module
from pullback.training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_a_bar():
    stream = Terminal()
    with Progress(0, 50, stream=stream) as progress:
        progress.show(50, "epoch 2/2", "loss 0.1250")
    text = stream.getvalue()
    assert "\r" in text
    assert "100 %" in text
    assert "loss 0.1250" in text
    assert "epoch 2/2" in text


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "log"])
def test_quiet_is_quiet(stream):
    with Progress(0, 50, quiet=True, stream=stream) as progress:
        progress.show(50, "epoch 2/2", "loss 0.1250")
    assert stream.getvalue() == ""


def test_a_log_gets_a_line_every_ten_seconds(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    stream = io.StringIO()
    with Progress(0, 50_000, stream=stream) as progress:
        for second in range(36):
            now[0] = float(second)
            progress.show(second * 100, "epoch 1/1", "loss 1.0000")
    assert stream.getvalue().splitlines() == [
        f"epoch 1/1, step {step} of 50,000: loss 1.0000" for step in ("1,000", "2,000", "3,000")
    ]


def test_a_resumed_bar_begins_where_the_run_stands():
    stream = Terminal()
    with Progress(25, 50, stream=stream):
        pass
    assert " 50 %" in stream.getvalue()
