"""Promises of every derivative besides its numbers, whatever the shapes, strides and dtypes of the operands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ops.case import arrays
from tests.ops.cases import CASES
from tests.ops.draws import EXAMPLES, calls

import pullback as pb
from pullback.testing.contract import check_contract
from pullback.testing.leafwise import Arguments

# Some shapes that are drawn are rarely meant, and the lint that says so has tests of its own.
pytestmark = pytest.mark.filterwarnings("ignore::pullback.core.errors.BroadcastWarning")

ROWS = [case for case in CASES if case.differentiable]


def inner(left, right):
    """⟨a, b⟩ over all parts, and the sum of the magnitudes in it."""
    terms = [np.asarray(a, float) * np.asarray(b, float) for a, b in zip(left, right, strict=True)]
    return sum(t.sum() for t in terms), sum(abs(t).sum() for t in terms)


@pytest.mark.parametrize("case", ROWS, ids=repr)
@EXAMPLES
@given(data=st.data())
def test_gradients_are_as_their_values_and_adjoint_to_tangents_and_change_nothing(case, data):
    operands, params = data.draw(calls(case))
    arguments = Arguments(operands)
    function = arguments.leafwise(lambda *xs: case.f(*xs, **params))
    check_contract(function, arguments.given, arguments.names, ("forward", "reverse"))
    assert_adjoint(case, [x.astype(float) if x.dtype.kind == "f" else x for x in operands], params)


def assert_adjoint(case, operands, params):
    """⟨u, J t⟩ = ⟨Jᵀ u, t⟩."""
    arguments = Arguments(operands)
    f = arguments.leafwise(lambda *xs: case.f(*xs, **params))
    rng = np.random.default_rng(0)
    x = arguments.given
    t = [rng.normal(size=a.shape) for a in x]
    value, pushed = pb.jvp(f, x, t)
    u = [rng.normal(size=a.shape).astype(a.dtype) for a in arrays(value)]
    pulled = pb.vjp(f, *x)[1](tuple(u))
    (left, bound), (right, other) = inner(arrays(pushed), u), inner(arrays(pulled), t)
    eps = max(float(np.finfo(a.dtype).eps) for a in arrays(value))
    assert abs(left - right) <= 50 * eps * max(bound, other) + 1e-15
    if case.linear:  # then f is its own derivative
        (left, bound), (right, other) = inner(arrays(value), u), inner(arrays(pulled), x)
        assert abs(left - right) <= 50 * eps * max(bound, other) + 1e-15
