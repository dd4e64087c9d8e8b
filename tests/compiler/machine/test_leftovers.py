"""What recordings leave behind goes back, where it is much."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.machine import leftovers
from pullback.core import memory


@pytest.mark.parametrize("least", [0, 1 << 40])
def test_memory_that_is_kept_for_results_is_let_go_where_a_call_makes_much(least, monkeypatch):
    monkeypatch.setattr(leftovers, "LARGE", least)
    step = pb.compile(lambda x: pb.sin(x) * 2)
    for _ in range(2):
        step(np.ones(3))
    kept = memory._kept[0]
    del_me = memory.empty((1000,), np.dtype(float))
    del del_me
    assert memory._kept[0] == kept + 8000
    step(np.ones(3))
    assert (memory._kept[0] == 0) == (least == 0)


def test_where_the_system_cannot_be_asked_nothing_happens(monkeypatch):
    monkeypatch.setattr(leftovers, "LARGE", 0)
    monkeypatch.setattr(leftovers.ctypes, "CDLL", lambda _name: object())
    step = pb.compile(lambda x: pb.cos(x) * 3)
    for _ in range(3):
        value = step(np.zeros(2))
    assert value.tolist() == [3.0, 3.0]
