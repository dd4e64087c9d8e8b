"""`pullback grad` and `pullback draw`."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.cli.derivatives import derivatives


def test_grad_shows_value_gradient_and_hessian(pullback):
    done = pullback("grad", "x**2 * sin(y)", "x=3", "y=0")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "x**2 * sin(y)  at  x = 3, y = 0\n"
        "\n"
        "value     0\n"
        "gradient  x  0\n"
        "          y  9\n"
        "Hessian      x  y\n"
        "          x  0  6\n"
        "          y  6  0\n"
    )


def numbers(text, title):
    """The numbers of a table, by row name."""
    block = text[text.index(title) :].splitlines()
    rows = {}
    for place, line in enumerate(block):
        cells = (line.removeprefix(title) if place == 0 else line).split()
        if place and not line.startswith("          "):
            break
        if (
            cells
            and re.fullmatch(r"[a-z](\[\d+\])?", cells[0])
            and len(cells) > 1
            and not cells[1].startswith(("x", "y"))
        ):
            rows[cells[0]] = [float(cell) for cell in cells[1:]]
    return rows


@given(st.floats(-2, 2), st.floats(0.5, 2))
def test_the_numbers_are_the_derivatives(x, y):
    text = derivatives("x**3 * log(y)", [f"x={x!r}", f"y={y!r}"])
    assert numbers(text, "gradient") == {
        "x": [pytest.approx(3 * x * x * np.log(y), rel=1e-9, abs=1e-12)],
        "y": [pytest.approx(x**3 / y, rel=1e-9, abs=1e-12)],
    }
    mixed = pytest.approx(3 * x * x / y, rel=1e-9, abs=1e-12)
    assert numbers(text, "Hessian") == {
        "x": [pytest.approx(6 * x * np.log(y), rel=1e-9, abs=1e-12), mixed],
        "y": [mixed, pytest.approx(-(x**3) / y**2, rel=1e-9, abs=1e-12)],
    }


def test_vectors_are_shown_element_by_element():
    assert derivatives("sum(w * w) * x", ["w=[1,2]", "x=3"]) == (
        "sum(w * w) * x  at  w = [1., 2.], x = 3\n"
        "\n"
        "value     15\n"
        "gradient  w[0]   6\n"
        "          w[1]  12\n"
        "          x      5\n"
        "Hessian         w[0]  w[1]  x\n"
        "          w[0]     6     0  2\n"
        "          w[1]     0     6  4\n"
        "          x        2     4  0"
    )


def test_the_branch_not_taken_makes_no_nan():
    text = derivatives("where(x > 0, sqrt(x), x)", ["x=-1"])
    assert numbers(text, "gradient") == {"x": [1.0]}


def test_a_formula_without_variables_has_a_value_only():
    assert derivatives("2 * pi", []) == "2 * pi\n\nvalue     6.283185307"


def test_a_formula_may_begin_with_a_minus(pullback):
    done = pullback("grad", "-x**2", "x=3")
    assert done.code == 0
    assert "value     -9" in done.out


def test_large_hessians_are_left_out():
    text = derivatives("sum(x)", [f"x={list(range(20))}"])
    assert "20 × 20" in text
    assert "x[19]  1" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x +", "x=1"], "^"),
        (["x * y", "x=1"], "'y' has no value"),
        (["x", "x=1", "y=2"], "no variable 'y'"),
        (["x > 0", "x=1"], "let it choose: where(x > 0, a, b)"),
        (["[x, x]", "x=1"], "reduce it: sum"),
        (["sin(x", "x=1"], "never closed"),
        (["__import__('os')", "x=1"], "no function"),
    ],
)
def test_what_is_wrong_is_told_without_a_traceback(arguments, words, pullback):
    done = pullback("grad", *arguments)
    assert done.code == 2
    assert done.err.startswith("error: expression: ")
    assert words in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_draw_writes_a_picture_and_says_where(pullback, tmp_path):
    done = pullback("draw", "sin(x)**sin(x)", "x=0.5", "-o", "sine.svg")
    assert done.code == 0
    assert "sine.svg: 4 nodes" in done.out
    text = (tmp_path / "sine.svg").read_text()
    assert ET.fromstring(text).tag.endswith("svg")
    assert "sin" in text
    assert "0.5" in text


def test_draw_has_a_usual_place(pullback, tmp_path):
    assert pullback("draw", "-o * o", "o=2").code == 0
    assert (tmp_path / "graph.svg").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["x", "x=1", "-o", "a.png"],
        ["x", "x=1", "-o", "absent/a.svg"],
        ["x", "x=1", "--direction", "up"],
        ["x"],
        ["x )", "x=1"],
    ],
)
def test_draw_refuses_what_cannot_be(arguments, pullback, tmp_path):
    done = pullback("draw", *arguments)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert not list(tmp_path.iterdir())
