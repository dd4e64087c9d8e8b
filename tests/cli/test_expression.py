"""Formulas: what they compute, what they refuse, and where they point when they do."""

from __future__ import annotations

import ast
import contextlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.cli.expression import Expression, assignment, assignments
from pullback.cli.vocabulary import FUNCTIONS, as_written_here
from pullback.core.errors import ExpressionError

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # overflow and NaN are results here

VALUES = {
    "2 + 3 * 4": 14,
    "(2 + 3) * 4": 20,
    "-x**2": -2.25,
    "2**-1": 0.5,
    "2**3**2": 512,
    "7 // 2 + 7 % 2": 4,
    "+x - -x": 3,
    "sin(pi / 2) + log(e)": 2,
    "where(x > 1, x, 0)": 1.5,
    "where(0 < x < 1, 10, 20)": 20,
    "where(0 < x <= 1.5, 10, 20)": 10,
    "where(1 < x == 1.5 != 2, 10, 20)": 10,
    "sum([x, 2, 3] * [1, 2, 3])": 14.5,
    "[1, 2, 3][-1]": 3,
    "sum([1, 2, 3, 4][1:3])": 5,
    "[[1, 2], [3, 4]][1, 0]": 3,
    "sum([[1, 2], [3, 4]] @ [1, 1])": 10,
    "dot([1, 2], [3, 4])": 11,
    "norm([3, 4])": 5,
    "maximum(x, 2) + clip(x, 0, 1)": 3,
    "1e3 + 1_000": 2000,
    "1e999": math.inf,
    "9**9**9**9": math.inf,
    "  x \n + 1 ": 2.5,
}


@pytest.mark.parametrize("text", VALUES)
def test_a_formula_has_the_value_of_mathematics(text):
    assert Expression(text)({"x": pb.tensor(1.5)}).item() == VALUES[text]


NUMBERS = st.floats(-100, 100, allow_nan=False).map(repr)
FORMULAS = st.recursive(
    NUMBERS | st.sampled_from(["x", "y", "pi"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/"]), inner),
        st.builds("-{}".format, inner),
        st.builds("{}({})".format, st.sampled_from(["sin", "exp", "abs", "tanh"]), inner),
        st.builds("where({} > {}, {}, {})".format, inner, inner, inner, inner),
    ),
    max_leaves=12,
)


@given(FORMULAS, st.floats(-3, 3), st.floats(-3, 3))
def test_it_computes_what_python_computes(text, x, y):
    """Python's own eval is the oracle here, on text that this test has made."""
    words = {name: getattr(np, name) for name in ("sin", "exp", "abs", "tanh", "where")}
    with np.errstate(all="ignore"):
        names = {"x": np.float64(x), "y": np.float64(y), "pi": np.float64(math.pi)}
        expected = eval(numpy_numbers(text), {"np": np, **words, **names})
        found = Expression(text)({"x": pb.tensor(x), "y": pb.tensor(y)})
    assert np.array_equal(found.numpy(), expected, equal_nan=True)


def numpy_numbers(text):
    """The text with NumPy's numbers, whose division by zero is an infinity and no error."""

    class Wrap(ast.NodeTransformer):
        def visit_Constant(self, node):
            return ast.parse(f"np.float64({node.value!r})", mode="eval").body

    return ast.unparse(Wrap().visit(ast.parse(text, mode="eval")))


def test_names_are_in_the_order_of_the_formula():
    assert Expression("b + a * b + sin(c) + pi").names == ("b", "a", "c")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_can_be_called(name):
    arguments = ", ".join(["x", "0.25", "0.75"][: FUNCTIONS[name].arguments])
    result = Expression(f"sum({name}({arguments}))")({"x": pb.tensor([0.5, 0.6])})
    assert result.shape == ()
    assert np.isfinite(result.item()) or name == "arccosh"


# What is refused, and the part of it that the carets stand under.
REFUSED = {
    "x + foo(x)": "foo",
    "__import__('os').system('true')": "__import__('os').system('true')",
    "__import__('os')": "__import__",
    "x.__class__": "x.__class__",
    "().__class__": "().__class__",
    "(lambda: 1)()": "(lambda: 1)()",
    "lambda: 1": "lambda: 1",
    "[y for y in x]": "[y for y in x]",
    "x if x > 0 else 1": "x if x > 0 else 1",
    "2 * (x and 1)": "x and 1",
    "not x": "not x",
    "~x": "~x",
    "x ^ 2": "x ^ 2",
    "x << 2": "x << 2",
    "x in [1]": "x in [1]",
    "x is 1": "x is 1",
    "1 + 'a'": "'a'",
    "1 + f'{x}'": "f'{x}'",
    "b'a' + 1": "b'a'",
    "1 + 2j": "2j",
    "True + 1": "True",
    "None": "None",
    "...": "...",
    "[] + 1": "[]",
    "{1: 2}": "{1: 2}",
    "sin": "sin",
    "sin + 1": "sin",
    "sin(x, x)": "sin(x, x)",
    "sin()": "sin()",
    "sin(x=1)": "sin(x=1)",
    "sin(*x)": "*x",
    "sum(x)(1)": "sum(x)(1)",
    "x[y]": "y",
    "x[1.5]": "1.5",
    "x[True]": "True",
    "x['a']": "'a'",
    "(x := 1)": "x := 1",
    "1 + 2)": ")",
    "3x": "3",
    "α + β(x)": "β",
    "1" + "0" * 400: None,
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_formula_is_refused_at_its_place(text):
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    lines = str(caught.value).splitlines()
    (number,) = [place for place, line in enumerate(lines) if set(line) <= {" ", "^"} and "^" in line]
    marks, line = lines[number], lines[number - 1]
    pointed = "".join(letter for letter, mark in zip(line, marks, strict=False) if mark == "^")
    if REFUSED[text] is not None:
        assert pointed == REFUSED[text]


@pytest.mark.parametrize("text", ["", "   ", "(", "x +", "sin(", "\0", "x = 1", "x; y", "import os", "'abc"])
def test_what_python_cannot_read_is_refused(text):
    with pytest.raises(ExpressionError, match=r"^expression: "):
        Expression(text)


DEEP = [
    "x" + "+x" * 4000,
    "-" * 9000 + "x",
    "(" * 4000 + "x" + ")" * 4000,
    "[" * 150 + "x" + "]" * 150,
    "x" + "[0]" * 3000,
]


@pytest.mark.parametrize("text", DEEP, ids=["sum", "minus", "parentheses", "lists", "indices"])
def test_depth_is_refused_and_not_a_crash(text):
    with pytest.raises(ExpressionError):
        Expression(text)({"x": pb.tensor(1.0)})


def test_length_is_limited():
    with pytest.raises(ExpressionError, match="too long"):
        Expression("1 + " * 10_000 + "1")


@given(st.text(max_size=40))
def test_any_text_is_a_formula_or_refused(text):
    with contextlib.suppress(ExpressionError):
        expression = Expression(text)
        expression(dict.fromkeys(expression.names, 1.0))


def test_the_place_of_a_failing_operation_is_shown():
    expression = Expression("1 + sum(A @ x)")
    with pytest.raises(ExpressionError) as caught:
        expression({"A": pb.ones((2, 3)), "x": pb.ones(2)})
    text = str(caught.value)
    assert "matmul" in text
    assert "                ^^^^^\n" in text or "^^^^^" in text
    assert "(2, 3)" in text


def test_a_place_far_in_a_long_formula_is_shown():
    text = "x + " * 100 + "foo(x)" + " + x" * 100
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    _, formula, marks, *_ = str(caught.value).splitlines()
    start = marks.index("^")
    assert formula[start : start + 3] == "foo"
    assert len(formula) < 110


def test_a_missing_value_is_asked_for_at_its_place():
    with pytest.raises(ExpressionError, match="'yy' has no value") as caught:
        Expression("x * yy")({"x": 1.0, "y": 2.0})
    assert "is it y" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("x=1.5", "x", 1.5),
        (" x = -1 ", "x", -1.0),
        ("x=pi/2", "x", math.pi / 2),
        ("λ=[1, 2]", "λ", [1.0, 2.0]),
        ("A=[[1,2],[3,4]]", "A", [[1.0, 2.0], [3.0, 4.0]]),
        ("x=2**3", "x", 8.0),
    ],
)
def test_values_are_read(text, name, value):
    found, tensor = assignment(text)
    assert (found, tensor.tolist()) == (name, value)
    assert tensor.dtype == np.float64


@pytest.mark.parametrize(
    "text", ["x", "=1", "x=", "x=y", "2x=1", "x y=1", "lambda=1", "sin=1", "pi=3", "x=[1,[2]]", "x==1", "x.y=1"]
)
def test_what_is_no_value_is_refused(text):
    with pytest.raises(ExpressionError):
        assignment(text)


def test_a_value_that_is_missing_is_not_taken_for_an_empty_formula():
    with pytest.raises(ExpressionError, match="gives no variable a value\n  got  x=\n"):
        assignment("x=")


@pytest.mark.parametrize(("texts", "words"), [(["x=1", "x=2"], "two values"), (["x=1", "z=2"], "no variable 'z'")])
def test_values_fit_the_formula(texts, words):
    with pytest.raises(ExpressionError, match=words):
        assignments(Expression("x + y"), texts)


def test_no_text_is_run():
    """The parser has no way to run code: it calls what its tables hold, and tables hold functions of Pullback."""
    for name, function in FUNCTIONS.items():
        home = getattr(function.call, "__module__", type(function.call).__module__)
        assert home.startswith("pullback."), name


PAPER = {
    "x² − π": "x**2 - pi", "2πx": "2*pi*x", "sin²(x)": "sin(x)**2", "x⁻¹": "x**-1",
    "√x × √(x + 1)": "sqrt(x) * sqrt(x + 1)",
    "3x": "3*x", "1e5 + 2x": "1e5 + 2*x", "|x − 1|": "abs(x - 1)", "y = x²": "x**2", "f(x) = x·x": "x*x",
    "sin x": "sin(x)",
    "x ≤ ∞": "x <= inf", "x₁ ÷ x₂": "x1 / x2", "2(x + 1)": "2*(x + 1)", "(x + 1)(x − 1)": "(x + 1)*(x - 1)", "π": "pi",
    "2πr²": "2*pi*r**2", "xⁿ": "x**n", "−x": "-x",
}  # fmt: skip


@pytest.mark.parametrize("text", PAPER)
def test_a_formula_as_on_paper_is_told_how_it_is_written_here(text):
    with pytest.raises(ExpressionError) as caught:
        Expression(text)({"x": 2.0})
    assert str(caught.value.facts["fix"]).endswith(f"write {PAPER[text]}")
    Expression(PAPER[text])


@given(st.text("x1(. +*²³⁻√|π−×sin=,", max_size=12))
def test_what_is_told_can_be_read(text):
    plain = as_written_here(text)
    if plain is not None:
        ast.parse(plain, mode="eval")
        assert plain.isascii()


@pytest.mark.parametrize(("name", "own"), [("ln", "log"), ("Sin", "sin"), ("asin", "arcsin"), ("atan2", "arctan2")])
def test_a_function_of_another_name_is_found(name, own):
    with pytest.raises(ExpressionError, match=f"near names: {own}$"):
        Expression(f"{name}(x)")


def test_the_larger_of_two_is_found():
    with pytest.raises(ExpressionError, match=r"of two: maximum\(a, b\)"):
        Expression("max(x, 2)")


def test_a_value_as_on_paper_is_told_too():
    with pytest.raises(ExpressionError, match="write -1"):
        assignment("x=−1")


@pytest.mark.parametrize("text", ["9" * 9_999, "9." * 4_000, "x" * 9_999, "_" * 9_999 + "²", "9e" * 500])
def test_a_long_text_is_read_in_time_that_grows_as_it_does(text):
    assert as_written_here(text) in (None, "x" * 9_999, "_" * 9_999 + "**2")
