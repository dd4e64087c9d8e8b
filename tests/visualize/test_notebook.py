"""How tensors, modules and explanations look in a notebook, and in a terminal."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import pullback as pb
from pullback.core.views import VIEWS, Sheet, html_of


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (pb.tensor(2.5), ["number", "float64", "2.5"]),
        (pb.tensor([[1.0, -2.0]], requires_grad=True, name="<w>"), ["&lt;w&gt;", "1 × 2", "variable", "<table"]),
        (pb.tensor(np.zeros((40, 30), np.float32)), ["40 × 30", "float32", "<svg"]),
        (pb.tensor(np.sin(np.arange(300.0))), ["300", "<polyline"]),
        (pb.tensor([1.0, np.nan]), ["1 not finite"]),
        (pb.tensor(np.zeros((0, 3))), ["0 × 3"]),
        (pb.tensor([True, False]), ["bool"]),
        (pb.sin(pb.tensor([0.0], requires_grad=True)), ["from sin"]),
        (pb.nn.MLP(784, 64, 10), ["50,890 parameters in all", "├── 0: Linear(784, 64)", "64×784 64"]),
        (pb.nn.Linear(2, 3).requires_grad_(flag=False), ["9 frozen"]),
    ],
)
def test_a_view(value, texts):
    html = value._repr_html_()
    ET.fromstring(html)  # well-formed
    for text in texts:
        assert text in html
    assert "script" not in html


def test_an_explanation():
    double = pb.compile(lambda x: 2 * x)
    for _ in range(3):
        double(pb.ones(2))
    said = double.explain()
    assert repr(said) == str(said)
    assert "&lt;lambda&gt;: 2 calls recorded" in said._repr_html_()


def test_there_may_be_no_view():
    assert html_of(object()) is None
    assert Sheet in VIEWS


def test_a_view_is_loaded_when_it_is_asked_for():
    code = (
        "import sys, pullback as pb; assert 'pullback.visualize' not in sys.modules;"
        "assert '2 × 2' in pb.ones((2, 2))._repr_html_(); assert 'pullback.visualize' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
