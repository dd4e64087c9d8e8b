"""Formulas of derivatives, made by running the rules on names."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.core.custom_kinds import CustomVJP
from pullback.core.kinds import Elementwise
from pullback.core.modes import ModeContext
from pullback.ops import elementwise
from pullback.visualize.mathematics import formula, slopes
from pullback.visualize.tape import Tape

OPS = [op for op in vars(elementwise).values() if isinstance(op, Elementwise) and op.differentiable]
ROWS = list(dict.fromkeys(OPS))  # some have two names


@pytest.mark.parametrize(
    ("op", "texts"),
    [
        (elementwise.multiply, ["b", "a"]),
        (elementwise.divide, ["1 / b", "−y / b"]),
        (elementwise.power, ["b·a^(b − 1)", "y·log(a)"]),
        (elementwise.reciprocal, ["−y²"]),
        (elementwise.cbrt, ["1 / (3·y²)"]),
        (elementwise.tanh, ["1 − y²"]),
        (elementwise.sigmoid, ["(1 − y)·y"]),
        (elementwise.arcsin, ["1 / √(1 − x²)"]),
        (elementwise.maximum, ["where(a ≥ b ∧ b ≥ a, 0.5, a ≥ b)", "where(b ≥ a ∧ a ≥ b, 0.5, b ≥ a)"]),
        (elementwise.clip_, ["¬(a < b ∨ (a > c))", "[a < b ∧ b ≤ c]", "[maximum(a, b) > c]"]),
        (elementwise.logaddexp, ["sigmoid(a − b)", "sigmoid(b − a)"]),
        (elementwise.relu, ["[y ≠ 0]"]),
        (elementwise.erf, ["1.12838·exp(−x²)"]),
        (elementwise.floor, ["0"]),
        (elementwise.select, [None, "[a ≠ 0]", "¬a"]),
    ],
)  # fmt: skip
def test_the_derivative_of_a_row(op, texts):
    assert slopes(op) == texts


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_each_row_has_a_formula(op):
    found = slopes(op)
    assert len(found) == op.arity
    for rule, text in zip(op.rules, found, strict=True):
        assert text is None if rule is None else text or op is elementwise.arctan2  # which is too long to read


def pulled(f, *arrays):
    """The formulas of what the last operation's cotangent gives to its operands."""
    tape = Tape()
    with ModeContext(observer=tape):
        f(*[pb.tensor(a, requires_grad=True) for a in arrays]).sum().backward()
    value = [value for value in tape.values if value.primitive is not None][-2]
    return [formula(rule, len(value.operands)) for rule in value.pulls.values()]


A = np.arange(1.0, 7.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("f", "texts"),
    [
        (lambda a: a @ a.mT, ["ȳ @ bᵀ", "aᵀ @ ȳ"]),
        (lambda a: a.sum(axis=0), ["broadcast(ȳ)"]),
        (lambda a: a.reshape(3, 2), ["reshape(ȳ)"]),
        (lambda a: a.T, ["ȳᵀ"]),
        (lambda a: pb.concatenate([a, a]), ["ȳ[0:2]", "ȳ[2:4]"]),
        (lambda a: pb.logsumexp(a, axis=1), ["(exp(x − y) / Σexp(x − y))·ȳ"]),
        (lambda a: a**2, ["2·a·ȳ"]),
        (lambda a: a**3, ["3·a²·ȳ"]),
    ],
)
def test_the_pullback_of_an_operation(f, texts):
    assert pulled(f, A) == texts


def test_a_rule_that_looks_at_numbers_has_no_formula():
    def rule(cotangent, primals, _y):
        return (cotangent if float(primals[0].sum()) > 0 else -cotangent,)

    folded = CustomVJP("folded", np.abs, rule)
    tape = Tape()
    with ModeContext(observer=tape):
        folded(pb.tensor(A, requires_grad=True)).sum().backward()
    assert tape.values[1].pulls == {0: None}
