"""The door for readers of the source: it runs, says what is true, and stays short."""

from __future__ import annotations

import inspect
import re

import numpy as np

from pullback.core import read_me_first


def test_it_tells_the_graph_and_both_derivatives():
    said = read_me_first.main()
    assert "sine(node" in said
    slopes = re.findall(r"d/d[xy] = (\S+), by a chord (\S+)", said)
    wanted = [3 * np.cos(1.5) + 1.0, 0.5 * np.cos(1.5)]
    np.testing.assert_allclose([float(slope) for slope, _ in slopes], wanted, atol=1e-9)
    np.testing.assert_allclose([float(chord) for _, chord in slopes], wanted, atol=1e-6)


def test_contributions_of_all_uses_are_added():
    x, y = read_me_first.variable(3.0), read_me_first.variable(1.0)
    used = read_me_first.apply("product", x, x)
    assert read_me_first.gradient(used, x, y) == [6.0, 0.0]


def test_it_can_be_read_at_once():
    assert len(inspect.getsource(read_me_first).splitlines()) <= 110
